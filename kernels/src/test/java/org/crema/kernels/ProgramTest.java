package org.crema.kernels;

import static org.crema.kernels.Rows.OUTPUTS;
import static org.crema.kernels.Rows.TOKENS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/** What programs, ops, views and weights refuse, and what they say about themselves. */
class ProgramTest {
    private final Program.Builder builder = new Program.Builder("p");
    private final Slot x = builder.input("x", TOKENS, 64, Element.F32);
    private final Slot y = builder.slot("y", TOKENS, 32);

    private static Weight planned(int count, int rows, int columns) {
        return new Weight("w", QuantType.F32, count, rows, columns, MemorySegment.NULL);
    }

    private static void refused(String word, Runnable call) {
        String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
        assertTrue(message.contains(word), message);
    }

    @Test
    void programKnowsItsParts() {
        Weight w = planned(1, 32, 64);
        Cache cache = new Cache(0, 32);
        Program program = builder.add(new Op.MatMul(y.all(), x.all(), w)).add(new Op.CacheWrite(cache, List.of(y.all())))
                .build(y);
        assertEquals(Set.of(x, y), program.slots());
        assertEquals(Set.of(w), program.tensors());
        assertEquals(Set.of(cache), program.caches());
        assertEquals(Map.of("MatMul", 1, "CacheWrite", 1), program.census());
        assertTrue(program.listing().contains("[y#1[TOKENS × 32]] = MatMul[x#0[TOKENS × 64]] w[F32 32 × 64]"), program.listing());
    }

    @Test
    void programRefusesWhatNothingHasWritten() {
        Slot z = builder.slot("z", TOKENS, 32);
        builder.add(new Op.Add(z.all(), y.all(), y.all()));
        refused("which no op before it writes", () -> builder.build(z));
        refused("nothing writes its output", () -> new Program("p", List.of(x), List.of(), List.of(y)));
        refused("two slots have the id", () -> new Program("p", List.of(x, new Slot(0, "other", TOKENS, 3, Element.F32)),
                List.of(), List.of()));
    }

    @Test
    void viewsLieInTheirSlots() {
        View head = x.groups(4, 2, 8);
        assertEquals(32, head.width());
        assertEquals(16 + 2 + 3, head.at(1, 3));
        assertFalse(head.contiguous());
        assertTrue(x.groups(4).contiguous());
        assertTrue(x.groups(4).whole());
        assertFalse(x.columns(0, 63).whole());
        refused("does not lie in", () -> x.columns(60, 5));
        refused("does not lie in", () -> new View(x, 0, 8, 2, 4));
        refused("has no groups", () -> x.groups(3));
        refused("has no groups", () -> x.groups(4, 10, 8));
    }

    @Test
    void opsWorkInPlaceOnOneAndTheSameViewOnly() {
        View head = x.columns(0, 32);
        assertEquals(head, new Op.Add(head, head, x.columns(32, 32)).out());
        refused("in place", () -> new Op.Add(head, x.columns(16, 32), y.all()));
        refused("in place", () -> new Op.SwiGlu(x.groups(4, 0, 8), x.groups(4, 7, 8), x.groups(4, 0, 8)));
        assertFalse(x.groups(4, 0, 8).overlaps(x.groups(4, 8, 8)));
    }

