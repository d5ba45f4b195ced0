package org.crema.model.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Renders a template. Values are only String, Long, Double, Boolean, null, List, Map, {@link Callable} and {@link #UNDEFINED}: nothing
 * of the host can be reached. Work, output, sizes and depth are bounded.
 */
final class Interpreter {
    /** The value of a name that nothing was assigned to. */
    static final Object UNDEFINED = new Values.Undefined();

    /** The name under which a filter block's text is filtered; no template can write it. */
    static final String FILTERED = "\0filtered";

    private static final int MOST_STEPS = 2_000_000;
    private static final int MOST_OUTPUT = 16 << 20;
    private static final int DEEPEST = 400;
    /** Most elements of a list, and characters of a string, that an expression may make. */
    private static final int LARGEST = 1 << 20;

    private final List<Map<String, Object>> scopes = new ArrayList<>();
    private StringBuilder out = new StringBuilder();
    private int steps;
    private long made;
    private int depth;

    /** Something that a template can call. */
    @FunctionalInterface
    interface Callable {
        Object call(Args arguments, int line);
    }

    /** Ends a loop, or its current round. */
    private static final class LoopJump extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final boolean ends;

        LoopJump(boolean ends) {
            super(null, null, false, false);
            this.ends = ends;
        }
    }

    Interpreter(Map<String, Object> variables) {
        scopes.add(new LinkedHashMap<>(variables));
        new Builtins(this).functions().forEach(scopes.getFirst()::putIfAbsent);
    }

    String render(List<Node.Statement> template) {
        try {
            run(template);
        } catch (LoopJump e) {
            throw new ChatTemplateException("chat template: break or continue outside of a loop");
        }
        return out.toString();
    }

    private void run(List<Node.Statement> body) {
        for (Node.Statement statement : body) {
            run(statement);
        }
    }

    private void run(Node.Statement statement) {
        count(0);
        switch (statement) {
            case Node.Text text -> write(text.text(), 0);
            case Node.Output output -> write(Values.text(value(output.value())), output.line());
            case Node.If choice -> {
                for (Node.Branch branch : choice.branches()) {
                    if (branch.test() == null || Values.truth(value(branch.test()))) {
                        run(branch.body());
                        break;
                    }
                }
            }
            case Node.For loop -> loop(loop);
            case Node.Jump jump -> throw new LoopJump(jump.ends());
            case Node.Set set -> set(set);
            case Node.Macro macro -> scopes.getLast().put(macro.name(), macro(macro));
            case Node.FilterBlock block -> {
                String text = capture(block.body());
                scopes.add(new LinkedHashMap<>(Map.of(FILTERED, text)));
                Object filtered = value(block.filtered());
                scopes.removeLast();
                write(Values.text(filtered), block.line());
            }
        }
    }

    private void loop(Node.For loop) {
        List<Object> items = new ArrayList<>();
        for (Object item : Values.items(value(loop.items()), loop.line())) {
            if (loop.test() != null) {
                Map<String, Object> scope = new LinkedHashMap<>();
                assign(scope, loop.names(), item, loop.line());
                scopes.add(scope);
                boolean kept = Values.truth(value(loop.test()));
                scopes.removeLast();
                if (!kept) {
                    continue;
                }
            }
            items.add(item);
        }
        if (items.isEmpty()) {
            run(loop.otherwise());
        }
        for (int i = 0; i < items.size(); i++) {
            count(loop.line());
            Map<String, Object> scope = new LinkedHashMap<>();
            scope.put("loop", loopVariable(items, i));
            assign(scope, loop.names(), items.get(i), loop.line());
            int size = scopes.size();
            scopes.add(scope);
            try {
                run(loop.body());
            } catch (LoopJump jump) {
                if (jump.ends) {
                    break;
                }
            } finally {
                scopes.subList(size, scopes.size()).clear();
            }
        }
    }

    private static Map<String, Object> loopVariable(List<Object> items, int i) {
        Map<String, Object> loop = new LinkedHashMap<>();
        loop.put("index", i + 1L);
        loop.put("index0", (long) i);
        loop.put("revindex", (long) items.size() - i);
        loop.put("revindex0", items.size() - i - 1L);
        loop.put("first", i == 0);
        loop.put("last", i == items.size() - 1);
        loop.put("length", (long) items.size());
        loop.put("previtem", i > 0 ? items.get(i - 1) : UNDEFINED);
        loop.put("nextitem", i + 1 < items.size() ? items.get(i + 1) : UNDEFINED);
        return loop;
    }

    private static void assign(Map<String, Object> scope, List<String> names, Object value, int line) {
        if (names.size() == 1) {
            scope.put(names.get(0), value);
            return;
        }
        List<Object> parts = Values.items(value, line);
        if (parts.size() != names.size()) {
            throw ChatTemplateException.at(line, "has " + names.size() + " names for " + parts.size() + " values");
        }
        for (int i = 0; i < names.size(); i++) {
            scope.put(names.get(i), parts.get(i));
        }
    }

    private void set(Node.Set set) {
        Object value = set.value() == null ? capture(set.body()) : value(set.value());
        if (set.attribute() == null) {
            assign(scopes.getLast(), set.names(), value, set.line());
            return;
        }
        Object target = lookUp(set.names().get(0));
        if (!(target instanceof Values.Namespace namespace)) {
            throw ChatTemplateException.at(set.line(),
                    set.names().get(0) + " is no namespace(), so its attributes cannot be set");
        }
        namespace.values().put(set.attribute(), value);
    }

    private Callable macro(Node.Macro macro) {
        return (arguments, line) -> {
            enter(line);
            Map<String, Object> scope = new LinkedHashMap<>();
            for (int i = 0; i < macro.parameters().size(); i++) {
                Node.Parameter parameter = macro.parameters().get(i);
                Object value = arguments.get(i, parameter.name(), UNDEFINED);
                scope.put(parameter.name(),
                        Values.undefined(value) && parameter.otherwise() != null ? value(parameter.otherwise()) : value);
            }
            int size = scopes.size();
            scopes.add(scope);
            String text = capture(macro.body());
            scopes.subList(size, scopes.size()).clear();
            depth -= MACRO_DEPTH;
            return text;
        };
    }

    /** A macro call takes as much of the stack as several levels of expressions. */
    private static final int MACRO_DEPTH = 8;

    private void enter(int line) {
        depth += MACRO_DEPTH;
        if (depth > DEEPEST) {
            throw ChatTemplateException.at(line, "calls are nested too deep");
        }
    }

    private String capture(List<Node.Statement> body) {
        StringBuilder outer = out;
        out = new StringBuilder();
        try {
            run(body);
            return out.toString();
        } finally {
            out = outer;
        }
    }

    private void write(String text, int line) {
        made(text.length(), line);
        if (out.length() + text.length() > MOST_OUTPUT) {
            throw ChatTemplateException.at(line, "writes more than " + MOST_OUTPUT + " characters");
        }
        out.append(text);
    }

    private void count(int line) {
        if (++steps > MOST_STEPS) {
            throw ChatTemplateException.at(line, "takes more than " + MOST_STEPS + " steps");
        }
    }

    /** Counts characters and elements that were made, so that no expression makes more than memory holds. */
    void made(long size, int line) {
        made += size;
        if (size > LARGEST * 16L || made > LARGEST * 256L) {
            throw ChatTemplateException.at(line, "makes too much text or too long a list");
        }
    }

    /** The size of a list or string that is about to be made. */
    void willMake(long size, int line) {
        if (size < 0 || size > LARGEST) {
            throw ChatTemplateException.at(line, "would make a string or list of " + size + " elements, at most " + LARGEST
                    + " are allowed");
        }
        made(size, line);
    }

    private Object lookUp(String name) {
        for (Map<String, Object> scope : scopes.reversed()) {
            if (scope.containsKey(name)) {
                return scope.get(name);
            }
        }
        return UNDEFINED;
    }

    private Object value(Node.Expression expression) {
        count(0);
        if (++depth > DEEPEST) {
            throw new ChatTemplateException("chat template: an expression is nested deeper than " + DEEPEST);
        }
        Object value = switch (expression) {
            case Node.Literal literal -> literal.value();
            case Node.Name name -> lookUp(name.name());
            case Node.ListOf list -> {
                List<Object> items = new ArrayList<>();
                list.items().forEach(item -> items.add(value(item)));
                yield items;
            }
            case Node.DictOf dict -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                for (int i = 0; i < dict.keys().size(); i++) {
                    map.put(value(dict.keys().get(i)), value(dict.values().get(i)));
                }
                yield map;
            }
            case Node.Attribute attribute ->
                new Builtins(this).attribute(value(attribute.of()), attribute.name(), attribute.line());
            case Node.Item item -> Values.item(value(item.of()), value(item.key()), item.line());
            case Node.Slice slice ->
                Values.slice(value(slice.of()), optional(slice.from()), optional(slice.to()), optional(slice.step()), slice
                        .line());
            case Node.Call call -> call(call);
            case Node.Filter filter ->
                new Builtins(this).filter(filter.name(), value(filter.of()), arguments(filter.arguments()), filter
                        .line());
            case Node.Test test ->
                new Builtins(this).test(test.name(), value(test.of()), arguments(test.arguments()), test.line()) != test
                        .negated();
            case Node.Unary unary -> Values.unary(unary.operator(), value(unary.of()), unary.line());
            case Node.Binary binary -> binary(binary);
            case Node.Choice choice -> value(Values.truth(value(choice.test())) ? choice.value() : choice.otherwise());
        };
        depth--;
        return value;
    }

    private Object optional(Node.Expression expression) {
        return expression == null ? null : value(expression);
    }

    private Object call(Node.Call call) {
        Object what = value(call.what());
        if (what instanceof Callable callable) {
            return callable.call(arguments(call.arguments()), call.line());
        }
        String name = switch (call.what()) {
            case Node.Name n -> n.name();
            case Node.Attribute a -> a.name();
            default -> "this value";
        };
        throw ChatTemplateException.at(call.line(),
                name + " cannot be called" + (Values.undefined(what) ? "; it is not defined" : ""));
    }

    private Args arguments(Node.Arguments arguments) {
        List<Object> positional = new ArrayList<>();
        arguments.positional().forEach(argument -> positional.add(value(argument)));
        Map<String, Object> named = new LinkedHashMap<>();
        arguments.named().forEach((name, argument) -> named.put(name, value(argument)));
        return new Args(positional, named);
    }

    private Object binary(Node.Binary binary) {
        Object left = value(binary.left());
        return switch (binary.operator()) {
            case "and" -> Values.truth(left) ? value(binary.right()) : left;
            case "or" -> Values.truth(left) ? left : value(binary.right());
            default -> {
                Object right = value(binary.right());
                long size = Values.sizeOf(binary.operator(), left, right);
                if (size > 0) {
                    willMake(size, binary.line());
                }
                yield Values.binary(binary.operator(), left, right, binary.line());
            }
        };
    }

    /**
     * Arguments of a call.
     *
     * @param positional in order
     * @param named by name
     */
    record Args(List<Object> positional, Map<String, Object> named) {
        Object get(int index, String name, Object otherwise) {
            if (index < positional.size()) {
                return positional.get(index);
            }
            return named.getOrDefault(name, otherwise);
        }

        String text(int index, String name, String otherwise) {
            return Values.text(get(index, name, otherwise));
        }

        long integer(int index, String name, long otherwise, int line) {
            return Values.integer(get(index, name, otherwise), line);
        }

        boolean has(int index, String name) {
            return index < positional.size() || named.containsKey(name);
        }
    }
}
