package org.crema.kernels.reference;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.crema.kernels.Rows.OUTPUTS;
import static org.crema.kernels.Rows.TOKENS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rotation.Pairing;
import org.crema.kernels.Routing;
import org.crema.kernels.Routing.GroupScore;
import org.crema.kernels.Routing.Scoring;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/** Every op on numbers that can be checked by hand. */
class ReferenceTest {
    private static final Limits LIMITS = new Limits(4, 4, 2, 2, 4, 3);
    private static final float NAN = Float.NaN;

    private final Arena arena = Arena.ofAuto();
    private final Device device = new ReferenceBackend().open(0, DeviceOptions.DEFAULT);
    private final Program.Builder program = new Program.Builder("test");
    private final Map<Slot, float[]> inputs = new HashMap<>();
    private Cache.Type cacheType = Cache.Type.F32;
    private final Step step = new Step(LIMITS, arena);

    /** An input with the cells of all rows. */
    private Slot input(Rows rows, int columns, float... cells) {
        Slot slot = program.input("in" + inputs.size(), rows, columns, Element.F32);
        inputs.put(slot, cells);
        return slot;
    }

    private Slot slot(Rows rows, int columns) {
        return program.slot("out", rows, columns);
    }

    private Weight weight(int count, int rows, int columns, float... values) {
        MemorySegment data = arena.allocate(4L * values.length, 4);
        MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
        return new Weight("w", QuantType.F32, count, rows, columns, data);
    }

    private Step tokens(int... ids) {
        step.clear().addSequence(new int[] {2, 0, 3}, 3);
        for (int i = 0; i < ids.length; i++) {
            step.addToken(0, ids[i], i, i % 2 == 1);
        }
        return step;
    }

    private Executable compile(Slot... outputs) {
        return device.compile(List.of(program.build(outputs)), new CompileOptions(Precision.F32, cacheType, LIMITS));
    }

    private MemorySegment run(Step s, Slot out, Slot... more) {
        List<Slot> outputs = new ArrayList<>(List.of(more));
        outputs.add(out);
        try (Executable executable = compile(outputs.toArray(Slot[]::new))) {
            return run(executable, s, out);
        }
    }

    private MemorySegment run(Executable executable, Step s, Slot out) {
        executable.begin(s);
        inputs.forEach((slot, cells) -> {
            int rows = slot.rows().count(s);
            assertEquals(rows * slot.columns(), cells.length, "cells of " + slot);
            executable.write(slot, MemorySegment.ofArray(cells), rows);
        });
        executable.run(0);
        int rows = out.rows().count(s);
        MemorySegment target = arena.allocate(out.bytes(rows), 4);
        executable.read(out, target, rows);
        executable.finish();
        assertEquals(List.of(), executable.damage());
        return target;
    }

    private void gives(Op op, Step s, Slot out, float... expected) {
        program.add(op);
        assertArrayEquals(expected, run(s, out).toArray(JAVA_FLOAT), 1e-6f);
    }

    @Test
    void embed() {
        Slot out = slot(TOKENS, 2);
        gives(new Op.Embed(out.all(), weight(1, 3, 2, 1, 2, 3, 4, 5, 6)), tokens(2, 0), out, 5, 6, 1, 2);
    }

    @Test
    void rmsNormOfEachGroup() {
        Slot in = input(TOKENS, 4, 3, 4, 0, 2);
        gives(new Op.RmsNorm(in.groups(2), in.groups(2), weight(1, 1, 2, 1, 10), 2), tokens(0), in,
                // mean square 12.5 and 2, to both of which eps is added
                3 / (float) Math.sqrt(14.5), 40 / (float) Math.sqrt(14.5), 0, 10);
    }

    @Test
    void matMulWithBias() {
        Slot in = input(TOKENS, 2, 1, 2, 3, 4);
        Slot out = slot(TOKENS, 3);
        gives(new Op.MatMul(out.all(), in.all(), weight(1, 3, 2, 1, 0, 0, 1, 10, 100), Optional.of(weight(1, 1, 3, 0.5f, 0, -1))),
                tokens(0, 0), out, 1.5f, 2, 209, 3.5f, 4, 429);
    }

    @Test
    void headMatMul() {
        Slot in = input(TOKENS, 6, 1, 2, 9, 3, 4, 9);
        Slot out = slot(TOKENS, 6);
        Weight w = weight(2, 3, 2, 1, 0, 0, 1, 1, 1, 2, 0, 0, 2, 1, -1);
        gives(new Op.HeadMatMul(out.groups(2), in.groups(2, 0, 2), w, false), tokens(0), out, 1, 2, 3, 6, 8, -1);
    }

