package org.crema.model.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.crema.Crema;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.kernels.quant.QuantType;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.oracle.OracleLogits;
import org.crema.model.runtime.Devices;
import org.crema.model.runtime.Engine;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Less and less memory: every step down the ladder is taken, computes the same, and the last one says what is missing. */
class FallbackTest {
    private static final long MIB = 1L << 20;
    private static final int[] PROMPT = {1, 879, 10, 500, 77, 4000, 12};
    private static final PlanRequest REQUEST = new PlanRequest(256, 16, Precision.F32, Cache.Type.F32, bytes -> {});

    private static Device cpu;

    @BeforeAll
    static void open() {
        cpu = Devices.open("cpu", DeviceOptions.DEFAULT);
    }

    @AfterAll
    static void close() {
        cpu.close();
    }

    private static ModelGraph graph(GgufFile file) {
        return Architecture.of(file, ArchitectureOptions.DEFAULT);
    }

    private static List<Device> devices(long claimed, long real) {
        return List.of(new CardDevice(cpu, claimed, real, null), cpu);
    }

    private static float[] logits(Placement placement) {
        return OracleLogits.logits(placement, Precision.F32, 16, PROMPT, 0);
    }

    @Test
    void everyStepIsTakenAndComputesTheSame() throws IOException {
        Crema.withTinyCoderFile(file -> {
            ModelGraph graph = graph(file);
            float[] whole = logits(Placement.single(graph, cpu));
            Planner large = new Planner(graph, devices(64 * MIB, 64 * MIB), PlacementOptions.DEFAULT.withLog(line -> {}),
                    REQUEST);
            Plan wanted = large.plan();
            TreeSet<Integer> taken = new TreeSet<>();
            while (true) {
                // As much as this step takes and its margin, a sixteenth, no more.
                long free = wanted.usages().getFirst().device().id().equals("card:0")
                        ? wanted.usages().getFirst().need() * 16 / 15 + 16
                        : 0;
                Plan plan = new Planner(graph, devices(free, free), PlacementOptions.DEFAULT, REQUEST).plan();
                assertTrue(plan.rung() <= wanted.rung(), "a step that fits is not passed over");
                if (taken.add(plan.rung())) {
                    double error = OracleData.nmse(logits(plan.placement()), whole);
                    assertTrue(error < 1e-10, () -> plan.summary() + ": NMSE " + error);
                }
                if (wanted.rung() == large.steps() - 1) {
                    break;
                }
                wanted = large.below(wanted, new DeviceException.OutOfMemory("card:0", 2, 1, "no"));
            }
            // The smallest steps may take as much as their neighbours and are then passed over.
            assertTrue(taken.size() >= large.steps() - 2 && taken.last() == large.steps() - 1,
                    () -> taken + " of " + large.steps());
            return null;
        });
    }

    /** Prompts in steps of 4 and 3 tokens: one with experts of the CPU on the card, one with all of them where they are. */
    @Test
    void expertsThatAreStreamedForLargeStepsComputeTheSame() throws IOException {
        Crema.withTinyCoderFile(file -> {
            ModelGraph graph = graph(file);
            PlacementOptions options = PlacementOptions.DEFAULT.withHostExperts(PlacementOptions.ALL).withStreamFrom(4);
            Plan plan = new Planner(graph, devices(64 * MIB, 64 * MIB), options, REQUEST).plan();
            Placement placement = plan.placement();
            assertEquals(4, placement.streaming().orElseThrow().from());
            assertEquals(placement.streamedWeights(), plan.compile().streamed());
            long experts = graph.program().tensors().stream().filter(weight -> weight.name().contains("_exps")).count();
            assertEquals(experts, placement.streamedWeights().size());
            assertTrue(String.join("\n", plan.summary()).contains("copied to [card:0] for steps of 4 tokens and more"),
                    () -> plan.summary().toString());
            float[] whole = logits(Placement.single(graph, cpu));
            assertTrue(OracleData.nmse(OracleLogits.logits(placement, Precision.F32, 4, PROMPT, 0), whole) < 1e-10);
            // Less is resident than with the experts on the card, and one layer's are on their way at most.
            Plan all = new Planner(graph, devices(64 * MIB, 64 * MIB), PlacementOptions.DEFAULT, REQUEST).plan();
            assertTrue(plan.usages().getFirst().need() < all.usages().getFirst().need());
            return null;
        });
    }

