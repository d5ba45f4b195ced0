package org.crema.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Step;
import org.crema.kernels.quant.QuantType;
import org.crema.model.placement.Placement;
import org.crema.model.placement.PlacementOptions;
import org.crema.model.runtime.Devices;
import org.crema.model.runtime.Engine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real runs, as short as can be; their speed does not matter. */
class RunnerTest {
    private static final Duration LONG = Duration.ofHours(1);
    private static final Settings SHORT = Settings.DEFAULT.withRepetitions(3).withWarmUp(Duration.ZERO).withThreads(1);

    private final Device cpu = Devices.open("cpu", new DeviceOptions(1, Long.MAX_VALUE));

    private final List<Runner> runners = new ArrayList<>();

    private Runner runner(List<Site> sites, Settings settings, boolean profile, Runner.Listener listener) {
        runners.add(new Runner(sites, settings, profile, listener));
        return runners.getLast();
    }

    @AfterEach
    void close() {
        runners.forEach(Runner::close);
        cpu.close();
    }

    @Test
    void everyTestOnEveryDeviceInTurns() throws IOException {
        List<String> order = new ArrayList<>();
        List<Trial> trials = List.of(new Trial(5, 0, 0, 1), new Trial(2, 3, 20, 2));
        try (Device reference = Devices.open("reference", DeviceOptions.DEFAULT)) {
            Runner runner = runner(List.of(Site.of(cpu), Site.of(reference)), SHORT.withRepetitions(2), true,
                    (what, done, all) -> order.add(what));
            runner.run(Subject::embedded, trials, LONG);
            assertEquals(List.of(), runner.skipped());
            assertEquals(List.of("cpu pp5", "cpu pp2+tg3 @ d20 x 2", "reference pp5", "reference pp2+tg3 @ d20 x 2"),
                    runner.results()
                            .stream().map(r -> r.devices() + " " + r.trial().label()).toList());
            for (Result result : runner.results()) {
                assertEquals(2, result.taken().size());
                assertTrue(result.samples().least() > 0 && result.limit() > 0);
                profile(result.profile().orElseThrow());
            }
        }
        List<String> once = List.of("cpu pp5", "cpu pp2+tg3 @ d20 x 2", "reference pp5", "reference pp2+tg3 @ d20 x 2");
        List<String> runs = order.stream().filter(once::contains).toList();
        assertEquals(once, runs.subList(0, 4));
        assertEquals(once, runs.subList(4, 8));
    }

    private static void profile(Profile profile) {
        assertEquals(1, profile.pieces().stream().mapToDouble(Profile.Piece::share).sum(), 1e-6);
        assertTrue(profile.pieces().stream().anyMatch(piece -> piece.name().contains("LatentAttention")), profile::table);
        assertTrue(profile.table().contains("Q4_K"), profile::table);
    }

    @Test
    void devicesThatShareAModel() throws IOException {
        try (Device reference = Devices.open("reference", DeviceOptions.DEFAULT)) {
            PlacementOptions options = PlacementOptions.DEFAULT.withLayers(2);
            Runner runner = runner(List.of(Site.of(cpu), new Site(List.of(reference, cpu), options)),
                    SHORT.withRepetitions(1),
                    true, Runner.Listener.NONE);
            runner.run(Subject::embedded, List.of(new Trial(0, 2, 0, 1)), LONG);
            assertEquals(List.of(), runner.skipped());
            Result alone = runner.results().getFirst();
            Result shared = runner.results().getLast();
            assertEquals("reference+cpu", shared.devices());
            assertEquals("reference+cpu", shared.backends());
            assertEquals("reference: layers 4-5, head; cpu: embedding, layers 0-3", shared.placement());
            assertTrue(shared.limit() < alone.limit(), "two thirds of the time of the one, a third of the slow one's");
            List<Profile.Piece> pieces = shared.profile().orElseThrow().pieces();
            assertTrue(pieces.stream().anyMatch(piece -> piece.name().startsWith("cpu: Embed")), pieces::toString);
            assertTrue(pieces.stream().anyMatch(piece -> piece.name().startsWith("reference: LatentAttention")),
                    pieces::toString);
        }
    }

    @Test
    void aDeviceThatCannotIsLeftOutWithItsReason() throws IOException {
        Runner runner = runner(List.of(Site.of(new RefusingDevice(cpu))), SHORT, false, Runner.Listener.NONE);
        runner.run(Subject::embedded, List.of(new Trial(0, 1, 0, 1)), LONG);
        assertEquals(List.of(), runner.results());
        assertEquals(1, runner.skipped().size());
        assertTrue(runner.skipped().getFirst().contains("only for this test"), runner.skipped().getFirst());
    }

    @Test
    void whatWouldTakeTooLongIsLeftOutWithItsReason() throws IOException {
        Runner runner = runner(List.of(Site.of(slow(cpu))), SHORT.withRepetitions(1), false, Runner.Listener.NONE);
        runner.run(Subject::embedded, List.of(new Trial(0, 100, 0, 1)), Duration.ofSeconds(1));
        assertEquals(List.of(), runner.results());
        assertEquals(1, runner.skipped().size());
        assertTrue(runner.skipped().getFirst().matches("cpu tg100: about \\d+ s a run; .*"), runner.skipped()::toString);
    }