    @Test
    void headMatMulTransposed() {
        Slot in = input(TOKENS, 6, 1, 2, 3, 4, 5, 6);
        Slot out = slot(TOKENS, 4);
        Weight w = weight(2, 3, 2, 1, 0, 0, 1, 1, 1, 2, 0, 0, 2, 1, -1);
        gives(new Op.HeadMatMul(out.groups(2), in.groups(2), w, true), tokens(0), out, 1 + 3, 2 + 3, 8 + 6, 10 - 6);
    }

    @Test
    void ropeTurnsPairsByPositionTimesFrequency() {
        Slot in = input(TOKENS, 4, 1, 2, 3, 4, 1, 2, 3, 4);
        Slot adjacent = slot(TOKENS, 4);
        List<Double> quarter = List.of(Math.PI / 2, Math.PI);
        // Token 1 is at position 1: the first pair by 90 degrees, the second by 180; twice as long.
        gives(new Op.Rope(adjacent.all(), in.all(), new Rotation(Pairing.ADJACENT, quarter, 2)), tokens(0, 0), adjacent, 2, 4, 6,
                8, -4, 2, -6, -8);
        Slot halves = slot(TOKENS, 4);
        gives(new Op.Rope(halves.all(), in.all(), new Rotation(Pairing.HALVES, quarter, 1)), tokens(0, 0), halves, 1, 2, 3, 4, -3,
                -2, 1, -4);
    }

    private Slot attention(int window, float softCap) {
        // Two query heads on one key head. Keys are 0, ln 3 / 2, 0; values 1, 5, 9.
        float k = (float) Math.log(3) / 2;
        Slot q = input(TOKENS, 2, 1, 0, 1, 0, 1, 0);
        Slot key = input(TOKENS, 1, 0, k, 0);
        Slot value = input(TOKENS, 1, 1, 5, 9);
        Slot out = slot(TOKENS, 2);
        Cache cache = new Cache(0, 2);
        program.add(new Op.CacheWrite(cache, List.of(key.all(), value.all())));
        program.add(new Op.Attention(out.groups(2), q.groups(2), cache, 1, 2, window, softCap));
        return out;
    }

    @Test
    void attentionIsCausal() {
        Slot out = attention(0, 0);
        assertArrayEquals(new float[] {1, 1, 4, 3, (1 + 15 + 9) / 5f, 5}, run(tokens(0, 0, 0), out).toArray(JAVA_FLOAT), 1e-6f);
    }

    @Test
    void attentionLooksBackAsFarAsItsWindow() {
        Slot out = attention(2, 0);
        assertArrayEquals(new float[] {1, 1, 4, 3, 6, 7}, run(tokens(0, 0, 0), out).toArray(JAVA_FLOAT), 1e-6f);
    }

    @Test
    void attentionCapsScores() {
        Slot out = attention(2, 0.5f);
        double e = Math.exp(0.5 * Math.tanh(2 * Math.log(3)));
        assertArrayEquals(new float[] {1, 1, (float) ((1 + 5 * e) / (1 + e)), 3, (float) ((5 * e + 9) / (1 + e)),
            7}, run(tokens(0,
                    0, 0), out).toArray(JAVA_FLOAT),
                1e-6f);
    }

    @Test
    void groupedHeadsUseTheirKeyHead() {
        Slot q = input(TOKENS, 4, 0, 0, 0, 0);
        Slot kv = input(TOKENS, 4, 7, 7, 2, 3);
        Slot out = slot(TOKENS, 4);
        Cache cache = new Cache(0, 4);
        program.add(new Op.CacheWrite(cache, List.of(kv.all())));
        gives(new Op.Attention(out.groups(4), q.groups(4), cache, 2, 1, 0, 0), tokens(0), out, 2, 2, 3, 3);
    }

