package org.crema.model.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Precision;
import org.crema.kernels.Rates;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plans of the published files, from headers without data, for machines that are not here. */
class PlannerTest {
    private static final long GIB = 1L << 30;

    @TempDir
    private static Path folder;

    private static ModelGraph graph(StandIn model) {
        try (GgufFile file = GgufFile.openHeader(model.write(folder.resolve("model-" + model.layers() + ".gguf")))) {
            return Architecture.of(file, ArchitectureOptions.DEFAULT);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static PlanRequest request(int context) {
        return new PlanRequest(context, 512, Precision.FAST, Cache.Type.F16, bytes -> {});
    }

    private static Plan plan(StandIn model, String machine, PlacementOptions options, int context) {
        return new Planner(graph(model), AssumedDevice.of(machine), options, request(context)).plan();
    }

    private static Plan plan(StandIn model, String machine) {
        return plan(model, machine, PlacementOptions.DEFAULT, 4096);
    }

    private static List<String> contents(Plan plan) {
        List<String> lines = new ArrayList<>();
        for (int d = 0; d < plan.usages().size(); d++) {
            lines.add(plan.usages().get(d).device().id() + ": " + plan.contents(d));
        }
        return lines;
    }

    private static void assertFits(Plan plan) {
        for (Usage usage : plan.usages()) {
            assertTrue(usage.need() <= usage.free() - usage.margin(), usage.toString());
        }
    }

    @Test
    void standInsHaveThePublishedSizesAndTypes() throws IOException {
        // The page of the published file says 142.45 GB.
        assertEquals(142.45, tensorBytes(StandIn.FULL) / 1e9, 0.15);
        Map<QuantType, Integer> types = new EnumMap<>(QuantType.class);
        try (GgufFile file = GgufFile.openHeader(StandIn.LITE.write(folder.resolve("lite.gguf")))) {
            file.tensors().forEach(tensor -> types.merge(tensor.type(), 1, Integer::sum));
        }
        // As llama.cpp lists them when it loads the published file.
        assertEquals(Map.of(QuantType.F32, 108, QuantType.Q5_0, 14, QuantType.Q8_0, 13, QuantType.Q4_K, 229, QuantType.Q6_K, 13),
                types);
    }

    private static long tensorBytes(StandIn model) {
        return graph(model).program().tensors().stream().mapToLong(Weight::bytes).sum();
    }

    @Test
    void theFullModelOn24And136GiBKeepsItsAttentionOnTheCard() {
        Plan plan = plan(StandIn.FULL, "gpu:24G@1000,cpu:136G@80");
        assertFits(plan);
        assertEquals(2, plan.usages().size());
        Usage gpu = plan.usages().get(0);
        assertTrue(gpu.need() > 20 * GIB, () -> "the card is used: " + gpu);
        assertTrue(contents(plan).get(0).startsWith("gpu:0: layers 0, "), () -> contents(plan).toString());
        assertTrue(contents(plan).get(0).endsWith("head"), () -> contents(plan).toString());
        assertTrue(contents(plan).get(1).startsWith("cpu: embedding, routed experts of layers 1-"),
                () -> contents(plan).toString());
        long placed = plan.usages().stream().mapToLong(u -> u.footprint().weights() + u.mapped()).sum();
        assertTrue(Math.abs(placed - tensorBytes(StandIn.FULL)) < 64 << 10, "each tensor is on one device");
        Forecast forecast = Forecast.of(plan, 0, rates(plan));
        // Its experts have 2.2 GiB a layer: 116 ms to the card, 2.8 TFLOP of 512 tokens 280 ms on the CPU.
        int from = plan.placement().streaming().orElseThrow().from();
        assertTrue(from > 64 && from < 512, "experts are streamed from " + from + " tokens on");
        assertTrue(gpu.footprint().staging() > 2 * GIB && gpu.footprint().staging() < 3 * GIB, gpu::toString);
        Plan still = plan(StandIn.FULL, "gpu:24G@1000,cpu:136G@80", PlacementOptions.DEFAULT.withStreamFrom(PlacementOptions.ALL),
                4096);
        assertTrue(still.placement().streaming().isEmpty() && still.usages().get(0).footprint().staging() < GIB);
        // 12.4 billion weights of 4.8 bits on the card at 1 TB/s, 8.4 billion at 80 GB/s.
        assertTrue(forecast.tokensPerSecond() > 10 && forecast.tokensPerSecond() < 30, () -> forecast.toString());
    }

    private static List<Rates> rates(Plan plan) {
        return plan.placement().devices().stream().map(Device::measure).toList();
    }

    @Test
    void theFullModelOnTwoLargeCardsIsDividedBetweenThem() {
        Plan plan = plan(StandIn.FULL, "gpu:80G@2000,gpu:80G@2000,cpu:64G@80");
        assertFits(plan);
        assertEquals(0, plan.rung());
        assertEquals("cpu: embedding", contents(plan).get(2));
        long first = plan.usages().get(0).need();
        long second = plan.usages().get(1).need();
        assertEquals(1.0, (double) first / (double) second, 0.1);
        assertEquals(4, plan.placement().segments().size() + plan.placement().segments().getFirst().device() - 1,
                "embedding, half, half; the copies between them need no more cuts");
    }

    @Test
    void theFullModelOn8And32GiBIsRefusedWithNumbersUnlessTheDiskMayHelp() {
        DeviceException.OutOfMemory e = assertThrows(DeviceException.OutOfMemory.class,
                () -> plan(StandIn.FULL, "gpu:8G,cpu:32G"));
        assertEquals(1, e.getMessage().lines().count());
        assertTrue(e.getMessage().contains("--from-disk") && e.getMessage().contains("what would fit"), e.getMessage());
        Plan plan = plan(StandIn.FULL, "gpu:8G,cpu:32G", PlacementOptions.DEFAULT.withFromDisk(true), 4096);
        assertTrue(plan.usages().get(0).need() <= plan.usages().get(0).have());
        assertTrue(String.join("\n", plan.reasons()).contains("again and again"), () -> plan.reasons().toString());
        assertTrue(contents(plan).get(0).contains("without routed experts"), () -> contents(plan).toString());
    }

    @Test
    void liteOnASixGiBCardKeepsAllButSomeExperts() {
        Plan plan = plan(StandIn.LITE, "gpu:6G@360,cpu:16G@50");
        assertFits(plan);
        assertTrue(contents(plan).get(0).contains("without routed experts layers 1-"), () -> contents(plan).toString());
        assertTrue(plan.usages().get(0).need() > 5 * GIB);
        assertEquals(0, plan(StandIn.LITE, "gpu:12G@360,cpu:16G@50").rung(), "all of it");
    }

    @Test
    void lessMemoryGoesDownTheLadderStepByStep() {
        int before = 0;
        List<String> seen = new ArrayList<>();
        for (int mib = 11_000; mib >= 64; mib -= mib > 2000 ? 450 : 61) {
            Plan plan = plan(StandIn.LITE, "gpu:" + mib + "m,cpu:16g");
            assertFits(plan);
            assertTrue(plan.rung() >= before, "less memory never places more");
            before = plan.rung();
            seen.add(String.join(" ", contents(plan)));
        }
        assertTrue(seen.stream().anyMatch(s -> !s.contains("routed experts") && s.contains("layers 0-26")), "all layers");
        assertTrue(seen.stream().anyMatch(s -> s.contains("cpu: embedding, routed experts of layers 1-1")),
                "some experts on the host");
        assertTrue(seen.stream().anyMatch(s -> s.contains("cpu: embedding, layers 0-")), "some layers on the host");
        assertTrue(seen.stream().anyMatch(s -> s.equals("cpu: embedding, layers 0-26, head")), () -> "all on the host: " + seen);
        assertThrows(DeviceException.OutOfMemory.class, () -> plan(StandIn.LITE, "gpu:64m,cpu:4g"));
    }

    @Test
    void aContextThatIsNotFixedShrinksBeforeTheModelIsRefused() {
        long all = plan(StandIn.LITE, "cpu:16g", PlacementOptions.DEFAULT, 8192).usages().getFirst().need();
        String tight = "cpu:" + ((all >> 20) + 512 - 20) + "m";
        Plan plan = plan(StandIn.LITE, tight, PlacementOptions.DEFAULT, 0);
        assertEquals(4096, plan.context());
        assertTrue(plan.reasons().toString().contains("no more fits"), () -> plan.reasons().toString());
        DeviceException.OutOfMemory e = assertThrows(DeviceException.OutOfMemory.class,
                () -> plan(StandIn.LITE, tight, PlacementOptions.DEFAULT, 8192));
        assertTrue(e.getMessage().contains("-c 4096"), e.getMessage());
    }

    @Test
    void aRefusedAllocationIsRetriedOneStepSmallerAndSaidSo() {
        List<String> log = new ArrayList<>();
        Planner planner = new Planner(graph(StandIn.LITE), AssumedDevice.of("gpu:6g,cpu:16g"), PlacementOptions.DEFAULT.withLog(
                log::add), request(2048));
        Plan plan = planner.plan();
        DeviceException.OutOfMemory refusal = new DeviceException.OutOfMemory("gpu:0", 6 * GIB, GIB, "no");
        for (int rung = plan.rung() + 1; rung < planner.steps(); rung++) {
            Plan next = planner.below(plan, refusal);
            assertEquals(rung, next.rung());
            plan = next;
        }
        Plan last = plan;
        assertEquals("cpu: embedding, layers 0-26, head", contents(last).getFirst());
        assertTrue(log.size() > 20 && log.getFirst().contains("gpu:0"), log::toString);
        assertEquals(refusal, assertThrows(DeviceException.OutOfMemory.class, () -> planner.below(last, refusal)));
    }

    @Test
    void overridesDoWhatTheySay() {
        String machine = "gpu:24g,cpu:64g";
        PlacementOptions none = PlacementOptions.DEFAULT;
        assertEquals(List.of("cpu: embedding, layers 0-26, head"),
                contents(plan(StandIn.LITE, machine, none.withLayers(0), 512)));
        assertEquals(List.of("gpu:0: layers 20-26, head", "cpu: embedding, layers 0-19"),
                contents(plan(StandIn.LITE, machine, none.withLayers(7), 512)));
        assertEquals(0, plan(StandIn.LITE, machine, none.withLayers(PlacementOptions.ALL), 512).rung());
        assertEquals(List.of("gpu:0: layers 0, without routed experts layers 1-26, head",
                "cpu: embedding, routed experts of layers 1-26"),
                contents(plan(StandIn.LITE, machine, none.withHostExperts(PlacementOptions.ALL), 512)));
        assertEquals(List.of("gpu:0: layers 0, 3-26, without routed experts layers 1-2, head",
                "cpu: embedding, routed experts of layers 1-2"),
                contents(plan(StandIn.LITE, machine, none.withHostExperts(3), 512)));
        assertEquals(List.of("gpu:0: layers 0-6", "gpu:1: layers 7-26, head", "cpu: embedding"),
                contents(plan(StandIn.LITE, "gpu:24g,gpu:24g,cpu:64g", none.withSplit(List.of(1.0, 3.0)), 512)));
        assertEquals(List.of("gpu:1: layers 0-26, head", "cpu: embedding"),
                contents(plan(StandIn.LITE, "gpu:24g,gpu:24g,cpu:64g", none.withSplit(List.of(0.0, 1.0)), 512)));
        assertEquals(List.of("gpu:0: layers 0-4, without routed experts layers 5, layers 6-26, head".replace(
                "layers 0-4, without routed experts layers 5, layers 6-26", "layers 0-4, 6-26, without routed experts layers 5"),
                "cpu: embedding, routed experts of layers 5"),
                contents(plan(StandIn.LITE, machine, none.withPin(PlacementOptions.Pin.of("blk\\.5\\.ffn_.*_exps=cpu")),
                        512)));
    }

    @Test
    void contradictionsAndLacksAreErrors() {
        PlacementOptions none = PlacementOptions.DEFAULT;
        assertThrows(IllegalArgumentException.class,
                () -> plan(StandIn.LITE, "gpu:24g,cpu:64g", none.withSplit(List.of(1.0, 3.0)),
                        512));
        assertThrows(IllegalArgumentException.class, () -> PlacementOptions.Pin.of("no device"));
        assertThrows(IllegalArgumentException.class, () -> none.withSplit(List.of(0.0, 0.0)));
        assertThrows(IllegalArgumentException.class, () -> AssumedDevice.of("gpu:24"));
        DeviceException e = assertThrows(DeviceException.class, () -> plan(StandIn.LITE, "gpu:24g,cpu:64g", none.withPin(
                PlacementOptions.Pin.of("output=gpu:7")), 512));
        assertTrue(e.getMessage().contains("gpu:7"), e.getMessage());
        assertTrue(assertThrows(DeviceException.class, () -> plan(StandIn.LITE, "cpu:64g", none.withRequireGpu(true), 512))
                .getMessage().contains("no GPU"));
        assertTrue(assertThrows(DeviceException.OutOfMemory.class, () -> plan(StandIn.LITE, "gpu:6g,cpu:64g", none.withRequireGpu(
                true), 512)).getMessage().contains("--require-gpu"));
        assertTrue(assertThrows(DeviceException.OutOfMemory.class, () -> plan(StandIn.LITE, "gpu:6g", none, 512)).getMessage()
                .contains("add cpu to --device"));
        assertThrows(DeviceException.OutOfMemory.class,
                () -> plan(StandIn.LITE, "gpu:6g,cpu:64g", none.withLayers(PlacementOptions.ALL), 512));
    }
}
