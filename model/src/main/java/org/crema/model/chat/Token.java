package org.crema.model.chat;

/**
 * A piece of a template.
 *
 * @param kind what it is
 * @param text its text; of a string literal the value
 * @param line where it begins, from 1
 */
record Token(Kind kind, String text, int line) {
    enum Kind {
        /** Plain text between tags. */
        TEXT,
        /** The opening brace pair of an expression, and its end. */
        OPEN_EXPRESSION,
        CLOSE_EXPRESSION,
        /** The opening of a statement, and its end. */
        OPEN_STATEMENT,
        CLOSE_STATEMENT,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind other, String value) {
        return kind == other && text.equals(value);
    }

    @Override
    public String toString() {
        return kind == Kind.END ? "the end of the template" : "\"" + text + "\"";
    }
}