    @Test
    void latentAttentionOverSequencesAndSteps() {
        Slot q = input(TOKENS, 2, 0, 0, 0, 0);
        Slot qRope = input(TOKENS, 1, 0, 0);
        Slot row = input(TOKENS, 3, 1, 2, 50, 3, 6, 60);
        Slot out = slot(TOKENS, 2);
        Cache cache = new Cache(0, 3);
        program.add(new Op.CacheWrite(cache, List.of(row.all())));
        program.add(new Op.LatentAttention(out.all(), q.all(), qRope.all(), cache, 1));
        try (Executable executable = compile(out)) {
            step.clear().addSequence(new int[] {3}, 1);
            step.addSequence(new int[] {1}, 1);
            step.addToken(0, 0, 0, false);
            step.addToken(1, 0, 0, false);
            assertArrayEquals(new float[] {1, 2, 3, 6}, run(executable, step, out).toArray(JAVA_FLOAT));
            inputs.put(row, new float[] {5, 0, 0, 7, 0, 0});
            step.clear().addSequence(new int[] {1}, 1);
            step.addSequence(new int[] {3}, 1);
            step.addToken(1, 0, 1, false);
            step.addToken(0, 0, 1, false);
            assertArrayEquals(new float[] {3, 1, 5, 3}, run(executable, step, out).toArray(JAVA_FLOAT));
            // The rotary column counts for the scores alone: it is 50 and 0 in this sequence.
            inputs.put(qRope, new float[] {1});
            inputs.put(q, new float[] {0, 0});
            inputs.put(row, new float[] {9, 9, 0});
            step.clear().addSequence(new int[] {3, 0}, 2);
            step.addToken(0, 0, 2, false);
            assertArrayEquals(new float[] {1, 2}, run(executable, step, out).toArray(JAVA_FLOAT), 1e-6f);
        }
    }

    @Test
    void cacheRowsAreRoundedToTheirType() {
        for (Cache.Type type : Cache.Type.values()) {
            ReferenceTest test = new ReferenceTest();
            test.cacheType = type;
            float[] row = new float[64];
            row[0] = 127;
            row[1] = 10.5f;
            row[2] = 1 + 1 / 4096f;
            row[32] = -0.3f;
            Slot q = test.input(TOKENS, 32, new float[32]);
            Slot kv = test.input(TOKENS, 64, row);
            Slot out = test.slot(TOKENS, 32);
            Cache cache = new Cache(0, 64);
            test.program.add(new Op.CacheWrite(cache, List.of(kv.groups(2, 0, 32))));
            test.program.add(new Op.LatentAttention(out.all(), q.all(), test.input(TOKENS, 32, new float[32]).all(), cache, 1));
            float[] found = test.run(test.tokens(0), out).toArray(JAVA_FLOAT);
            assertArrayEquals(switch (type) {
                case F32 -> new float[] {127, 10.5f, 1 + 1 / 4096f};
                case F16 -> new float[] {127, 10.5f, 1};
                case Q8_0 -> new float[] {127, 11, 1};
            }, Arrays.copyOf(found, 3), type.toString());
        }
    }

    /** Ids and weights of one token whose logits are the numbers given. */
    private void chooses(Routing routing, float[] bias, float[] logits, int[] ids, float... weights) {
        ReferenceTest test = new ReferenceTest();
        Slot in = test.input(TOKENS, 1, 1);
        Slot idSlot = test.program.slot("ids", TOKENS, routing.used(), Element.I32);
        Slot weightSlot = test.slot(TOKENS, routing.used());
        Optional<Weight> b = bias.length == 0 ? Optional.empty() : Optional.of(test.weight(1, 1, bias.length, bias));
        test.program.add(new Op.GateExperts(idSlot.all(), weightSlot.all(), in.all(), test.weight(1, logits.length, 1, logits), b,
                routing));
        assertArrayEquals(ids, test.run(test.tokens(0), idSlot, weightSlot).toArray(JAVA_INT));
        assertArrayEquals(weights, test.run(test.tokens(0), weightSlot, idSlot).toArray(JAVA_FLOAT), 1e-6f);
    }

    private static float ln(double x) {
        return (float) Math.log(x);
    }

    private static float[] none() {
        return new float[0];
    }

    @Test
    void gateTakesTheBest() {
        float[] logits = {ln(1), ln(4), ln(2), ln(3)};
        chooses(Routing.plain(Scoring.SOFTMAX, 4, 2, false, 10), none(), logits, new int[] {1, 3}, 4, 3);
        chooses(Routing.plain(Scoring.SOFTMAX, 4, 2, true, 1), none(), logits, new int[] {1, 3}, 4 / 7f, 3 / 7f);
        chooses(Routing.plain(Scoring.SIGMOID, 4, 2, false, 1), none(), logits, new int[] {1, 3}, 0.8f, 0.75f);
        // The bias moves the choice and its order, not the weight.
        chooses(Routing.plain(Scoring.SIGMOID, 4, 2, false, 1), new float[] {1, 0, 0, 0}, logits, new int[] {0, 1}, 0.5f, 0.8f);
    }

