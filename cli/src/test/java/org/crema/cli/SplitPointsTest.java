package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.crema.Crema;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;

import org.crema.kernels.CompileOptions;
import org.crema.kernels.Limits;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;
import org.crema.model.gguf.GgufFile;
import org.crema.model.oracle.OracleLogits;
import org.crema.model.placement.Placement;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * A model cut at its layer boundaries, with its experts apart or not, over every pair and triple of the devices on the class path, gives
 * what it gives on the CPU. {@code -Dsplits=all} cuts at every boundary. The embedded model always, the golden models with {@code -Doracle}.
 */
class SplitPointsTest {
    private static final double TOLERANCE = 1e-5;
    private static final int TOKENS = 6;
    private static final int STEP = 4;
    private static final boolean ALL = System.getProperty("splits", "").equals("all");
    private static final int FEW_LAYERS = 8;
    private static final String EMBEDDED = "tiny-coder";
    /** The first step of a prompt is one, the second is not. */
    private static final int LARGE_STEP = 3;

    private static final List<Device> DEVICES = new ArrayList<>();

    /**
     * Devices of a split, by their numbers here, and where each tag goes among them.
     *
     * @param streamed whether large steps bring experts from the second device to the first
     */
    private record Cut(String name, List<Device> devices, ToIntFunction<ModelGraph.Tag> place, boolean streamed) {
        Placement of(ModelGraph graph) {
            Placement placement = Placement.of(graph, devices, place);
            return streamed ? placement.streamed(1, LARGE_STEP) : placement;
        }
    }

    @BeforeAll
    static void open() {
        DEVICES.add(Devices.open("cpu", DeviceOptions.DEFAULT));
        for (Backend backend : Devices.backends().values()) {
            Backend.Discovery found = backend.discover();
            found.rejections().forEach(why -> System.out.println("left out: " + backend.name() + ": " + why));
            assertTrue(!found.devices().isEmpty() || System.getenv("CI") == null,
                    () -> "CI has to offer a device of every backend; " + backend.name() + ": " + found.rejections());
            for (DeviceInfo info : found.devices()) {
                if (!info.id().equals("cpu") && !info.id().equals("reference")) {
                    DEVICES.add(backend.open(info.index(), DeviceOptions.DEFAULT));
                }
            }
        }
        if (DEVICES.size() < 3) {
            System.out.println("with the reference interpreter as a further device, so that there are triples");
            DEVICES.add(Devices.open("reference", DeviceOptions.DEFAULT));
        }
    }

    @AfterAll
    static void close() {
        DEVICES.forEach(Device::close);
        DEVICES.clear();
    }

    @TestFactory
    Stream<DynamicTest> everySplitComputesWhatTheCpuDoes() {
        List<DynamicTest> tests = new ArrayList<>();
        tests.add(dynamicTest(EMBEDDED, () -> Crema.withTinyCoderFile(file -> {
            check(EMBEDDED, file, new int[] {1, 879, 10, 500, 77, 4000});
            return null;
        })));
        if (OracleData.whole()) {
            for (OracleLogits.OracleModel model : OracleLogits.OracleModel.all()) {
                tests.add(dynamicTest(model.name(), () -> {
                    try (GgufFile file = GgufFile.open(model.file())) {
                        check(model.name(), file, Arrays.copyOf(model.promptTokens(), TOKENS));
                    }
                }));
            }
        }
        return tests.stream();
    }

    private static void check(String name, GgufFile file, int[] prompt) {
        ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
        List<Device> able = DEVICES.stream().filter(device -> canRun(name, graph, device)).toList();
        float[] whole = logits(Placement.single(graph, DEVICES.getFirst()), prompt);
        long start = System.nanoTime();
        Map<String, Double> wrong = new LinkedHashMap<>();
        double worst = 0;
        List<Cut> cuts = cuts(graph, able, ALL || name.equals(EMBEDDED) || name.endsWith("Q4_K_M"));
        for (Cut cut : cuts) {
            double error = OracleData.nmse(logits(cut.of(graph), prompt), whole);
            worst = Math.max(worst, error);
            if (!(error <= TOLERANCE)) {
                wrong.put(cut.name, error);
            }
        }
        System.out.printf("%s: %d splits over %s in %.1f s, largest NMSE %.1e%n", name, cuts.size(),
                able.stream().map(d -> d.info()
                        .id()).toList(),
                (System.nanoTime() - start) / 1e9, worst);
        assertEquals(Map.of(), wrong, "splits with their NMSE, at most " + TOLERANCE);
    }

