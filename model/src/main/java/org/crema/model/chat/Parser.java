package org.crema.model.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Builds the tree of a template. Precedence as in Jinja, from loosest: if-else, or, and, not, comparisons, ~, + -, * / // %, **. */
final class Parser {
    /** Deeper nesting than any real template; keeps a hostile one from exhausting the stack. */
    private static final int DEEPEST = 100;
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", ">", "<=", ">=");

    private final List<Token> tokens;
    private int at;
    private int depth;

    private Parser(List<Token> tokens) {
        this.tokens = tokens;
    }

    static List<Node.Statement> parse(String template) {
        Parser parser = new Parser(Lexer.tokens(template));
        List<Node.Statement> body = parser.body(Set.of());
        if (parser.peek().kind() != Token.Kind.END) {
            throw parser.unexpected("a statement");
        }
        return body;
    }

    /** Statements up to a tag that begins with one of these words, which is not consumed. */
    private List<Node.Statement> body(Set<String> ends) {
        enter();
        List<Node.Statement> body = new ArrayList<>();
        while (true) {
            Token token = peek();
            switch (token.kind()) {
                case TEXT -> {
                    at++;
                    body.add(new Node.Text(token.text()));
                }
                case OPEN_EXPRESSION -> {
                    at++;
                    Node.Expression value = tuple();
                    expect(Token.Kind.CLOSE_EXPRESSION, "}}");
                    body.add(new Node.Output(value, token.line()));
                }
                case OPEN_STATEMENT -> {
                    if (ends.contains(tokens.get(at + 1).text())) {
                        depth--;
                        return body;
                    }
                    at++;
                    statement(body);
                }
                case END -> {
                    if (!ends.isEmpty()) {
                        throw unexpected("one of " + ends);
                    }
                    depth--;
                    return body;
                }
                default -> throw unexpected("text or a tag");
            }
        }
    }

    private void statement(List<Node.Statement> into) {
        Token word = next();
        switch (word.text()) {
            case "if" -> into.add(ifStatement());
            case "for" -> into.add(forStatement(word.line()));
            case "set" -> into.add(setStatement(word.line()));
            case "macro" -> into.add(macro());
            case "filter" -> into.add(filterBlock(word.line()));
            case "break", "continue" -> {
                close();
                into.add(new Node.Jump(word.text().equals("break")));
            }
            case "generation" -> {
                // Marks what the assistant says, for training; the text itself stays.
                close();
                into.addAll(body(Set.of("endgeneration")));
                end("endgeneration");
            }
            default -> throw ChatTemplateException.at(word.line(), "found the statement " + word
                    + ", supported are if, for, set, macro, filter, break, continue and generation");
        }
    }

    private Node.Statement ifStatement() {
        List<Node.Branch> branches = new ArrayList<>();
        Node.Expression test = expression();
        close();
        while (true) {
            branches.add(new Node.Branch(test, body(Set.of("elif", "else", "endif"))));
            at++;
            String word = next().text();
            if (word.equals("endif")) {
                close();
                return new Node.If(branches);
            }
            test = word.equals("elif") ? expression() : null;
            close();
        }
    }

    private Node.Statement forStatement(int line) {
        List<String> names = names();
        expect(Token.Kind.NAME, "in");
        Node.Expression items = or();
        Node.Expression test = accept(Token.Kind.NAME, "if") ? expression() : null;
        close();
        List<Node.Statement> body = body(Set.of("else", "endfor"));
        List<Node.Statement> otherwise = List.of();
        at++;
        if (next().text().equals("else")) {
            close();
            otherwise = body(Set.of("endfor"));
            at += 2;
        }
        close();
        return new Node.For(names, items, test, body, otherwise, line);
    }

    private List<String> names() {
        List<String> names = new ArrayList<>();
        boolean parenthesis = accept(Token.Kind.OPERATOR, "(");
        do {
            names.add(name());
        } while (accept(Token.Kind.OPERATOR, ","));
        if (parenthesis) {
            expect(Token.Kind.OPERATOR, ")");
        }
        return names;
    }

