package org.crema.model.chat;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.crema.model.chat.Interpreter.Args;
import org.crema.model.chat.Interpreter.Callable;

/** Functions, filters, tests and methods that templates can use: those of Jinja and Python that published chat templates need. */
final class Builtins {
    private static final Object UNDEFINED = Interpreter.UNDEFINED;

    private final Interpreter interpreter;

    Builtins(Interpreter interpreter) {
        this.interpreter = interpreter;
    }

    /** Names that every template has. */
    Map<String, Callable> functions() {
        Map<String, Callable> functions = new LinkedHashMap<>();
        functions.put("raise_exception", (arguments, line) -> {
            throw ChatTemplateException.at(line, arguments.text(0, "message", "the template refuses these messages"));
        });
        functions.put("range", this::range);
        functions.put("namespace", (arguments, line) -> {
            Map<String, Object> values = new LinkedHashMap<>();
            if (!arguments.positional().isEmpty() && arguments.positional().get(0) instanceof Map<?, ?> map) {
                map.forEach((key, value) -> values.put(Values.text(key), value));
            }
            values.putAll(arguments.named());
            return new Values.Namespace(values);
        });
        functions.put("dict", (arguments, line) -> new LinkedHashMap<Object, Object>(arguments.named()));
        functions.put("strftime_now", (arguments, line) -> time(arguments.text(0, "format", "%Y-%m-%d"), line));
        return functions;
    }

    private Object range(Args arguments, int line) {
        long first = arguments.integer(0, "start", 0, line);
        boolean one = arguments.positional().size() < 2;
        long from = one ? 0 : first;
        long to = one ? first : arguments.integer(1, "stop", 0, line);
        long step = arguments.integer(2, "step", 1, line);
        if (step == 0) {
            throw ChatTemplateException.at(line, "range needs a step other than 0");
        }
        double count = Math.max(0, Math.ceil(((double) to - from) / step));
        interpreter.willMake(count > Integer.MAX_VALUE ? Long.MAX_VALUE : (long) count, line);
        List<Object> values = new ArrayList<>();
        for (long i = 0; i < (long) count; i++) {
            values.add(from + i * step);
        }
        return values;
    }

