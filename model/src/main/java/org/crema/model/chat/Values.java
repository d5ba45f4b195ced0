package org.crema.model.chat;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.core.io.JsonStringEncoder;

/** What values of a template mean: truth, text, arithmetic and comparison as in Python. */
final class Values {
    private Values() {}

    /** What {@code namespace()} gives: the one kind of value whose attributes a template can set. */
    record Namespace(Map<String, Object> values) {}

    /** The kind of {@link Interpreter#UNDEFINED}. */
    record Undefined() {}

    static boolean undefined(Object value) {
        return value instanceof Undefined;
    }

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Long n -> n != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            default -> !undefined(value);
        };
    }

    /** As Python's {@code str}. */
    static String text(Object value) {
        return value instanceof String s ? s : undefined(value) ? "" : quoted(value, 0);
    }

    private static String quoted(Object value, int depth) {
        if (depth > 50) {
            throw new ChatTemplateException("chat template: a value is nested too deep to be written");
        }
        return switch (value) {
            case null -> "None";
            case Boolean b -> b ? "True" : "False";
            case Double d -> number(d);
            case String s ->
                s.contains("'") && !s.contains("\"") ? "\"" + escaped(s) + "\"" : "'" + escaped(s).replace("'", "\\'") + "'";
            case List<?> list -> {
                StringBuilder text = new StringBuilder("[");
                for (Object item : list) {
                    text.append(text.length() > 1 ? ", " : "").append(quoted(item, depth + 1));
                }
                yield text.append(']').toString();
            }
            case Map<?, ?> map -> {
                StringBuilder text = new StringBuilder("{");
                map.forEach((key, item) -> text.append(text.length() > 1 ? ", " : "").append(quoted(key, depth + 1)).append(": ")
                        .append(
                                quoted(item, depth + 1)));
                yield text.append('}').toString();
            }
            case Interpreter.Callable c -> "<function>";
            case Namespace n -> "<namespace>";
            default -> value.toString();
        };
    }

    private static String escaped(String s) {
        return s.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t");
    }

    private static String number(double d) {
        if (Double.isNaN(d) || Double.isInfinite(d)) {
            return Double.isNaN(d) ? "nan" : d > 0 ? "inf" : "-inf";
        }
        double size = Math.abs(d);
        if (size != 0 && (size < 1e-4 || size >= 1e16)) {
            return Double.toString(d).replace("E-", "e-0").replaceAll("e-0(\\d\\d)", "e-$1").replace("E", "e+").replace(".0e",
                    "e");
        }
        String plain = new BigDecimal(Double.toString(d)).toPlainString();
        return plain.contains(".") ? plain : plain + ".0";
    }

    /** As Hugging Face's {@code tojson}: {@code json.dumps} without escapes beyond ASCII. */
    static String json(Object value, int indent, int level, int line) {
        if (level > 50) {
            throw ChatTemplateException.at(line, "a value is nested too deep for tojson");
        }
        String open = indent > 0 ? "\n" + " ".repeat(indent * (level + 1)) : "";
        String close = indent > 0 ? "\n" + " ".repeat(indent * level) : "";
        String comma = indent > 0 ? "," + open : ", ";
        return switch (value) {
            case null -> "null";
            case Boolean b -> b.toString();
            case Long n -> n.toString();
            case Double d -> number(d);
            case String s -> "\"" + new String(JsonStringEncoder.getInstance().quoteAsCharArray(s)) + "\"";
            case List<?> list -> {
                if (list.isEmpty()) {
                    yield "[]";
                }
                StringBuilder text = new StringBuilder("[").append(open);
                for (int i = 0; i < list.size(); i++) {
                    text.append(i > 0 ? comma : "").append(json(list.get(i), indent, level + 1, line));
                }
                yield text.append(close).append(']').toString();
            }
            case Map<?, ?> map -> {
                if (map.isEmpty()) {
                    yield "{}";
                }
                StringBuilder text = new StringBuilder("{").append(open);
                boolean first = true;
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    text.append(first ? "" : comma).append(json(text(entry.getKey()), indent, level + 1, line)).append(": ")
                            .append(json(entry
                                    .getValue(), indent, level + 1, line));
                    first = false;
                }
                yield text.append(close).append('}').toString();
            }
            default -> throw ChatTemplateException.at(line, "tojson cannot write an undefined value or a function");
        };
    }

    static long integer(Object value, int line) {
        return switch (value) {
            case Long n -> n;
            case Boolean b -> b ? 1 : 0;
            case null, default -> throw ChatTemplateException.at(line, "found " + kind(value) + ", expected an integer");
        };
    }

    static String kind(Object value) {
        return switch (value) {
            case null -> "none";
            case Boolean b -> "a boolean";
            case Long n -> "an integer";
            case Double d -> "a float";
            case String s -> "a string";
            case List<?> l -> "a list";
            case Map<?, ?> m -> "a mapping";
            case Interpreter.Callable c -> "a function";
            case Namespace n -> "a namespace";
            default -> "an undefined value";
        };
    }

    /** What a loop goes over: elements, characters, or keys. */
    @SuppressWarnings("unchecked")
    static List<Object> items(Object value, int line) {
        return switch (value) {
            case List<?> list -> (List<Object>) list;
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String s -> {
                List<Object> characters = new ArrayList<>();
                s.codePoints().forEach(c -> characters.add(Character.toString(c)));
                yield characters;
            }
            case null, default -> {
                if (undefined(value)) {
                    yield List.of();
                }
                throw ChatTemplateException.at(line, "found " + kind(value) + ", expected something to loop over");
            }
        };
    }

    static Object item(Object of, Object key, int line) {
        return switch (of) {
            case Map<?, ?> map -> map.containsKey(key) ? map.get(key) : Interpreter.UNDEFINED;
            case Namespace namespace -> namespace.values().getOrDefault(text(key), Interpreter.UNDEFINED);
            case List<?> list when key instanceof Long index -> {
                long i = index < 0 ? index + list.size() : index;
                yield i >= 0 && i < list.size() ? list.get((int) i) : Interpreter.UNDEFINED;
            }
            case String s when key instanceof Long index -> {
                int length = s.codePointCount(0, s.length());
                long i = index < 0 ? index + length : index;
                yield i >= 0 && i < length
                        ? Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) i)))
                        : Interpreter.UNDEFINED;
            }
            case null, default -> {
                if (of == null || undefined(of)) {
                    throw ChatTemplateException.at(line, "takes " + text(key) + " of " + kind(of));
                }
                yield Interpreter.UNDEFINED;
            }
        };
    }

    static Object slice(Object of, Object from, Object to, Object step, int line) {
        List<Object> items = items(of, line);
        long by = step == null ? 1 : integer(step, line);
        if (by == 0) {
            throw ChatTemplateException.at(line, "a slice needs a step other than 0");
        }
        int size = items.size();
        long start = bound(from, by > 0 ? 0 : size - 1L, size, by, line);
        long end = bound(to, by > 0 ? size : -1, size, by, line);
        List<Object> part = new ArrayList<>();
        for (long i = start; by > 0 ? i < end : i > end; i += by) {
            part.add(items.get((int) i));
        }
        if (of instanceof String) {
            StringBuilder text = new StringBuilder();
            part.forEach(text::append);
            return text.toString();
        }
        return part;
    }

    private static long bound(Object given, long otherwise, int size, long step, int line) {
        if (given == null) {
            return otherwise;
        }
        long value = integer(given, line);
        if (value < 0) {
            value += size;
        }
        return step > 0 ? Math.clamp(value, 0, size) : Math.clamp(value, -1, size - 1L);
    }

    static Object unary(String operator, Object of, int line) {
        return switch (operator) {
            case "not" -> !truth(of);
            case "-" -> switch (of) {
                case Long n -> -n;
                case Double d -> -d;
                case null, default -> throw ChatTemplateException.at(line, "cannot negate " + kind(of));
            };
            default -> of;
        };
    }

    /** Size of the string or list that an operator makes, 0 if it makes none. */
    static long sizeOf(String operator, Object left, Object right) {
        return switch (operator) {
            case "+" -> left instanceof String a && right instanceof String b
                    ? (long) a.length() + b.length()
                    : left instanceof List<?> a && right instanceof List<?> b ? (long) a.size() + b.size() : 0;
            case "~" -> left instanceof String a && right instanceof String b ? (long) a.length() + b.length() : 0;
            case "*" -> left instanceof Long n ? times(right, n) : right instanceof Long n ? times(left, n) : 0;
            default -> 0;
        };
    }

    private static long times(Object what, long times) {
        int size = what instanceof String s ? s.length() : what instanceof List<?> list ? list.size() : 0;
        return size == 0 || times <= 0 ? 0 : times > Integer.MAX_VALUE ? Long.MAX_VALUE : size * times;
    }

    static Object binary(String operator, Object left, Object right, int line) {
        return switch (operator) {
            case "~" -> text(left) + text(right);
            case "==" -> same(left, right);
            case "!=" -> !same(left, right);
            case "<" -> compare(left, right, line) < 0;
            case ">" -> compare(left, right, line) > 0;
            case "<=" -> compare(left, right, line) <= 0;
            case ">=" -> compare(left, right, line) >= 0;
            case "in" -> in(left, right, line);
            default -> arithmetic(operator, left, right, line);
        };
    }

    static boolean same(Object left, Object right) {
        if (left instanceof Number a && right instanceof Number b) {
            return a instanceof Long && b instanceof Long ? a.longValue() == b.longValue() : a.doubleValue() == b.doubleValue();
        }
        return Objects.equals(left, right);
    }

    static int compare(Object left, Object right, int line) {
        if (left instanceof Number a && right instanceof Number b) {
            return a instanceof Long && b instanceof Long
                    ? Long.compare(a.longValue(), b.longValue())
                    : Double.compare(a.doubleValue(), b
                            .doubleValue());
        }
        if (left instanceof String a && right instanceof String b) {
            return Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray());
        }
        throw ChatTemplateException.at(line, "cannot compare " + kind(left) + " with " + kind(right));
    }

    private static boolean in(Object item, Object container, int line) {
        return switch (container) {
            case String s -> item instanceof String part && s.contains(part);
            case List<?> list -> list.stream().anyMatch(other -> same(item, other));
            case Map<?, ?> map -> map.containsKey(item);
            case null, default -> {
                if (undefined(container)) {
                    yield false;
                }
                throw ChatTemplateException.at(line, "looks for something in " + kind(container));
            }
        };
    }

    private static Object arithmetic(String operator, Object left, Object right, int line) {
        try {
            if (left instanceof Long a && right instanceof Long b) {
                return switch (operator) {
                    case "+" -> Math.addExact(a, b);
                    case "-" -> Math.subtractExact(a, b);
                    case "*" -> Math.multiplyExact(a, b);
                    case "//" -> Math.floorDiv(a, b);
                    case "%" -> Math.floorMod(a, b);
                    case "/" -> {
                        if (b == 0) {
                            throw new ArithmeticException("division by zero");
                        }
                        yield (double) a / b;
                    }
                    default -> power(a, b);
                };
            }
        } catch (ArithmeticException e) {
            throw ChatTemplateException.at(line, e.getMessage() + " in " + left + " " + operator + " " + right);
        }
        if (left instanceof Number a && right instanceof Number b) {
            double x = a.doubleValue();
            double y = b.doubleValue();
            return switch (operator) {
                case "+" -> x + y;
                case "-" -> x - y;
                case "*" -> x * y;
                case "/" -> x / y;
                case "//" -> Math.floor(x / y);
                case "%" -> x - y * Math.floor(x / y);
                default -> Math.pow(x, y);
            };
        }
        if (operator.equals("+") && left instanceof String a && right instanceof String b) {
            return a + b;
        }
        if (operator.equals("+") && left instanceof List<?> a && right instanceof List<?> b) {
            List<Object> all = new ArrayList<>(a);
            all.addAll(b);
            return all;
        }
        if (operator.equals("*") && left instanceof Long && (right instanceof String || right instanceof List<?>)) {
            return arithmetic(operator, right, left, line);
        }
        if (operator.equals("*") && right instanceof Long times) {
            int count = (int) Math.max(0, times);
            if (left instanceof String s) {
                return s.repeat(s.isEmpty() ? 0 : count);
            }
            if (left instanceof List<?> list) {
                List<Object> all = new ArrayList<>();
                for (int i = 0; i < count && !list.isEmpty(); i++) {
                    all.addAll(list);
                }
                return all;
            }
        }
        throw ChatTemplateException.at(line, "cannot compute " + kind(left) + " " + operator + " " + kind(right));
    }

    private static Object power(long base, long exponent) {
        if (exponent < 0) {
            return Math.pow((double) base, (double) exponent);
        }
        if (exponent > 64 && Math.abs(base) > 1) {
            throw new ArithmeticException("the result is too large");
        }
        long result = 1;
        for (long i = 0; i < Math.min(exponent, 64 + (exponent & 1)); i++) {
            result = Math.multiplyExact(result, base);
        }
        return result;
    }

    static Map<Object, Object> copy(Map<?, ?> map) {
        return new LinkedHashMap<>(map);
    }
}