    /** A device whose steps take 50 ms and more. */
    private static Device slow(Device device) {
        return proxy(Device.class, (method, arguments) -> {
            Object result = method.invoke(device, arguments);
            return result instanceof Executable executable
                    ? proxy(Executable.class, (called, values) -> {
                        if (called.getName().equals("run")) {
                            Thread.sleep(50);
                        }
                        return called.invoke(executable, values);
                    })
                    : result;
        });
    }

    private interface Handler {
        Object handle(Method method, Object[] arguments) throws Throwable;
    }

    private static <T> T proxy(Class<T> type, Handler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> handler
                .handle(method, arguments)));
    }

    @Test
    void pastTheLimitTwoSamplesAreEnough() throws IOException {
        Runner runner = runner(List.of(Site.of(cpu)), SHORT.withRepetitions(5), false, Runner.Listener.NONE);
        runner.run(Subject::embedded, List.of(new Trial(1, 0, 0, 1)), Duration.ZERO);
        assertEquals(2, runner.results().getFirst().taken().size());
    }

    @Test
    void runsBesideNeighboursCountOnlyWithoutOthers() {
        List<Sample> mixed = List.of(new Sample(100, 18), new Sample(150, 12), new Sample(151, 13), new Sample(101, 17),
                new Sample(103, 18));
        assertEquals(new Sample(101, 17), Runner.typical(mixed, pace -> pace > 15));
        assertEquals(new Sample(103, 18), Runner.typical(mixed, pace -> pace > 18 || pace < 0), "none is clean: of all");
    }

    @Test
    void syntheticLayersComputeSomething() throws IOException {
        try (Subject subject = Synthetic.parse("synthetic-lite:IQ2_XS").orElseThrow().open()) {
            assertTrue(subject.types().containsKey(QuantType.IQ2_XS), () -> subject.types().toString());
            assertTrue(subject.types().containsKey(QuantType.IQ4_NL), "rows of 1408 need smaller blocks");
            assertTrue(subject.note().contains("of 27"), subject.note());
            assertTrue(subject.graph().program().ops().stream().anyMatch(Op.ExpertMatMul.class::isInstance));
            CompileOptions options = new CompileOptions(Precision.FAST, SHORT.cacheType(), Limits.single(16, 4, 1));
            try (Engine engine = new Engine(Placement.single(subject.graph(), cpu), options); Arena arena = Arena.ofConfined()) {
                Step step = new Step(options.limits(), arena);
                int sequence = step.addSequence(new int[] {0}, 1);
                for (int i = 0; i < 4; i++) {
                    step.addToken(sequence, 7 * i + 1, i, i == 3);
                }
                MemorySegment logits = arena.allocate(4L * subject.graph().vocabulary(), 64);
                engine.run(step, logits);
                double power = 0;
                for (float value : logits.toArray(ValueLayout.JAVA_FLOAT)) {
                    power += value * value;
                }
                double mean = power / subject.graph().vocabulary();
                assertTrue(Double.isFinite(mean) && mean > 1e-6 && mean < 1e6, () -> "mean square of logits " + mean);
            }
        }
    }

    @Test
    void writesSyntheticLayersToAFile(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("layers.gguf");
        Synthetic.Typed layers = Synthetic.parse("synthetic-lite:IQ1_S").orElseThrow();
        layers.write(file);
        try (Subject written = Subject.open(file); Subject made = layers.open()) {
            assertEquals(made.hash(), written.hash());
            assertEquals(made.bytes(), written.bytes());
            assertEquals(made.types(), written.types());
        }
    }

    @Test
    void namesOfSyntheticModels() {
        assertEquals(Optional.empty(), Synthetic.parse("model.gguf"));
        assertThrows(IllegalArgumentException.class, () -> Synthetic.parse("synthetic-lite:Q9"));
        assertTrue(Synthetic.FULL.bytes() < 3L << 30, "fits in ordinary memory");
    }

    @Test
    void singleOps() {
        List<String> skipped = new ArrayList<>();
        List<OpBench.Speed> speeds = OpBench.run(List.of(cpu), "^(Add|Attention/F16)/.*b1$", Precision.FAST, 0.01, skipped,
                Runner.Listener.NONE);
        assertEquals(3, speeds.size());
        assertEquals(List.of(), skipped);
        for (OpBench.Speed speed : speeds) {
            Map<String, Object> fields = speed.fields();
            assertTrue((Double) fields.get("seconds") > 0 && (Double) fields.get("bytes_per_second") > 0, fields::toString);
        }
        assertEquals(5, OpBench.table(speeds).lines().count());
        assertThrows(IllegalArgumentException.class, () -> OpBench.run(List.of(cpu), "Nonsense", Precision.FAST, 0, skipped,
                Runner.Listener.NONE));
    }
}
