package org.crema.backend.cpu.gen;

/** Indented source text. */
final class Text {
    private final StringBuilder text = new StringBuilder();

    void line(int indent, String line) {
        text.append("    ".repeat(indent)).append(line).append('\n');
    }

    void blank() {
        text.append('\n');
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
