package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.Arrays;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.oracle.OracleLogits.OracleModel;
import org.crema.model.placement.Placement;
import org.crema.model.runtime.Engine;
import org.crema.model.runtime.Session;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** How many launches a token takes: on mixtures of which few bytes are read they are what a token waits for, see docs/cuda-kernels.md. */
class LaunchesTest {
    /** Embedding, first norm; rows that are wanted, last norm, logits. */
    private static final int AROUND = 5;
    /** Query and latent; what goes into the cache; absorbed keys; attention; values; output; gate and up; down. */
    private static final int DENSE_LAYER = 8;
    /** Router; shared and routed experts, each gate and up, down. */
    private static final int MIXTURE_LAYER = DENSE_LAYER - 2 + 5;

    @BeforeAll
    static void need() {
        Emulated.need();
    }

    @Test
    void ofATokenOfCoderV2Lite() throws IOException {
        OracleModel model = OracleModel.all().stream().filter(m -> m.name().equals("v2-lite-ragged-Q4_K_M")).findFirst()
                .orElseThrow();
        try (GgufFile file = GgufFile.open(model.file()); GpuDevice device = Emulated.open()) {
            ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
            int mixtures = (int) graph.program().ops().stream().filter(Op.GateExperts.class::isInstance).count();
            int layers = AROUND + DENSE_LAYER * (graph.layers() - mixtures) + MIXTURE_LAYER * mixtures;
            assertEquals(layers, launches(graph, device, model.promptTokens(), false));
            assertEquals(layers + 1, launches(graph, device, model.promptTokens(), true), "one more finds the best token");
        }
    }

    /** Of the last of some tokens. */
    private static long launches(ModelGraph graph, Device device, int[] tokens, boolean best) {
        int pages = Math.ceilDiv(tokens.length, 32);
        CompileOptions options = new CompileOptions(Precision.FAST, Cache.Type.F16, new Limits(4, 1, 1, 32, pages, pages));
        try (Engine engine = new Engine(Placement.single(graph, device), options); Session session = new Session(engine)) {
            long before = 0;
            for (int i = 0; i < tokens.length; i++) {
                before = Emulated.get("launches");
                if (best) {
                    session.appendBest(tokens, i, i + 1, (position, logits) -> {
                        throw new AssertionError("no best token in " + Arrays.toString(logits));
                    });
                } else {
                    session.append(tokens, i, i + 1, Session.Wanted.LAST, (position, logits) -> {});
                }
            }
            return Emulated.get("launches") - before;
        }
    }
}
