package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import org.crema.kernels.Cache;
import org.crema.kernels.Rotation.Pairing;
import org.crema.kernels.Routing;
import org.crema.kernels.Routing.Scoring;
import org.crema.kernels.Rows;
import org.crema.kernels.conformance.AttentionCases.History;
import org.crema.kernels.quant.QuantType;

/**
 * The kit's performance mode: its cases at the shapes of DeepSeek-Coder-V2, for one token and for a prompt. Weights are larger than
 * most caches; {@link Workload} runs a case on a device.
 */
public final class PerfCases {
    /** Tokens of a step: an answer's, and a prompt's. */
    private static final int[] BATCHES = {1, 512};
    private static final int WIDTH = 2048;
    /** A multiple of all block sizes, near the dense width of the Lite model. */
    private static final int DENSE = 10752;
    private static final int EXPERT = 1536;
    private static final int HEADS = 16;

    private PerfCases() {}

    /** Names of the cases that contain this regular expression, in the order in which to run them. */
    public static List<String> names(String only) {
        Pattern pattern = Pattern.compile(only);
        return all().stream().map(Case::name).filter(name -> pattern.matcher(name).find()).toList();
    }

    static Case named(String name) {
        return all().stream().filter(c -> c.name().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no case has the name " + name));
    }

    private static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (int tokens : BATCHES) {
            for (QuantType type : QuantType.values()) {
                cases.add(MatMulCases.matMul(type, DENSE, WIDTH, tokens, false, false));
            }
            Arrays.stream(QuantType.values()).forEach(type -> cases.add(ExpertCases.matMul(type, 64, 6, EXPERT, WIDTH, tokens,
                    TOKENS)));
            for (QuantType type : List.of(QuantType.F16, QuantType.Q8_0, QuantType.Q4_K)) {
                cases.add(ExpertCases.matMul(type, 64, 6, WIDTH, EXPERT, tokens, Rows.pairs(6)));
                cases.add(MatMulCases.heads(type, 128, 512, tokens, false));
                cases.add(MatMulCases.heads(type, 128, 512, tokens, true));
                cases.add(RowCases.embed(type, WIDTH, tokens));
            }
            cases.add(ExpertCases.gate("lite", QuantType.F32, WIDTH, tokens, Routing.plain(Scoring.SOFTMAX, 64, 6, false, 1),
                    false));
            cases.add(ExpertCases.sum(6, WIDTH, tokens));
            cases.add(RowCases.norm("shape", QuantType.F32, 1, WIDTH, tokens, 1, false));
            cases.add(RowCases.swiGlu(1, DENSE, tokens, false, 3));
            cases.add(RowCases.add(1, WIDTH, tokens, false));
            cases.add(RowCases.select(WIDTH, tokens));
            cases.add(RowCases.rope(Pairing.ADJACENT, HEADS, 64, tokens, true, 1));
            attention(cases, tokens);
        }
        return Collections.unmodifiableList(cases);
    }

    /** At the start of a sequence, and far into it; prompts less far, and with the usual cache only, since they take long. */
    private static void attention(List<Case> cases, int tokens) {
        for (int depth : new int[] {0, tokens == 1 ? 4096 : 1024}) {
            History history = new History("d%d b%d".formatted(depth, tokens), 256, List.of(depth), List.of(List.of(tokens)));
            for (Cache.Type type : tokens == 1 ? List.of(Cache.Type.values()) : List.of(Cache.Type.F16)) {
                cases.add(AttentionCases.latent(type, HEADS, 512, 64, history));
                cases.add(AttentionCases.grouped(type, 32, 8, 128, 128, 0, 0, history));
            }
        }
    }
}