    private static String time(String format, int line) {
        LocalDateTime now = LocalDateTime.now(java.time.ZoneId.systemDefault());
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                text.append(c);
                continue;
            }
            String pattern = switch (format.charAt(++i)) {
                case 'd' -> "dd";
                case 'm' -> "MM";
                case 'y' -> "yy";
                case 'Y' -> "yyyy";
                case 'b' -> "MMM";
                case 'B' -> "MMMM";
                case 'a' -> "EEE";
                case 'A' -> "EEEE";
                case 'H' -> "HH";
                case 'I' -> "hh";
                case 'M' -> "mm";
                case 'S' -> "ss";
                case 'p' -> "a";
                case 'j' -> "DDD";
                case '%' -> "'%'";
                default -> throw ChatTemplateException.at(line, "strftime_now knows no %" + format.charAt(i));
            };
            text.append(now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH)));
        }
        return text.toString();
    }

    /** {@code of.name}: an entry of a mapping, or a method. */
    Object attribute(Object of, String name, int line) {
        if (of instanceof Values.Namespace namespace) {
            return namespace.values().getOrDefault(name, UNDEFINED);
        }
        if (of instanceof Map<?, ?> map) {
            return map.containsKey(name) ? map.get(name) : mapMethod(map, name);
        }
        if (of instanceof String s) {
            return stringMethod(s, name);
        }
        if (of instanceof List<?> list) {
            return listMethod(list, name);
        }
        if (of == null || Values.undefined(of)) {
            throw ChatTemplateException.at(line, "takes ." + name + " of " + Values.kind(of));
        }
        return UNDEFINED;
    }

    private Object mapMethod(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> (Callable) (a, line) -> pairs(map);
            case "keys" -> (Callable) (a, line) -> new ArrayList<Object>(map.keySet());
            case "values" -> (Callable) (a, line) -> new ArrayList<Object>(map.values());
            case "get" -> (Callable) (a, line) -> {
                Object key = a.get(0, "key", null);
                return map.containsKey(key) ? map.get(key) : a.get(1, "default", null);
            };
            default -> UNDEFINED;
        };
    }

    private static List<Object> pairs(Map<?, ?> map) {
        List<Object> pairs = new ArrayList<>();
        map.forEach((key, value) -> {
            List<Object> pair = new ArrayList<>();
            pair.add(key);
            pair.add(value);
            pairs.add(pair);
        });
        return pairs;
    }

    @SuppressWarnings("unchecked")
    private Object listMethod(List<?> list, String name) {
        return switch (name) {
            case "append" -> (Callable) (a, line) -> {
                interpreter.willMake(list.size() + 1L, line);
                ((List<Object>) list).add(a.get(0, "object", null));
                return null;
            };
            case "pop" -> (Callable) (a, line) -> {
                long index = a.integer(0, "index", -1, line);
                long at = index < 0 ? index + list.size() : index;
                if (at < 0 || at >= list.size()) {
                    throw ChatTemplateException.at(line, "pops element " + index + " of a list of " + list.size());
                }
                return list.remove((int) at);
            };
            case "index" -> (Callable) (a, line) -> {
                for (int i = 0; i < list.size(); i++) {
                    if (Values.same(list.get(i), a.get(0, "value", null))) {
                        return (long) i;
                    }
                }
                throw ChatTemplateException.at(line, "the list has no such element");
            };
            case "count" ->
                (Callable) (a, line) -> list.stream().filter(item -> Values.same(item, a.get(0, "value", null))).count();
            default -> UNDEFINED;
        };
    }

    private Object stringMethod(String s, String name) {
        return switch (name) {
            case "strip" -> (Callable) (a, line) -> strip(s, a, true, true);
            case "lstrip" -> (Callable) (a, line) -> strip(s, a, true, false);
            case "rstrip" -> (Callable) (a, line) -> strip(s, a, false, true);
            case "upper" -> (Callable) (a, line) -> s.toUpperCase(Locale.ROOT);
            case "lower" -> (Callable) (a, line) -> s.toLowerCase(Locale.ROOT);
            case "title" -> (Callable) (a, line) -> title(s);
            case "capitalize" -> (Callable) (a, line) -> capitalize(s);
            case "startswith" -> (Callable) (a, line) -> any(a.get(0, "prefix", ""), s::startsWith);
            case "endswith" -> (Callable) (a, line) -> any(a.get(0, "suffix", ""), s::endsWith);
            case "find" -> (Callable) (a, line) -> (long) s.indexOf(a.text(0, "sub", ""));
            case "rfind" -> (Callable) (a, line) -> (long) s.lastIndexOf(a.text(0, "sub", ""));
            case "count" -> (Callable) (a, line) -> count(s, a.text(0, "sub", ""));
            case "isdigit" -> (Callable) (a, line) -> !s.isEmpty() && s.codePoints().allMatch(Character::isDigit);
            case "isalpha" -> (Callable) (a, line) -> !s.isEmpty() && s.codePoints().allMatch(Character::isLetter);
            case "replace" -> (Callable) (a, line) -> replace(s, a, line);
            case "split" -> (Callable) (a, line) -> split(s, a, line);
            case "splitlines" -> (Callable) (a, line) -> new ArrayList<Object>(s.lines().toList());
            case "join" -> (Callable) (a, line) -> join(Values.items(a.get(0, "iterable", List.of()), line), s, line);
            default -> UNDEFINED;
        };
    }

    private static Object any(Object candidates, java.util.function.Predicate<String> test) {
        return candidates instanceof List<?> list
                ? list.stream().anyMatch(c -> test.test(Values.text(c)))
                : test.test(Values.text(
                        candidates));
    }

    private static String strip(String s, Args a, boolean left, boolean right) {
        Object set = a.get(0, "chars", null);
        String chars = set == null ? null : Values.text(set);
        int from = 0;
        int to = s.length();
        while (left && from < to && strips(chars, s.charAt(from))) {
            from++;
        }
        while (right && to > from && strips(chars, s.charAt(to - 1))) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean strips(String chars, char c) {
        return chars == null ? Character.isWhitespace(c) || Character.isSpaceChar(c) : chars.indexOf(c) >= 0;
    }

    private static String title(String s) {
        StringBuilder text = new StringBuilder();
        boolean inside = false;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            text.append(inside ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inside = Character.isLetter(c);
        }
        return text.toString();
    }

    private static String capitalize(String s) {
        return s.isEmpty() ? s : s.substring(0, 1).toUpperCase(Locale.ROOT) + s.substring(1).toLowerCase(Locale.ROOT);
    }

    private static long count(String s, String part) {
        long count = 0;
        for (int at = s.indexOf(part); at >= 0 && !part.isEmpty(); at = s.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    private Object replace(String s, Args a, int line) {
        String from = a.text(0, "old", "");
        String to = a.text(1, "new", "");
        long found = from.isEmpty() ? s.length() + 1L : count(s, from);
        interpreter.willMake(Math.max(0, s.length() + found * Math.max(0, to.length() - from.length())), line);
        if (!a.has(2, "count")) {
            return s.replace(from, to);
        }
        String rest = s;
        StringBuilder text = new StringBuilder();
        for (long i = a.integer(2, "count", -1, line); i > 0 && !from.isEmpty() && rest.contains(from); i--) {
            int at = rest.indexOf(from);
            text.append(rest, 0, at).append(to);
            rest = rest.substring(at + from.length());
        }
        return text + rest;
    }

    private Object split(String s, Args a, int line) {
        Object separator = a.get(0, "sep", null);
        long most = a.integer(1, "maxsplit", -1, line);
        List<Object> parts = new ArrayList<>();
        interpreter.willMake(s.length(), line);
        if (separator == null) {
            for (String word : s.strip().split("\\s+", most < 0 ? 0 : (int) Math.min(most + 1, 1 << 20))) {
                if (!word.isEmpty()) {
                    parts.add(word);
                }
            }
            return parts;
        }
        String by = Values.text(separator);
        if (by.isEmpty()) {
            throw ChatTemplateException.at(line, "split needs a separator that is not empty");
        }
        int from = 0;
        for (int at = s.indexOf(by); at >= 0 && most != 0; at = s.indexOf(by, from), most--) {
            parts.add(s.substring(from, at));
            from = at + by.length();
        }
        parts.add(s.substring(from));
        return parts;
    }

    private Object join(List<Object> items, String separator, int line) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < items.size(); i++) {
            text.append(i > 0 ? separator : "").append(Values.text(items.get(i)));
            interpreter.made(1, line);
        }
        interpreter.willMake(text.length(), line);
        return text.toString();
    }

    /** {@code value | name(arguments)}. */
    Object filter(String name, Object value, Args a, int line) {
        return switch (name) {
            case "trim" -> strip(Values.text(value), a, true, true);
            case "upper" -> Values.text(value).toUpperCase(Locale.ROOT);
            case "lower" -> Values.text(value).toLowerCase(Locale.ROOT);
            case "title" -> title(Values.text(value));
            case "capitalize" -> capitalize(Values.text(value));
            case "length", "count" -> length(value, line);
            case "default",
                    "d" ->
                Values.undefined(value) || Values.truth(a.get(1, "boolean", false)) && !Values.truth(value)
                        ? a.get(0,
                                "default_value", "")
                        : value;
            case "join" -> join(mapped(value, a.get(1, "attribute", null), line), a.text(0, "d", ""), line);
            case "replace" -> replace(Values.text(value), a, line);
            case "first" -> Values.item(new ArrayList<>(Values.items(value, line)), 0L, line);
            case "last" -> Values.item(new ArrayList<>(Values.items(value, line)), -1L, line);
            case "list" -> new ArrayList<>(Values.items(value, line));
            case "string", "safe" -> Values.text(value);
            case "int" -> number(value, a).longValue();
            case "float" -> number(value, a).doubleValue();
            case "abs" ->
                value instanceof Long n ? (Object) Math.abs(n) : (Object) Math.abs(number(value, a).doubleValue());
            case "round" -> round(value, a, line);
            case "tojson" -> tojson(value, a, line);
            case "map" -> map(value, a, line);
            case "select", "reject" -> select(value, a, name.equals("select"), line);
            case "selectattr", "rejectattr" -> selectAttribute(value, a, name.equals("selectattr"), line);
            case "items" -> value instanceof Map<?, ?> map ? pairs(map) : List.of();
            case "dictsort" -> sorted(pairs(mapping(value, line)), pair -> Values.item(pair, 0L, line), line);
            case "sort" -> sort(value, a, line);
            case "reverse" -> value instanceof String s
                    ? new StringBuilder(s).reverse().toString()
                    : new ArrayList<>(Values.items(value, line)
                            .reversed());
            case "unique" -> unique(Values.items(value, line));
            case "indent" -> indent(Values.text(value), a, line);
            case "escape", "e" ->
                Values.text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
                        .replace("\"", "&#34;");
            case "min", "max" -> extreme(Values.items(value, line), name.equals("min"), line);
            case "sum" -> {
                Object sum = 0L;
                for (Object item : mapped(value, a.get(0, "attribute", null), line)) {
                    sum = Values.binary("+", sum, item, line);
                }
                yield sum;
            }
            default -> throw ChatTemplateException.at(line, "knows no filter " + name);
        };
    }

    private static Map<?, ?> mapping(Object value, int line) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw ChatTemplateException.at(line, "found " + Values.kind(value) + ", expected a mapping");
    }

    private static Object length(Object value, int line) {
        return switch (value) {
            case String s -> (long) s.codePointCount(0, s.length());
            case List<?> list -> (long) list.size();
            case Map<?, ?> map -> (long) map.size();
            case null, default -> {
                if (Values.undefined(value)) {
                    yield 0L;
                }
                throw ChatTemplateException.at(line, Values.kind(value) + " has no length");
            }
        };
    }

    private static Number number(Object value, Args a) {
        if (value instanceof Number n) {
            return n;
        }
        if (value instanceof Boolean b) {
            return b ? 1L : 0L;
        }
        try {
            String text = Values.text(value).strip();
            return text.contains(".") ? (Number) Double.valueOf(text) : (Number) Long.valueOf(text);
        } catch (NumberFormatException e) {
            // As in Jinja: what is no number becomes the default.
            return a.get(0, "default", 0L) instanceof Number n ? n : 0L;
        }
    }

    private static Object round(Object value, Args a, int line) {
        double factor = Math.pow(10, Math.clamp(a.integer(0, "precision", 0, line), 0, 15));
        double scaled = number(value, a).doubleValue() * factor;
        return switch (a.text(1, "method", "common")) {
            case "ceil" -> Math.ceil(scaled) / factor;
            case "floor" -> Math.floor(scaled) / factor;
            default -> Math.rint(scaled) / factor;
        };
    }

    private Object tojson(Object value, Args a, int line) {
        Object indent = a.get(0, "indent", null);
        String json = Values.json(value, indent == null ? 0 : Math.clamp(Values.integer(indent, line), 0, 16), 0, line);
        interpreter.made(json.length(), line);
        return json;
    }

    private List<Object> mapped(Object value, Object attribute, int line) {
        List<Object> items = Values.items(value, line);
        if (attribute == null) {
            return items;
        }
        List<Object> mapped = new ArrayList<>();
        items.forEach(item -> mapped.add(path(item, Values.text(attribute), line)));
        return mapped;
    }

    private Object path(Object item, String path, int line) {
        Object value = item;
        for (String name : path.split("\\.", -1)) {
            value = value instanceof Map<?, ?> map
                    ? map.containsKey(name) ? map.get(name) : UNDEFINED
                    : attribute(value, name, line);
        }
        return value;
    }

    private Object map(Object value, Args a, int line) {
        if (a.named().containsKey("attribute")) {
            Object otherwise = a.named().getOrDefault("default", UNDEFINED);
            List<Object> mapped = new ArrayList<>();
            mapped(value, a.named().get("attribute"), line)
                    .forEach(item -> mapped.add(Values.undefined(item) ? otherwise : item));
            return mapped;
        }
        List<Object> mapped = new ArrayList<>();
        for (Object item : Values.items(value, line)) {
            mapped.add(filter(a.text(0, "filter", ""), item, rest(a, 1), line));
        }
        return mapped;
    }

    private static Args rest(Args a, int from) {
        return new Args(a.positional().subList(Math.min(from, a.positional().size()), a.positional().size()), Map.of());
    }

    private Object select(Object value, Args a, boolean wanted, int line) {
        List<Object> kept = new ArrayList<>();
        for (Object item : Values.items(value, line)) {
            boolean holds = a.positional().isEmpty() ? Values.truth(item) : test(a.text(0, "test", ""), item, rest(a, 1), line);
            if (holds == wanted) {
                kept.add(item);
            }
        }
        return kept;
    }

    private Object selectAttribute(Object value, Args a, boolean wanted, int line) {
        List<Object> kept = new ArrayList<>();
        for (Object item : Values.items(value, line)) {
            Object part = path(item, a.text(0, "attribute", ""), line);
            boolean holds = a.positional().size() < 2 ? Values.truth(part) : test(a.text(1, "test", ""), part, rest(a, 2), line);
            if (holds == wanted) {
                kept.add(item);
            }
        }
        return kept;
    }

    private Object sort(Object value, Args a, int line) {
        Object attribute = a.get(2, "attribute", null);
        boolean fold = !Values.truth(a.get(1, "case_sensitive", false));
        List<Object> sorted = sorted(Values.items(value, line), item -> {
            Object key = attribute == null ? item : path(item, Values.text(attribute), line);
            return fold && key instanceof String s ? s.toLowerCase(Locale.ROOT) : key;
        }, line);
        return Values.truth(a.get(0, "reverse", false)) ? new ArrayList<>(sorted.reversed()) : sorted;
    }

    private static List<Object> sorted(List<Object> items, UnaryOperator<Object> key, int line) {
        List<Object> sorted = new ArrayList<>(items);
        sorted.sort(Comparator.comparing(key, (x, y) -> Values.compare(x, y, line)));
        return sorted;
    }

    private static List<Object> unique(List<Object> items) {
        List<Object> unique = new ArrayList<>();
        for (Object item : items) {
            if (unique.stream().noneMatch(other -> Values.same(item, other))) {
                unique.add(item);
            }
        }
        return unique;
    }

    private Object indent(String text, Args a, int line) {
        Object width = a.get(0, "width", 4L);
        String margin = width instanceof String s ? s : " ".repeat(Math.clamp(Values.integer(width, line), 0, 1000));
        boolean first = Values.truth(a.get(1, "first", false));
        boolean blank = Values.truth(a.get(2, "blank", false));
        StringBuilder out = new StringBuilder();
        String[] lines = text.split("\n", -1);
        interpreter.willMake(text.length() + (long) lines.length * margin.length(), line);
        for (int i = 0; i < lines.length; i++) {
            boolean indented = i == 0 ? first : blank || !lines[i].isEmpty();
            out.append(i > 0 ? "\n" : "").append(indented ? margin : "").append(lines[i]);
        }
        return out.toString();
    }

    private static Object extreme(List<Object> items, boolean least, int line) {
        Object best = UNDEFINED;
        for (Object item : items) {
            if (Values.undefined(best) || Values.compare(item, best, line) < 0 == least && !Values.same(item, best)) {
                best = item;
            }
        }
        return best;
    }

    /** {@code value is name(arguments)}. */
    boolean test(String name, Object value, Args a, int line) {
        Object other = a.get(0, "other", null);
        return switch (name) {
            case "defined" -> !Values.undefined(value);
            case "undefined" -> Values.undefined(value);
            case "none" -> value == null;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "boolean" -> value instanceof Boolean;
            case "string" -> value instanceof String;
            case "number" -> value instanceof Number || value instanceof Boolean;
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "mapping" -> value instanceof Map<?, ?>;
            case "sequence", "iterable" -> value instanceof List<?> || value instanceof String || value instanceof Map<?, ?>;
            case "callable" -> value instanceof Callable;
            case "odd" -> Math.floorMod(Values.integer(value, line), 2) == 1;
            case "even" -> Math.floorMod(Values.integer(value, line), 2) == 0;
            case "divisibleby" -> Values.integer(value, line) % nonZero(Values.integer(other, line), line) == 0;
            case "equalto", "eq", "==", "sameas" -> Values.same(value, other);
            case "ne", "!=" -> !Values.same(value, other);
            case "lt", "lessthan", "<" -> Values.compare(value, other, line) < 0;
            case "gt", "greaterthan", ">" -> Values.compare(value, other, line) > 0;
            case "le", "<=" -> Values.compare(value, other, line) <= 0;
            case "ge", ">=" -> Values.compare(value, other, line) >= 0;
            case "in" -> Values.truth(Values.binary("in", value, other, line));
            case "lower" -> value instanceof String s && s.equals(s.toLowerCase(Locale.ROOT));
            case "upper" -> value instanceof String s && s.equals(s.toUpperCase(Locale.ROOT));
            default -> throw ChatTemplateException.at(line, "knows no test " + name);
        };
    }

    private static long nonZero(long value, int line) {
        if (value == 0) {
            throw ChatTemplateException.at(line, "divides by zero");
        }
        return value;
    }
}
