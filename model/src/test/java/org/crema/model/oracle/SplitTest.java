package org.crema.model.oracle;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;
import org.crema.model.gguf.GgufFile;
import org.crema.model.placement.Placement;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A model cut over two devices gives what it gives on one. */
class SplitTest {
    @TestFactory
    Stream<DynamicTest> everyCutGivesTheSameLogits() {
        OracleLogits.OracleModel model = OracleLogits.OracleModel.all().stream()
                .filter(m -> m.name().startsWith("v2-lite-ragged-IQ2"))
                .findFirst().orElseThrow();
        Map<String, ToIntFunction<ModelGraph.Tag>> cuts = new LinkedHashMap<>();
        for (int layer = 0; layer <= 3; layer++) {
            int from = layer;
            cuts.put("layers from " + layer, tag -> tag.layer() >= from ? 1 : 0);
        }
        cuts.put("experts apart", tag -> tag.role() == Role.EXPERTS ? 1 : 0);
        cuts.put("attention apart", tag -> tag.role() == Role.ATTENTION ? 1 : 0);
        cuts.put("head and embedding apart", tag -> tag.role() == Role.HEAD || tag.role() == Role.EMBEDDING ? 1 : 0);
        cuts.put("alternating", tag -> (tag.layer() + tag.role().name().length()) & 1);
        List<DynamicTest> tests = new ArrayList<>();
        cuts.forEach((name, cut) -> tests.add(dynamicTest(name, () -> {
            try (Device cpu = Devices.open("cpu", DeviceOptions.DEFAULT);
                    Device reference = Devices.open("reference", DeviceOptions.DEFAULT);
                    GgufFile file = GgufFile.open(model.file())) {
                ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
                float[] whole = OracleLogits.logits(Placement.single(graph, cpu), Precision.F32, 16, model.promptTokens(), 0);
                Placement placement = Placement.of(graph, List.of(cpu, reference), cut);
                float[] split = OracleLogits.logits(placement, Precision.F32, 5, model.promptTokens(), 0);
                double error = OracleData.nmse(split, whole);
                assertTrue(error <= 1e-5, name + ": NMSE " + error + " with " + placement.segments().size() + " segments");
            }
        })));
        return tests.stream();
    }
}
