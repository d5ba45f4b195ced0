package org.crema.model.chat;

import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template into tokens. White space is treated as Hugging Face sets Jinja: the first line break after a statement or comment goes
 * ({@code trim_blocks}), so does white space before one that stands first in its line ({@code lstrip_blocks}); a minus in a tag takes all
 * white space on its side.
 */
final class Lexer {
    private static final List<String> OPERATORS = List.of("**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<",
            ">", "=",
            "(", ")", "[", "]", "{", "}", ",", ".", ":", "|");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        // As Jinja: line ends are unified, and one at the very end goes.
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        Lexer lexer = new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        boolean trimNext = false;
        while (at < source.length()) {
            int tag = nextTag();
            String text = source.substring(at, tag);
            int textLine = line;
            moveTo(tag);
            if (trimNext) {
                text = text.stripLeading();
            }
            if (tag == source.length()) {
                addText(text, textLine);
                break;
            }
            char kind = source.charAt(tag + 1);
            char mark = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
            if (mark == '-') {
                text = text.stripTrailing();
            } else if (mark != '+' && kind != '{') {
                text = withoutIndent(text, tag);
            }
            addText(text, textLine);
            trimNext = kind == '#' ? comment() : tag(kind, mark);
        }
        tokens.add(new Token(Token.Kind.END, "", line));
    }

    private int nextTag() {
        for (int i = at; i + 1 < source.length(); i++) {
            if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return source.length();
    }

    /** Drops blanks at the end of the text if the tag stands first in its line. */
    private String withoutIndent(String text, int tag) {
        int start = tag;
        while (start > 0 && (source.charAt(start - 1) == ' ' || source.charAt(start - 1) == '\t')) {
            start--;
        }
        boolean first = start == 0 || source.charAt(start - 1) == '\n';
        return first ? text.substring(0, Math.max(0, text.length() - (tag - start))) : text;
    }

    private void addText(String text, int textLine) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Token.Kind.TEXT, text, textLine));
        }
    }

    /** Skips a comment; gives whether white space after it goes. */
    private boolean comment() {
        int end = source.indexOf("#}", at + 2);
        if (end < 0) {
            throw ChatTemplateException.at(line, "the comment has no end");
        }
        boolean trim = source.charAt(end - 1) == '-' && end - 1 > at + 1;
        moveTo(end + 2);
        trimLineBreak(trim);
        return trim;
    }

    private void trimLineBreak(boolean trimmedAnyway) {
        if (!trimmedAnyway && at < source.length() && source.charAt(at) == '\n') {
            moveTo(at + 1);
        }
    }

    /** Reads an expression or statement; gives whether white space after it goes. */
    private boolean tag(char kind, char mark) {
        boolean expression = kind == '{';
        tokens.add(
                new Token(expression ? Token.Kind.OPEN_EXPRESSION : Token.Kind.OPEN_STATEMENT, expression ? "{{" : "{%", line));
        moveTo(at + (mark == '-' || mark == '+' ? 3 : 2));
        String close = expression ? "}}" : "%}";
        int depth = 0;
        while (true) {
            skipBlanks();
            if (at >= source.length()) {
                throw ChatTemplateException.at(line, "the tag has no end, expected " + close);
            }
            boolean trim = source.charAt(at) == '-';
            boolean keep = source.charAt(at) == '+';
            if (depth == 0 && source.startsWith(close, at + (trim || keep ? 1 : 0))) {
                tokens.add(new Token(expression ? Token.Kind.CLOSE_EXPRESSION : Token.Kind.CLOSE_STATEMENT, close, line));
                moveTo(at + (trim || keep ? 3 : 2));
                if (!expression && !keep) {
                    trimLineBreak(trim);
                }
                return trim;
            }
            depth += token();
        }
    }

    private void skipBlanks() {
        while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
            moveTo(at + 1);
        }
    }

    /** Reads a token inside of a tag; gives how much deeper in braces it leads. */
    private int token() {
        char c = source.charAt(at);
        int start = at;
        if (c == '"' || c == '\'') {
            string(c);
            return 0;
        }
        if (Character.isDigit(c)) {
            number(start);
            return 0;
        }
        if (Character.isLetter(c) || c == '_') {
            int end = at;
            while (end < source.length() && (Character.isLetterOrDigit(source.charAt(end)) || source.charAt(end) == '_')) {
                end++;
            }
            tokens.add(new Token(Token.Kind.NAME, source.substring(start, end), line));
            moveTo(end);
            return 0;
        }
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                tokens.add(new Token(Token.Kind.OPERATOR, operator, line));
                moveTo(at + operator.length());
                return operator.equals("{") ? 1 : operator.equals("}") ? -1 : 0;
            }
        }
        throw ChatTemplateException.at(line, "found '" + c + "', expected an expression");
    }

    private void number(int start) {
        int end = start;
        boolean real = false;
        while (end < source.length()
                && (Character.isDigit(source.charAt(end)) || source.charAt(end) == '_' || !real && source.charAt(
                        end) == '.' && end + 1 < source.length() && Character.isDigit(source.charAt(end + 1)))) {
            real |= source.charAt(end) == '.';
            end++;
        }
        tokens.add(new Token(real ? Token.Kind.FLOAT : Token.Kind.INTEGER, source.substring(start, end).replace("_", ""), line));
        moveTo(end);
    }

    private void string(char quote) {
        int begin = line;
        StringBuilder value = new StringBuilder();
        int i = at + 1;
        while (i < source.length() && source.charAt(i) != quote) {
            char c = source.charAt(i++);
            if (c == '\\' && i < source.length()) {
                char escaped = source.charAt(i++);
                switch (escaped) {
                    case 'n' -> value.append('\n');
                    case 't' -> value.append('\t');
                    case 'r' -> value.append('\r');
                    case 'u' -> {
                        value.append(unicode(i));
                        i += 4;
                    }
                    case '\\', '\'', '"' -> value.append(escaped);
                    default -> value.append('\\').append(escaped);
                }
            } else {
                value.append(c);
            }
        }
        if (i >= source.length()) {
            throw ChatTemplateException.at(begin, "the string has no end");
        }
        tokens.add(new Token(Token.Kind.STRING, value.toString(), begin));
        moveTo(i + 1);
    }

    private char unicode(int from) {
        try {
            return (char) Integer.parseInt(source.substring(from, from + 4), 16);
        } catch (NumberFormatException | StringIndexOutOfBoundsException e) {
            throw ChatTemplateException.at(line, "\\u needs four hexadecimal digits (" + e.getMessage() + ")");
        }
    }

    private void moveTo(int to) {
        for (; at < to; at++) {
            if (source.charAt(at) == '\n') {
                line++;
            }
        }
    }
}