    @Test
    void aCardThatGivesLessThanItClaimsIsAskedForLessUntilItGives() throws IOException {
        Crema.withTinyCoderFile(file -> {
            ModelGraph graph = graph(file);
            List<String> log = new ArrayList<>();
            Planner planner = new Planner(graph, devices(64 * MIB, 4 * MIB), PlacementOptions.DEFAULT.withLog(log::add), REQUEST);
            Plan plan = planner.plan();
            int refusals = 0;
            while (true) {
                try (Engine engine = new Engine(plan.placement(), plan.compile())) {
                    assertEquals(2, engine.placement().devices().size());
                    break;
                } catch (DeviceException.OutOfMemory refusal) {
                    refusals++;
                    plan = planner.below(plan, refusal);
                }
            }
            assertTrue(refusals > 1 && plan.rung() == refusals, refusals + " refusals, rung " + plan.rung());
            assertEquals(refusals, log.stream().filter(line -> line.contains("card:0: needs")).count());
            return null;
        });
    }

    @Test
    void whatDoesNotFitAtAllIsOneLineWithNeedHaveAndWhatWould() throws IOException {
        Crema.withTinyCoderFile(file -> {
            try (Device small = Devices.open("cpu", new DeviceOptions(0, 5 * MIB))) {
                List<Device> both = List.of(new CardDevice(cpu, MIB, MIB, null), small);
                DeviceException.OutOfMemory e = assertThrows(DeviceException.OutOfMemory.class,
                        () -> new Planner(graph(file), both,
                                PlacementOptions.DEFAULT, REQUEST).plan());
                assertEquals(1, e.getMessage().lines().count());
                assertTrue(e.need() > e.have(), e.getMessage());
                assertTrue(e.getMessage().matches("(cpu|main memory): needs \\d+ MiB, has \\d+ MiB free; .*what would fit: .*"), e
                        .getMessage());
            }
            return null;
        });
    }

    @Test
    void refusedTensorsMoveOnlyIfTheyMay() throws IOException {
        Crema.withTinyCoderFile(file -> {
            ModelGraph graph = graph(file);
            List<Device> both = List.of(new CardDevice(cpu, 64 * MIB, 64 * MIB, QuantType.Q6_K), cpu);
            boolean has = graph.program().tensors().stream().anyMatch(weight -> weight.type() == QuantType.Q6_K);
            assertTrue(has, "the embedded model has Q6_K tensors");
            DeviceException e = assertThrows(DeviceException.class,
                    () -> new Planner(graph, both, PlacementOptions.DEFAULT, REQUEST)
                            .plan());
            assertTrue(e.getMessage().contains("card:0 cannot run") && e.getMessage().contains("--move-refused"), e.getMessage());
            Plan plan = new Planner(graph, both, PlacementOptions.DEFAULT.withMoveRefused(true), REQUEST).plan();
            assertTrue(plan.reasons().stream().anyMatch(reason -> reason.contains("card:0 cannot run")),
                    plan.reasons().toString());
            assertTrue(OracleData.nmse(logits(plan.placement()), logits(Placement.single(graph, cpu))) < 1e-10);
            return null;
        });
    }

    @Test
    void loadingSaysWhereItPutThings() throws IOException {
        Crema.withTinyCoderFile(file -> {
            Plan plan = new Planner(graph(file), devices(4 * MIB, 4 * MIB), PlacementOptions.DEFAULT, REQUEST).plan();
            assertEquals(2 + plan.reasons().size(), plan.summary().size());
            assertTrue(plan.reasons().getFirst().contains("card:0 would need"), plan.reasons().toString());
            return null;
        });
    }
}
