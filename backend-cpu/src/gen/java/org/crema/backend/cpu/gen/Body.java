package org.crema.backend.cpu.gen;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The statements of a generated loop body. Local variables are declared with {@link #define} and written out only when, and just
 * before, a statement uses them: what a part of a block does not need is not computed, and values live shortly.
 */
final class Body {
    private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w*");

    private record Definition(String type, String expression) {}

    private final Map<String, Definition> pending = new LinkedHashMap<>();
    private final List<String> lines = new ArrayList<>();

    /** Declares a local variable and returns its name. */
    String define(String type, String name, String expression) {
        if (pending.put(name, new Definition(type, expression)) != null) {
            throw new IllegalStateException(name + " is defined twice");
        }
        return name;
    }

    /** Adds a statement, and before it the definitions that it needs. */
    void add(String statement) {
        need(statement);
        lines.add(statement);
    }

    private void need(String code) {
        Matcher names = NAME.matcher(code);
        while (names.find()) {
            Definition definition = pending.remove(names.group());
            if (definition != null) {
                need(definition.expression);
                lines.add(definition.type + " " + names.group() + " = " + definition.expression + ";");
            }
        }
    }

    List<String> lines() {
        return lines;
    }
}