    private Node.Statement setStatement(int line) {
        List<String> names = names();
        String attribute = accept(Token.Kind.OPERATOR, ".") ? name() : null;
        if (accept(Token.Kind.OPERATOR, "=")) {
            Node.Expression value = tuple();
            close();
            return new Node.Set(names, attribute, value, List.of(), line);
        }
        close();
        List<Node.Statement> body = body(Set.of("endset"));
        end("endset");
        return new Node.Set(names, attribute, null, body, line);
    }

    private Node.Statement macro() {
        String name = name();
        expect(Token.Kind.OPERATOR, "(");
        List<Node.Parameter> parameters = new ArrayList<>();
        while (!accept(Token.Kind.OPERATOR, ")")) {
            String parameter = name();
            parameters.add(new Node.Parameter(parameter, accept(Token.Kind.OPERATOR, "=") ? expression() : null));
            if (!peek().is(Token.Kind.OPERATOR, ")")) {
                expect(Token.Kind.OPERATOR, ",");
            }
        }
        close();
        List<Node.Statement> body = body(Set.of("endmacro"));
        end("endmacro");
        return new Node.Macro(name, parameters, body);
    }

    private Node.Statement filterBlock(int line) {
        Node.Expression filtered = filters(new Node.Name(Interpreter.FILTERED), true);
        close();
        List<Node.Statement> body = body(Set.of("endfilter"));
        end("endfilter");
        return new Node.FilterBlock(filtered, body, line);
    }

    private void end(String word) {
        expect(Token.Kind.OPEN_STATEMENT, "{%");
        expect(Token.Kind.NAME, word);
        close();
    }

    private void close() {
        expect(Token.Kind.CLOSE_STATEMENT, "%}");
    }

    /** An expression, or several with commas between them, which make a list. */
    private Node.Expression tuple() {
        Node.Expression first = expression();
        if (!peek().is(Token.Kind.OPERATOR, ",")) {
            return first;
        }
        List<Node.Expression> items = new ArrayList<>(List.of(first));
        while (accept(Token.Kind.OPERATOR, ",")) {
            if (peek().kind() == Token.Kind.CLOSE_STATEMENT || peek().kind() == Token.Kind.CLOSE_EXPRESSION) {
                break;
            }
            items.add(expression());
        }
        return new Node.ListOf(items);
    }

    private Node.Expression expression() {
        enter();
        Node.Expression value = or();
        while (accept(Token.Kind.NAME, "if")) {
            Node.Expression test = or();
            Node.Expression otherwise = accept(Token.Kind.NAME, "else") ? expression() : new Node.Literal(Interpreter.UNDEFINED);
            value = new Node.Choice(test, value, otherwise);
        }
        depth--;
        return value;
    }

    private Node.Expression or() {
        Node.Expression left = and();
        while (peek().is(Token.Kind.NAME, "or")) {
            left = new Node.Binary("or", left, afterOperator(this::and), line());
        }
        return left;
    }

    private Node.Expression and() {
        Node.Expression left = not();
        while (peek().is(Token.Kind.NAME, "and")) {
            left = new Node.Binary("and", left, afterOperator(this::not), line());
        }
        return left;
    }

    private Node.Expression not() {
        if (peek().is(Token.Kind.NAME, "not")) {
            int line = line();
            at++;
            enter();
            Node.Expression of = not();
            depth--;
            return new Node.Unary("not", of, line);
        }
        return comparison();
    }