    @Test
    void opsRefuseShapesThatDoNotFit() {
        Slot outputs = builder.slot("o", OUTPUTS, 64);
        Slot ids = builder.slot("ids", TOKENS, 2, Element.I32);
        Slot weights = builder.slot("weights", TOKENS, 2);
        Slot pairs = builder.slot("pairs", Rows.pairs(2), 32);
        Rotation turn = new Rotation(Rotation.Pairing.ADJACENT, List.of(1.0, 0.5), 1);
        Routing routing = Routing.plain(Routing.Scoring.SOFTMAX, 4, 2, false, 1);
        Cache cache = new Cache(0, 96);
        refused("output width × input width", () -> new Op.MatMul(y.all(), x.all(), planned(1, 64, 32)));
        refused("bias of the output's width",
                () -> new Op.MatMul(y.all(), x.all(), planned(1, 32, 64), Optional.of(planned(1, 1, 64))));
        refused("same rows", () -> new Op.MatMul(outputs.all(), x.all(), planned(1, 64, 64)));
        refused("without gaps", () -> new Op.MatMul(y.all(), x.groups(2, 0, 16), planned(1, 32, 32)));
        refused("cannot write the slot it reads", () -> new Op.MatMul(x.all(), x.all(), planned(1, 64, 64)));
        refused("one matrix per group", () -> new Op.HeadMatMul(y.groups(2), x.groups(2), planned(3, 16, 32), false));
        refused("map a group to a group", () -> new Op.HeadMatMul(y.groups(2), x.groups(2), planned(2, 16, 32), true));
        refused("turns 4 columns", () -> new Op.Rope(x.groups(8), x.groups(8), turn));
        refused("of one shape", () -> new Op.Rope(x.groups(16), y.groups(8), turn));
        refused("of 96 columns together, not 64", () -> new Op.CacheWrite(cache, List.of(x.all())));
        refused("divide the query heads", () -> new Op.Attention(y.groups(2), x.groups(2), cache, 3, 1, 0, 0));
        refused("cache of keys and values", () -> new Op.Attention(y.groups(2), x.groups(2), cache, 1, 1, 0, 0));
        refused("at least 0", () -> new Op.Attention(y.groups(1), x.groups(1), cache, 1, 1, -1, 0));
        refused("latent and rotary",
                () -> new Op.LatentAttention(y.groups(2), builder.slot("q", TOKENS, 32).groups(2), x.groups(2), cache, 1));
        refused("I32 ids",
                () -> new Op.GateExperts(weights.all(), weights.all(), x.all(), planned(1, 4, 64), Optional.empty(), routing));
        refused("router of experts", () -> new Op.GateExperts(ids.all(), weights.all(), x.all(), planned(1, 5, 64), Optional
                .empty(), routing));
        refused("a row per token and chosen expert", () -> new Op.ExpertMatMul(y.all(), x.all(), ids.all(), planned(4, 32, 64)));
        refused("as many experts as are used", () -> new Op.ExpertMatMul(pairs.all(), x.all(), ids.all(), planned(1, 32, 64)));
        refused("a row per pair", () -> new Op.ExpertSum(y.all(), y.all(), weights.all()));
        refused("per output", () -> new Op.SelectRows(y.all(), x.columns(0, 32)));
        refused("weight of one group's columns", () -> new Op.RmsNorm(x.groups(2), x.groups(2), planned(1, 1, 64), 1e-6f));
        refused("output's columns", () -> new Op.Embed(y.all(), planned(1, 5, 64)));
        refused("of one shape", () -> new Op.SwiGlu(y.all(), x.columns(0, 32), x.groups(2, 0, 16)));
    }

    @Test
    void routingAndLimitsRefuseNonsense() {
        refused("cannot use 3 of 4", () -> new Routing(Routing.Scoring.SIGMOID, 4, 3, 2, 1, Routing.GroupScore.MAX, false, 1));
        refused("cannot use", () -> Routing.plain(Routing.Scoring.SIGMOID, 4, 5, false, 1));
        refused("no more outputs than tokens", () -> new Limits(1, 2, 1, 1, 1, 1));
        refused("at least one frequency", () -> new Rotation(Rotation.Pairing.HALVES, List.of(), 1));
        refused("multiple of 32", () -> Cache.Type.Q8_0.rowBytes(48));
        assertEquals(34 * 18, Cache.Type.Q8_0.rowBytes(576));
        assertEquals(2L * 256 * 3 * 576, new Cache(0, 576).bytes(Cache.Type.F16, new Limits(1, 1, 1, 256, 3, 3)));
    }

    @Test
    void weightsFindTheirRows() {
        MemorySegment data = MemorySegment.ofArray(new byte[4 * 6 * 32 * 4]);
        Weight joint = new Weight("kv_b", QuantType.F32, 1, 24, 32, data);
        Weight values = joint.rowsOfGroups("v_b", 4, 2, 4);
        assertEquals(4, values.count());
        assertEquals(4, values.rows());
        assertEquals(6 * 128, values.matrixStride());
        assertEquals((3 * 6 + 2 + 1) * 128 - 2 * 128, values.offset(3, 1));
        assertEquals(data.address() + 2 * 128, values.data().address());
        assertEquals(4L * 4 * 128, values.bytes());
        refused("has no 5 groups", () -> joint.rowsOfGroups("v", 5, 0, 1));
        refused("rows [3, 7)", () -> joint.rowsOfGroups("v", 4, 3, 4));
        refused("its data has 3072", () -> new Weight("w", QuantType.F32, 1, 25, 32, data));
        refused("each must be at least 1", () -> new Weight("w", QuantType.F32, 1, 0, 32, data));
        refused("multiple of 256", () -> new Weight("w", QuantType.Q4_K, 1, 1, 128, data));
        refused("needs", () -> new Weight("w", QuantType.F32, 2, 2, 32, 128, data));
        assertTrue(planned(1, 4, 4).rowsOfGroups("v", 2, 0, 1).planned());
    }
}