    private static float[] logits(Placement placement, int[] prompt) {
        return OracleLogits.logits(placement, Precision.F32, STEP, prompt, 0);
    }

    private static boolean canRun(String name, ModelGraph graph, Device device) {
        try {
            Placement.single(graph, device)
                    .check(new CompileOptions(Precision.F32, Cache.Type.F32, Limits.single(32, STEP, STEP)));
            return true;
        } catch (DeviceException e) {
            System.out.println(name + " without " + device.info().id() + ": " + e.getMessage());
            return false;
        }
    }

    /** @param triples whether a device that is emulated thread by thread is one of three, too */
    private static List<Cut> cuts(ModelGraph graph, List<Device> able, boolean triples) {
        List<Cut> cuts = new ArrayList<>();
        boolean mixture = graph.tags().stream().anyMatch(tag -> tag.role() == Role.EXPERTS);
        for (Device a : able) {
            for (Device b : able) {
                if (a.equals(b)) {
                    continue;
                }
                for (int from : boundaries(graph, 0, List.of(a, b))) {
                    add(cuts, mixture, "from layer " + from, List.of(a, b), List.of(from));
                }
                if (mixture) {
                    cuts.add(new Cut("experts streamed from " + b.info().id() + " to " + a.info().id(), List.of(a, b),
                            tag -> tag.role() == Role.EXPERTS ? 1 : 0, true));
                }
                for (Device c : able) {
                    if (!c.equals(a) && !c.equals(b) && (triples || List.of(a, b, c).stream().noneMatch(SplitPointsTest::slow))) {
                        for (int from : boundaries(graph, 1, List.of(a, b, c))) {
                            add(cuts, mixture, "layer " + from, List.of(a, b, c), List.of(from, from + 1));
                        }
                    }
                }
            }
        }
        return cuts;
    }

    /**
     * The layers to cut before. Each, with {@code -Dsplits=all}; else of many layers some, and with a device that is emulated thread by
     * thread each beside the CPU, the middle one beside others, of three devices for some models: all would take hours.
     */
    private static List<Integer> boundaries(ModelGraph graph, int first, List<Device> devices) {
        int layers = graph.layers();
        // Behind the last layer is the head.
        int last = first == 0 ? layers : layers - 1;
        boolean slow = devices.stream().anyMatch(SplitPointsTest::slow);
        boolean withHost = devices.size() == 2 && devices.stream().anyMatch(device -> device.info().id().equals("cpu"));
        List<Integer> all = new ArrayList<>();
        for (int layer = first; layer <= last; layer++) {
            boolean some = layers <= FEW_LAYERS || layer % FEW_LAYERS == 1 || layer == last;
            if (ALL || (slow && !withHost ? layer == (first + last) / 2 : some)) {
                all.add(layer);
            }
        }
        return all;
    }

    private static boolean slow(Device device) {
        return device.info().name().startsWith("emulated");
    }

    /** @param from for each device but the first, the layer that it begins with */
    private static void add(List<Cut> cuts, boolean mixture, String name, List<Device> devices, List<Integer> from) {
        ToIntFunction<ModelGraph.Tag> byLayer = tag -> (int) from.stream().filter(layer -> tag.layer() >= layer).count();
        String where = name + " on " + devices.stream().map(device -> device.info().id()).toList();
        cuts.add(new Cut(where, devices, byLayer, false));
        if (mixture) {
            cuts.add(new Cut(where + ", experts on the next", devices, tag -> tag.role() == Role.EXPERTS
                    ? (byLayer.applyAsInt(tag) + 1) % devices.size()
                    : byLayer.applyAsInt(tag), false));
        }
    }
}
