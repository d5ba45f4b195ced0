package org.crema.kernels.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.kernels.Slot;
import org.crema.kernels.Support;
import org.crema.kernels.Timing;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;
import org.crema.kernels.reference.ReferenceBackend;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Compares a device with the reference, op by op and layer by layer. A backend's test is
 *
 * <pre>{@code
 * class CpuConformanceTest extends ConformanceKit {
 *     @Override
 *     protected Device device() {
 *         return new CpuBackend().open(0, DeviceOptions.DEFAULT);
 *     }
 * }
 * }</pre>
 *
 * <p>System properties: {@code conformance.seed} (a number; of all random data), {@code conformance.repeat} (runs each case so many
 * times, for races), {@code conformance.only} (a regular expression that a case's name must contain), {@code conformance.size}
 * ({@code tiny} leaves out all large cases, for emulated devices). A failure names the case and the seed to repeat it with.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class ConformanceKit {
    private static final long DEFAULT_SEED = 20_240_507;
    private static final String PROFILED = "Layer/deepseek2/plain/";
    private static final int GUARD_BYTES = 64;
    private static final long TINY_COST = 200_000;

    private final Device reference = new ReferenceBackend().open(0, DeviceOptions.DEFAULT);
    private final long seed = Long.getLong("conformance.seed", DEFAULT_SEED);
    private Device device;

    /** How many cases. */
    public enum Size {
        /** Small shapes only, for devices that are a thousand times slower than a processor. */
        TINY,
        /** Everything. */
        NORMAL
    }

    /** Opens the device under test; called once, closed by the kit. */
    protected abstract Device device();

    /** Whether the device is meant to run this kind of op with tensors of this type. Anything else is a failure, both ways. */
    protected boolean expectedSupport(Class<? extends Op> op, QuantType type) {
        return true;
    }

    /**
     * Whether the device is meant to run this very op. By default it is if its types are expected and its cache type can hold its
     * rows; override for limits on shapes.
     */
    protected boolean expectedSupport(Op op, CompileOptions options) {
        boolean types = op.tensors().stream().map(Weight::type).allMatch(type -> expectedSupport(op.getClass(), type));
        return types && op.cache().map(cache -> reference.supports(op, options).ok()).orElse(true);
    }

    /** Which cases to run; {@code -Dconformance.size} by default. */
    protected Size size() {
        return System.getProperty("conformance.size", "").equals("tiny") ? Size.TINY : Size.NORMAL;
    }

    /** How often each case is run; {@code -Dconformance.repeat} by default. */
    protected int repeats() {
        return Integer.getInteger("conformance.repeat", 1);
    }

    /** Which precisions are run. */
    protected List<Precision> precisions() {
        return List.of(Precision.values());
    }

    /** Part of the name of the cases to run, as a regular expression; {@code -Dconformance.only} by default. */
    protected String only() {
        return System.getProperty("conformance.only", "");
    }

    /** All cases, by name. */
    @TestFactory
    Stream<DynamicTest> conformance() {
        return chosen().stream().map(c -> dynamicTest(c.name(), () -> check(c)));
    }

    /** The cases of this size and with this part of a name. */
    final List<Case> chosen() {
        Pattern only = Pattern.compile(only());
        List<Case> cases = cases().stream().filter(c -> size() == Size.NORMAL || c.cost() <= TINY_COST)
                .filter(c -> only.matcher(c.name()).find()).toList();
        assertFalse(cases.isEmpty(), "no case has a name with " + only);
        return cases;
    }

    /** A profile names each op of the program once, in order; without being asked for there is none. */
    @Test
    void profile() {
        assumeTrue(size() == Size.NORMAL && only().isEmpty(), "only with all cases");
        Case layer = cases().stream().filter(c -> c.name().startsWith(PROFILED)).findFirst().orElseThrow();
        try (Arena arena = Arena.ofShared()) {
            Scenario scenario = layer.build().apply(new RandomData(seed, arena));
            CompileOptions options = new CompileOptions(precisions().getFirst(), scenario.cacheType(), scenario.limits());
            try (Runner runner = new Runner(opened(), scenario, Scenario.Cut.WHOLE, options)) {
                runner.run();
                assertEquals(List.of(), runner.timings());
            }
            try (Runner runner = new Runner(opened(), scenario, Scenario.Cut.WHOLE, options.withProfile())) {
                runner.run();
                List<Timing> timings = runner.timings();
                assertEquals(scenario.program().ops(), timings.stream().flatMap(timing -> timing.ops().stream()).toList());
                assertTrue(timings.stream().allMatch(timing -> timing.runs() >= scenario.rounds().size()), () -> "too few runs "
                        + timings);
                assertTrue(timings.stream().mapToLong(Timing::nanos).sum() > 0, () -> "no time has passed in " + timings);
                assertEquals(List.of(), runner.timings(), "taken twice");
            }
        }
    }

    /** Experts that come when their part runs, and all tensors of parts before and after it, compute what they do when they stay. */
    @Test
    void tensorsThatAreStreamed() {
        assumeTrue(only().isEmpty(), "only with all cases");
        Case layer = cases().stream().filter(c -> c.name().startsWith(PROFILED)).findFirst().orElseThrow();
        try (Arena arena = Arena.ofShared()) {
            Scenario scenario = layer.build().apply(new RandomData(seed, arena));
            Precision precision = precisions().getFirst();
            CompileOptions options = new CompileOptions(precision, scenario.cacheType(), scenario.limits())
                    .withGuards(GUARD_BYTES);
            List<Map<Slot, int[]>> expected;
            try (Runner runner = new Runner(reference, scenario, Scenario.Cut.PARTS, options)) {
                expected = runner.run();
            }
            Set<Weight> experts = scenario.program().ops().stream().filter(Op.ExpertMatMul.class::isInstance)
                    .flatMap(op -> op.tensors().stream()).collect(Collectors.toSet());
            CompileOptions streamed = options.withStreamed(experts);
            List<Program> parts = Runner.cut(scenario, Scenario.Cut.PARTS).stream().map(Segment::program).toList();
            Device.Footprint all = opened().footprint(parts, options);
            Device.Footprint less = opened().footprint(parts, streamed);
            assertTrue(less.weights() <= all.weights() && less.total() <= all.total(), () -> less + " with streaming, " + all);
            for (Scenario.Cut cut : List.of(Scenario.Cut.PARTS, Scenario.Cut.WHOLE)) {
                try (Runner runner = new Runner(opened(), scenario, cut, streamed)) {
                    assertEquals(List.of(), Judge.faults(scenario, precision, expected, runner.run()));
                    // Again, since what they leave behind must not be taken for what comes.
                    assertEquals(List.of(), Judge.faults(scenario, precision, expected, runner.run()));
                    assertEquals(List.of(), runner.damage());
                }
            }
        }
    }

    /** Neither limit is out of this world. */
    @Test
    void limitsAreMeasured() {
        assumeTrue(size() == Size.NORMAL && only().isEmpty(), "only with all cases");
        Rates rates = opened().measure();
        assertTrue(rates.bytesPerSecond() > 1e6 && rates.bytesPerSecond() < 1e14, () -> rates + " cannot be");
        assertTrue(rates.flopsPerSecond() > 1e6 && rates.flopsPerSecond() < 1e16, () -> rates + " cannot be");
        assertTrue(rates.productsPerSecond() > 1e6 && rates.productsPerSecond() < 1e17, () -> rates + " cannot be");
        double upload = opened().measureUpload();
        assertTrue(upload > 1e6 && (upload < 1e13 || Double.isInfinite(upload)),
                () -> upload + " bytes/s to the device cannot be");
    }

    @AfterAll
    void closeDevice() {
        if (device != null) {
            device.close();
        }
        reference.close();
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        cases.addAll(RowCases.all());
        cases.addAll(MatMulCases.all());
        cases.addAll(ExpertCases.all());
        cases.addAll(AttentionCases.all());
        cases.addAll(FusedCases.all());
        cases.addAll(LayerCases.all());
        return cases;
    }

    /** Runs one case. */
    final void check(Case c) {
        opened();
        try (Arena arena = Arena.ofShared()) {
            Scenario scenario = c.build().apply(new RandomData(seed ^ c.name().hashCode() * 0x9E37_79B9_7F4A_7C15L, arena));
            // Histories are filled by a part of their own, on the reference too.
            boolean fills = scenario.rounds().stream().anyMatch(Scenario.Round::fillOnly);
            List<Map<Slot, int[]>> expected = null;
            for (Precision precision : precisions()) {
                CompileOptions options = new CompileOptions(precision, scenario.cacheType(), scenario.limits())
                        .withGuards(GUARD_BYTES);
                if (!supported(scenario, options)) {
                    continue;
                }
                if (expected == null) {
                    try (Runner runner = new Runner(reference, scenario, fills ? Scenario.Cut.PARTS : Scenario.Cut.WHOLE,
                            options)) {
                        expected = runner.run();
                    }
                }
                compare(scenario, options, expected);
            }
        } catch (AssertionError | RuntimeException failure) {
            throw new AssertionError(
                    "%s on %s: %s%nto repeat: -Dconformance.seed=%d '-Dconformance.only=^%s$'".formatted(c.name(),
                            device.info().id(), failure.getMessage(), seed, c.name().replaceAll("([+()])", "\\\\$1")),
                    failure);
        }
    }

    private Device opened() {
        if (device == null) {
            device = device();
        }
        return device;
    }

    private void compare(Scenario scenario, CompileOptions options, List<Map<Slot, int[]>> expected) {
        Device.Footprint footprint = device.footprint(List.of(scenario.program()), options);
        assertTrue(footprint.scratch() > 0 && footprint.weights() >= 0 && footprint.staging() >= 0
                && footprint.caches() > 0 == !scenario.program().caches().isEmpty(), "impossible footprint " + footprint);
        try (Runner runner = new Runner(device, scenario, scenario.cut(), options)) {
            for (int i = 1; i <= repeats(); i++) {
                List<String> faults = Judge.faults(scenario, options.precision(), expected, runner.run());
                List<String> damage = runner.damage();
                assertTrue(faults.isEmpty() && damage.isEmpty(), "%s, run %d: %s %s".formatted(options.precision(), i,
                        String.join("; ", faults), String.join("; ", damage)));
            }
        }
    }

    /** Whether the device can run the program, after making sure that it says so where it should, and only there. */
    private boolean supported(Scenario scenario, CompileOptions options) {
        boolean all = true;
        for (Op op : scenario.program().ops()) {
            Support support = device.supports(op, options);
            boolean expected = expectedSupport(op, options);
            if (expected) {
                assertTrue(support.ok(), () -> "the device refuses " + op + ", which it is meant to run: " + support.reason());
                assertTrue(support.reason().isEmpty(), () -> "a reason against a supported op: " + support.reason());
            } else {
                assertFalse(support.ok(), () -> "the device takes " + op + ", which it is not meant to run");
                assertFalse(support.reason().isBlank(), () -> "no reason given against " + op);
                all = false;
            }
        }
        if (!all) {
            assertThrows(DeviceException.class, () -> device.compile(List.of(scenario.program()), options).close(),
                    "an unsupported op was compiled");
        }
        return all;
    }
}
