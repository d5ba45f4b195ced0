package org.crema.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Cuts texts at the tokens that are recognised before anything else. The token with the longest text (in bytes of UTF-8) claims
 * its places first, from left to right, wherever they are in the text; then the next.
 */
final class SpecialTokens {
    /** Receives the parts of a text in order. */
    interface Parts {
        /** Text of no token, not empty. */
        void text(int from, int to);

        /** A token. */
        void token(int id);
    }

    /** A place in the tree of all texts: what follows, and the token that ends here. */
    private static final class Node {
        private final Map<Character, Node> next = new HashMap<>();
        private int order = -1;
    }

    private final int[] ids;
    private final String[] texts;
    private final boolean[] control;
    private final Node root = new Node();
    private final BitSet starts = new BitSet();

    SpecialTokens(Vocabulary vocabulary) {
        List<Integer> found = new ArrayList<>();
        for (int id = 0; id < vocabulary.size(); id++) {
            boolean special = switch (vocabulary.type(id)) {
                case CONTROL, USER_DEFINED, UNKNOWN -> true;
                case NORMAL, UNUSED, BYTE -> false;
            };
            if (special && !vocabulary.text(id).isEmpty()) {
                found.add(id);
            }
        }
        found.sort(Comparator.comparingInt((Integer id) -> -vocabulary.text(id).getBytes(StandardCharsets.UTF_8).length));
        ids = found.stream().mapToInt(Integer::intValue).toArray();
        texts = new String[ids.length];
        control = new boolean[ids.length];
        for (int order = 0; order < ids.length; order++) {
            texts[order] = vocabulary.text(ids[order]);
            control[order] = vocabulary.type(ids[order]) != Vocabulary.Type.USER_DEFINED;
            starts.set(texts[order].charAt(0));
            Node node = root;
            for (char c : texts[order].toCharArray()) {
                node = node.next.computeIfAbsent(c, _ -> new Node());
            }
            node.order = order;
        }
    }

    /** @param parseSpecial whether tokens that are not user-defined are recognised */
    void cut(String text, boolean parseSpecial, Parts parts) {
        IntList cuts = new IntList();
        cuts.add(0);
        cuts.add(text.length());
        cuts.add(-1);
        BitSet present = present(text);
        for (int order = present.nextSetBit(0); order >= 0; order = present.nextSetBit(order + 1)) {
            if (parseSpecial || !control[order]) {
                cuts = claim(text, cuts, order);
            }
        }
        for (int i = 0; i < cuts.size(); i += 3) {
            if (cuts.get(i + 2) >= 0) {
                parts.token(cuts.get(i + 2));
            } else if (cuts.get(i) < cuts.get(i + 1)) {
                parts.text(cuts.get(i), cuts.get(i + 1));
            }
        }
    }

    /** The tokens whose text occurs somewhere, overlapping or not. */
    private BitSet present(String text) {
        BitSet present = new BitSet();
        for (int i = 0; i < text.length(); i++) {
            if (starts.get(text.charAt(i))) {
                Node node = root;
                for (int at = i; at < text.length(); at++) {
                    node = node.next.get(text.charAt(at));
                    if (node == null) {
                        break;
                    }
                    if (node.order >= 0) {
                        present.set(node.order);
                    }
                }
            }
        }
        return present;
    }

    /** Cuts what is still text at one token. Entries of three: from, to, and the id or -1 for text. */
    private IntList claim(String text, IntList cuts, int order) {
        IntList result = new IntList();
        String token = texts[order];
        for (int i = 0; i < cuts.size(); i += 3) {
            int from = cuts.get(i);
            int to = cuts.get(i + 1);
            int id = cuts.get(i + 2);
            if (id < 0) {
                int at = text.indexOf(token, from, to);
                while (at >= 0) {
                    if (at > from) {
                        add(result, from, at, -1);
                    }
                    from = at + token.length();
                    add(result, at, from, ids[order]);
                    at = text.indexOf(token, from, to);
                }
            }
            if (from < to) {
                add(result, from, to, id);
            }
        }
        return result;
    }

    private static void add(IntList list, int from, int to, int id) {
        list.add(from);
        list.add(to);
        list.add(id);
    }

    @Override
    public String toString() {
        return Arrays.toString(texts);
    }
}