    @Test
    void gateBreaksTiesDownwardsAndPutsNanLast() {
        Routing three = Routing.plain(Scoring.SIGMOID, 4, 3, false, 1);
        chooses(three, none(), new float[] {0, 0, 0, 0}, new int[] {0, 1, 2}, 0.5f, 0.5f, 0.5f);
        chooses(three, none(), new float[] {NAN, ln(3), NAN, 0}, new int[] {1, 3, 0}, 0.75f, 0.5f, NAN);
        // One NaN logit makes every softmax NaN.
        chooses(Routing.plain(Scoring.SOFTMAX, 3, 2, false, 1), none(), new float[] {1, NAN, 3}, new int[] {0, 1}, NAN, NAN);
    }

    @Test
    void gateDropsWholeGroups() {
        float[] logits = {ln(9), ln(1), ln(8), ln(7)};
        // By the best expert the first group wins, by the two best the second.
        chooses(new Routing(Scoring.SOFTMAX, 4, 2, 2, 1, GroupScore.MAX, false, 25), none(), logits, new int[] {0, 1}, 9, 1);
        chooses(new Routing(Scoring.SOFTMAX, 4, 2, 2, 1, GroupScore.TOP2_SUM, false, 25), none(), logits, new int[] {2, 3}, 8, 7);
        // Groups of one have no second best; equal groups: the lower.
        chooses(new Routing(Scoring.SOFTMAX, 4, 1, 4, 1, GroupScore.TOP2_SUM, false, 25), none(), logits, new int[] {0}, 9);
        chooses(new Routing(Scoring.SIGMOID, 4, 1, 2, 1, GroupScore.MAX, false, 1), none(), new float[] {0, ln(3), ln(3), 0},
                new int[] {1}, 0.75f);
        // A group is judged with the bias.
        chooses(new Routing(Scoring.SIGMOID, 4, 1, 2, 1, GroupScore.MAX, false, 1), new float[] {0, 0, 0, 1}, new float[] {0,
            ln(3), ln(3), 0}, new int[] {3}, 0.5f);
    }

    @Test
    void expertsOfTokensAndOfPairs() {
        Slot ids = program.input("ids", TOKENS, 2, Element.I32);
        inputs.put(ids, new float[] {Float.intBitsToFloat(2), Float.intBitsToFloat(0), Float.intBitsToFloat(0), Float
                .intBitsToFloat(1)});
        Slot x = input(TOKENS, 2, 1, 2, 3, 4);
        Slot up = slot(Rows.pairs(2), 1);
        Slot down = slot(Rows.pairs(2), 2);
        program.add(new Op.ExpertMatMul(up.all(), x.all(), ids.all(), weight(3, 1, 2, 1, 0, 0, 1, 1, 1)));
        gives(new Op.ExpertMatMul(down.all(), up.all(), ids.all(), weight(3, 2, 1, 1, 10, 2, 20, 3, 30)), tokens(0, 0), down,
                9, 90, 1, 10, 3, 30, 8, 80);
    }

    @Test
    void swiGlu() {
        Slot gate = input(TOKENS, 4, 0, ln(3), -100, 100);
        Slot up = input(TOKENS, 4, 5, 4, 100, 100);
        gives(new Op.SwiGlu(gate.all(), gate.all(), up.all()), tokens(0), gate, 0, 3 * ln(3), 0, 10000);
    }

    @Test
    void expertSum() {
        Slot in = input(Rows.pairs(2), 2, 1, 2, 3, 4, 5, 6, 7, 8);
        Slot weights = input(TOKENS, 2, 1, 10, 0.5f, 0);
        Slot out = slot(TOKENS, 2);
        gives(new Op.ExpertSum(out.all(), in.all(), weights.all()), tokens(0, 0), out, 31, 42, 2.5f, 3);
    }

    @Test
    void addToPartOfASlot() {
        Slot a = input(TOKENS, 5, 1, 2, 3, 4, 5);
        Slot b = input(TOKENS, 2, 10, 20);
        gives(new Op.Add(a.columns(2, 2), a.columns(0, 2), b.all()), tokens(0), a, 1, 2, 11, 22, 5);
    }

    @Test
    void selectRowsWithOutputs() {
        Slot in = input(TOKENS, 2, 1, 2, 3, 4, 5, 6, 7, 8);
        Slot out = slot(OUTPUTS, 2);
        gives(new Op.SelectRows(out.all(), in.all()), tokens(0, 0, 0, 0), out, 3, 4, 7, 8);
    }

    @Test
    void isFoundAsAService() {
        Backend backend = ServiceLoader.load(Backend.class).stream().map(ServiceLoader.Provider::get).filter(b -> b.name().equals(
                "reference")).findFirst().orElseThrow();
        assertEquals(1, backend.discover().devices().size());
        assertEquals("reference", backend.discover().devices().getFirst().id());
        failure("there is no number 1", () -> backend.open(1, DeviceOptions.DEFAULT));
    }

