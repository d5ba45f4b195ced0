package org.crema.model.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Op;
import org.crema.kernels.Segment;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;
import org.crema.model.gguf.GgufFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The order in which devices that share a model work. */
class ScheduleTest {
    @TempDir
    private Path folder;

    /** The shared experts need nothing from the CPU: they are a segment of their own, begun before the CPU's. */
    @Test
    void theCardComputesSharedExpertsWhileTheCpuComputesRoutedOnes() throws IOException {
        try (GgufFile file = GgufFile.openHeader(StandIn.LITE.write(folder.resolve("lite.gguf")))) {
            ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
            Placement placement = Placement.of(graph, AssumedDevice.of("gpu:24g,cpu:32g"), tag -> tag.role() == Role.EXPERTS
                    && tag.layer() == 1 ? 1 : 0);
            List<List<String>> tensors = new ArrayList<>();
            for (Segment segment : placement.segments()) {
                List<String> names = new ArrayList<>();
                for (Op op : segment.program().ops()) {
                    op.tensors().stream().map(weight -> weight.name().replaceAll("blk\\.1\\.ffn_(.*)\\.weight", "$1"))
                            .filter(name -> !name.contains("blk") && !name.contains(".weight")).forEach(names::add);
                }
                tensors.add(names);
            }
            assertEquals(List.of(List.of("norm", "gate_inp"), List.of("gate_shexp", "up_shexp", "down_shexp"),
                    List.of("gate_exps", "up_exps", "down_exps"), List.of()), tensors);
            assertEquals(List.of(0, 0, 1, 0), placement.segments().stream().map(Segment::device).toList());
            // The normed input, the ids and the weights go there, the sum comes back.
            assertEquals(3, placement.segments().get(2).copies().size());
            assertEquals(1, placement.segments().get(3).copies().size());
            assertEquals(graph.program().ops().size(),
                    placement.segments().stream().mapToInt(s -> s.program().ops().size()).sum());
        }
    }

    @Test
    void oneDeviceKeepsTheOrderOfTheProgram() throws IOException {
        try (GgufFile file = GgufFile.openHeader(StandIn.LITE.write(folder.resolve("lite.gguf")))) {
            ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
            Placement placement = Placement.single(graph, AssumedDevice.of("gpu:24g").getFirst());
            assertEquals(1, placement.segments().size());
            assertEquals(graph.program().ops(), placement.segments().getFirst().program().ops());
        }
    }
}