    private Node.Expression comparison() {
        Node.Expression left = concatenation();
        while (true) {
            Token token = peek();
            if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text()) || token.is(Token.Kind.NAME, "in")) {
                left = new Node.Binary(token.text(), left, afterOperator(this::concatenation), token.line());
            } else if (token.is(Token.Kind.NAME, "not") && tokens.get(at + 1).is(Token.Kind.NAME, "in")) {
                at++;
                left = new Node.Unary("not", new Node.Binary("in", left, afterOperator(this::concatenation), token.line()),
                        token.line());
            } else {
                return left;
            }
        }
    }

    private Node.Expression concatenation() {
        Node.Expression left = sum();
        while (peek().is(Token.Kind.OPERATOR, "~")) {
            left = new Node.Binary("~", left, afterOperator(this::sum), line());
        }
        return left;
    }

    private Node.Expression sum() {
        Node.Expression left = product();
        while (peek().is(Token.Kind.OPERATOR, "+") || peek().is(Token.Kind.OPERATOR, "-")) {
            left = new Node.Binary(peek().text(), left, afterOperator(this::product), line());
        }
        return left;
    }

    private Node.Expression product() {
        Node.Expression left = unary();
        while (peek().kind() == Token.Kind.OPERATOR && Set.of("*", "/", "//", "%").contains(peek().text())) {
            left = new Node.Binary(peek().text(), left, afterOperator(this::unary), line());
        }
        return left;
    }

    private Node.Expression unary() {
        if (peek().is(Token.Kind.OPERATOR, "-") || peek().is(Token.Kind.OPERATOR, "+")) {
            Token sign = next();
            enter();
            Node.Expression of = unary();
            depth--;
            return new Node.Unary(sign.text(), of, sign.line());
        }
        Node.Expression base = filters(postfix(primary()), false);
        if (peek().is(Token.Kind.OPERATOR, "**")) {
            int line = line();
            return new Node.Binary("**", base, afterOperator(this::unary), line);
        }
        return base;
    }

    private Node.Expression afterOperator(java.util.function.Supplier<Node.Expression> operand) {
        at++;
        return operand.get();
    }

    /** Filters and tests behind a value. */
    private Node.Expression filters(Node.Expression of, boolean nameFirst) {
        Node.Expression value = of;
        boolean first = nameFirst;
        while (true) {
            if (first || accept(Token.Kind.OPERATOR, "|")) {
                first = false;
                int line = line();
                String name = name();
                value = postfix(
                        new Node.Filter(value, name, peek().is(Token.Kind.OPERATOR, "(") ? arguments() : Node.Arguments.NONE,
                                line));
            } else if (peek().is(Token.Kind.NAME, "is")) {
                int line = line();
                at++;
                boolean negated = accept(Token.Kind.NAME, "not");
                String name = name();
                value = new Node.Test(value, name, testArguments(), negated, line);
            } else {
                return value;
            }
        }
    }

    private Node.Arguments testArguments() {
        Token token = peek();
        if (token.is(Token.Kind.OPERATOR, "(")) {
            return arguments();
        }
        boolean operand = switch (token.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !Set.of("and", "or", "not", "if", "else", "is", "in").contains(token.text());
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            default -> false;
        };
        return operand ? new Node.Arguments(List.of(postfix(primary())), Map.of()) : Node.Arguments.NONE;
    }

    private Node.Expression postfix(Node.Expression of) {
        Node.Expression value = of;
        while (true) {
            int line = line();
            if (accept(Token.Kind.OPERATOR, ".")) {
                Token name = next();
                value = name.kind() == Token.Kind.INTEGER
                        ? new Node.Item(value, new Node.Literal(integer(name)), line)
                        : new Node.Attribute(value, name.text(), line);
            } else if (accept(Token.Kind.OPERATOR, "[")) {
                value = subscript(value, line);
            } else if (peek().is(Token.Kind.OPERATOR, "(")) {
                value = new Node.Call(value, arguments(), line);
            } else {
                return value;
            }
        }
    }

    private Node.Expression subscript(Node.Expression of, int line) {
        Node.Expression from = peek().is(Token.Kind.OPERATOR, ":") ? null : expression();
        if (accept(Token.Kind.OPERATOR, "]")) {
            return new Node.Item(of, from, line);
        }
        expect(Token.Kind.OPERATOR, ":");
        Node.Expression to = peek().is(Token.Kind.OPERATOR, ":") || peek().is(Token.Kind.OPERATOR, "]") ? null : expression();
        Node.Expression step = accept(Token.Kind.OPERATOR, ":") && !peek().is(Token.Kind.OPERATOR, "]") ? expression() : null;
        expect(Token.Kind.OPERATOR, "]");
        return new Node.Slice(of, from, to, step, line);
    }

    private Node.Arguments arguments() {
        expect(Token.Kind.OPERATOR, "(");
        List<Node.Expression> positional = new ArrayList<>();
        Map<String, Node.Expression> named = new LinkedHashMap<>();
        while (!accept(Token.Kind.OPERATOR, ")")) {
            if (peek().kind() == Token.Kind.NAME && tokens.get(at + 1).is(Token.Kind.OPERATOR, "=")) {
                String name = name();
                at++;
                named.put(name, expression());
            } else {
                positional.add(expression());
            }
            if (!peek().is(Token.Kind.OPERATOR, ")")) {
                expect(Token.Kind.OPERATOR, ",");
            }
        }
        return new Node.Arguments(positional, named);
    }

    private Node.Expression primary() {
        enter();
        try {
            Token token = next();
            return switch (token.kind()) {
                case STRING -> string(token);
                case INTEGER -> new Node.Literal(integer(token));
                case FLOAT -> new Node.Literal(Double.valueOf(token.text()));
                case NAME -> switch (token.text()) {
                    case "true", "True" -> new Node.Literal(true);
                    case "false", "False" -> new Node.Literal(false);
                    case "none", "None" -> new Node.Literal(null);
                    default -> new Node.Name(token.text());
                };
                case OPERATOR -> switch (token.text()) {
                    case "(" -> parenthesis();
                    case "[" -> new Node.ListOf(items("]"));
                    case "{" -> dict();
                    default -> throw unexpectedBefore("an expression");
                };
                default -> throw unexpectedBefore("an expression");
            };
        } finally {
            depth--;
        }
    }

    /** Neighbouring string literals are one. */
    private Node.Expression string(Token first) {
        StringBuilder text = new StringBuilder(first.text());
        while (peek().kind() == Token.Kind.STRING) {
            text.append(next().text());
        }
        return new Node.Literal(text.toString());
    }

    private Long integer(Token token) {
        try {
            return Long.valueOf(token.text());
        } catch (NumberFormatException e) {
            throw ChatTemplateException.at(token.line(), "the number " + token.text() + " is too large");
        }
    }

    private Node.Expression parenthesis() {
        if (accept(Token.Kind.OPERATOR, ")")) {
            return new Node.ListOf(List.of());
        }
        Node.Expression first = expression();
        if (accept(Token.Kind.OPERATOR, ")")) {
            return first;
        }
        expect(Token.Kind.OPERATOR, ",");
        List<Node.Expression> all = new ArrayList<>(List.of(first));
        all.addAll(items(")"));
        return new Node.ListOf(all);
    }

    private List<Node.Expression> items(String end) {
        List<Node.Expression> items = new ArrayList<>();
        while (!accept(Token.Kind.OPERATOR, end)) {
            items.add(expression());
            if (!peek().is(Token.Kind.OPERATOR, end)) {
                expect(Token.Kind.OPERATOR, ",");
            }
        }
        return items;
    }

    private Node.Expression dict() {
        List<Node.Expression> keys = new ArrayList<>();
        List<Node.Expression> values = new ArrayList<>();
        while (!accept(Token.Kind.OPERATOR, "}")) {
            keys.add(expression());
            expect(Token.Kind.OPERATOR, ":");
            values.add(expression());
            if (!peek().is(Token.Kind.OPERATOR, "}")) {
                expect(Token.Kind.OPERATOR, ",");
            }
        }
        return new Node.DictOf(keys, values);
    }

    private void enter() {
        if (++depth > DEEPEST) {
            throw ChatTemplateException.at(line(), "is nested deeper than " + DEEPEST);
        }
    }

    private Token peek() {
        return tokens.get(at);
    }

    private Token next() {
        Token token = tokens.get(at);
        if (token.kind() != Token.Kind.END) {
            at++;
        }
        return token;
    }

    private int line() {
        return peek().line();
    }

    private String name() {
        if (peek().kind() != Token.Kind.NAME) {
            throw unexpected("a name");
        }
        return next().text();
    }

    private boolean accept(Token.Kind kind, String text) {
        if (peek().is(kind, text)) {
            at++;
            return true;
        }
        return false;
    }

    private void expect(Token.Kind kind, String text) {
        if (!accept(kind, text)) {
            throw unexpected("\"" + text + "\"");
        }
    }

    private ChatTemplateException unexpected(String expected) {
        return ChatTemplateException.at(line(), "found " + peek() + ", expected " + expected);
    }

    private ChatTemplateException unexpectedBefore(String expected) {
        at = Math.max(0, at - 1);
        return unexpected(expected);
    }
}