    private static void failure(String word, Runnable call) {
        String message = assertThrows(RuntimeException.class, call::run).getMessage();
        assertTrue(message.contains(word), message);
    }

    @Test
    void wrongUseIsExplained() {
        Slot out = slot(TOKENS, 1);
        program.add(new Op.Embed(out.all(), weight(1, 2, 1, 7, 8)));
        Executable executable = compile(out);
        failure("begin(step) must come first", () -> executable.run(0));
        executable.begin(tokens(2));
        failure("token 2 is not in w[F32 2 × 1]", () -> executable.run(0));
        failure("which has room for 4", () -> executable.read(out, arena.allocate(100), 5));
        failure("no slot", () -> executable.read(new Slot(9, "z", TOKENS, 1, Element.F32), arena.allocate(100), 1));
        failure("cannot take over", () -> executable.begin(new Step(Limits.single(2, 2, 1), arena)));
        executable.close();
        failure("closed", () -> executable.run(0));
    }

    @Test
    void badDataIsExplained() {
        Slot ids = program.input("ids", TOKENS, 1, Element.I32);
        inputs.put(ids, new float[] {Float.intBitsToFloat(3)});
        Slot out = slot(TOKENS, 1);
        Slot x = input(TOKENS, 1, 1);
        program.add(new Op.ExpertMatMul(out.all(), x.all(), ids.all(), weight(3, 1, 1, 1, 1, 1)));
        failure("expert 3 of token 0", () -> run(tokens(0), out));

        ReferenceTest hole = new ReferenceTest();
        Slot q = hole.input(TOKENS, 1, 1);
        Slot attended = hole.slot(TOKENS, 1);
        Cache cache = new Cache(4, 2);
        hole.program.add(new Op.CacheWrite(cache, List.of(hole.input(TOKENS, 2, 1, 1).all())));
        hole.program.add(new Op.Attention(attended.all(), q.all(), cache, 1, 1, 0, 0));
        hole.step.clear().addSequence(new int[] {0}, 1);
        hole.step.addToken(0, 0, 1, false);
        failure("nothing was written to cache4[2] at position 0", () -> hole.run(hole.step, attended));
    }

    @Test
    void unfitProgramsAreRefused() {
        Slot row = input(TOKENS, 48);
        Op write = new Op.CacheWrite(new Cache(0, 48), List.of(row.all()));
        program.add(write);
        cacheType = Cache.Type.Q8_0;
        Support support = device.supports(write, new CompileOptions(Precision.F32, cacheType, LIMITS));
        assertFalse(support.ok());
        assertTrue(support.reason().contains("multiple of 32"), support.reason());
        failure("multiple of 32", this::compile);

        ReferenceTest planned = new ReferenceTest();
        Slot out = planned.slot(TOKENS, 4);
        planned.program.add(new Op.Embed(out.all(), new Weight("w", QuantType.F32, 1, 2, 4, MemorySegment.NULL)));
        failure("has no data", () -> planned.compile(out));
    }

    @Test
    void footprintIsWhatTheMemoryLimitIsHeldAgainst() {
        Slot row = input(TOKENS, 32);
        program.add(new Op.CacheWrite(new Cache(0, 32), List.of(row.all())));
        Program built = program.build();
        CompileOptions options = new CompileOptions(Precision.F32, Cache.Type.F16, LIMITS);
        Device.Footprint footprint = device.footprint(List.of(built), options);
        assertEquals(new Device.Footprint(0, 4L * 8 * 32, 4L * 4 * 32, 0), footprint);
        ReferenceBackend backend = new ReferenceBackend();
        try (Device tight = backend.open(0, new DeviceOptions(0, footprint.total()));
                Device tooTight = backend.open(0, new DeviceOptions(0, footprint.total() - 1))) {
            tight.compile(List.of(built), options).close();
            DeviceException.OutOfMemory full = assertThrows(DeviceException.OutOfMemory.class, () -> tooTight.compile(List.of(
                    built), options));
            assertEquals(footprint.total(), full.need());
        }
    }

    @Test
    void progressCoversEveryWeight() {
        Slot out = slot(TOKENS, 2);
        program.add(new Op.Embed(out.all(), weight(1, 3, 2, 1, 2, 3, 4, 5, 6)));
        List<Long> seen = new ArrayList<>();
        device.compile(List.of(program.build(out)), new CompileOptions(Precision.F32, cacheType, LIMITS).withProgress(seen::add))
                .close();
        assertEquals(List.of(24L), seen);
    }
}
