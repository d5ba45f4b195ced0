package org.crema.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/** Worked by hand. */
class WorkTest {
    private final Program.Builder slots = new Program.Builder("work");

    private Slot slot(Rows rows, int columns) {
        return slots.slot("s", rows, columns);
    }

    private static Weight weight(QuantType type, int count, int rows, int columns) {
        return new Weight("w", type, count, rows, columns, MemorySegment.NULL);
    }

    private static Work.Shape shape(int tokens, double depth) {
        return new Work.Shape(tokens, 1, 1, depth, Cache.Type.F16);
    }

    @Test
    void aProductReadsItsMatrixOnce() {
        Op op = new Op.MatMul(slot(Rows.TOKENS, 10).all(), slot(Rows.TOKENS, 256).all(), weight(QuantType.Q4_K, 1, 10, 256));
        Work one = Work.of(op, shape(1, 0));
        assertEquals(10 * 144, one.tensorBytes());
        assertEquals(2 * 10 * 256, one.operations());
        assertEquals(one.operations(), one.products());
        assertEquals(4 * (10 + 256), one.slotBytes());
        Work eight = Work.of(op, shape(8, 0));
        assertEquals(10 * 144, eight.tensorBytes());
        assertEquals(8 * one.operations(), eight.operations());
    }

    @Test
    void aHeadWithoutOutputsCostsNothing() {
        Op op = new Op.MatMul(slot(Rows.OUTPUTS, 10).all(), slot(Rows.OUTPUTS, 32).all(), weight(QuantType.F32, 1, 10, 32));
        assertEquals(Work.NONE, Work.of(op, new Work.Shape(8, 0, 1, 0, Cache.Type.F16)));
    }

    @Test
    void expertsAreReadAsManyAsAreProbablyChosen() {
        Slot ids = slots.slot("ids", Rows.TOKENS, 2, Element.I32);
        Op op = new Op.ExpertMatMul(slot(Rows.pairs(2), 4).all(), slot(Rows.TOKENS, 32).all(), ids.all(),
                weight(QuantType.F32, 8, 4,
                        32));
        Work one = Work.of(op, shape(1, 0));
        assertEquals(2 * 4 * 32 * 4, one.tensorBytes(), 1e-9);
        assertEquals(2 * 2 * 4 * 32, one.operations());
        // F32 weights stay F32.
        assertEquals(0, one.products());
        // Two tokens: 8 · (1 − (3/4)²) = 3.5 experts.
        assertEquals(3.5 * 4 * 32 * 4, Work.of(op, shape(2, 0)).tensorBytes(), 1e-9);
        assertTrue(Work.of(op, shape(1000, 0)).tensorBytes() <= 8 * 4 * 32 * 4);
    }

    /** A quarter of a second to read, half of one to compute in F32, an eighth in fewer bits. */
    @Test
    void productsHaveARateOfTheirOwnInFastPrecision() {
        Rates rates = new Rates(4, 8, 32);
        Work products = new Work(1, 0, 0, 4, 4);
        assertEquals(0.5, products.fusedSeconds(rates, Precision.F32));
        assertEquals(0.25, products.fusedSeconds(rates, Precision.FAST));
        Work attention = new Work(1, 0, 0, 8, 4);
        assertEquals(0.625, attention.fusedSeconds(rates, Precision.FAST));
        assertEquals(new Rates(4, 9, 32), rates.best(new Rates(3, 9)));
    }

    @Test
    void attentionReadsTheCacheAndEachTokenSeesWhatIsBefore() {
        Op op = new Op.LatentAttention(slot(Rows.TOKENS, 2 * 64).groups(2), slot(Rows.TOKENS, 2 * 64).groups(2),
                slot(Rows.TOKENS, 2 * 32).groups(2), new Cache(0, 96), 1);
        Work work = Work.of(op, shape(3, 10));
        assertEquals(13 * 96 * 2, work.cacheBytes());
        // Tokens see 11, 12 and 13 rows; 2 heads; scores over 96 columns, values over 64.
        assertEquals(36 * 2 * 2 * (96 + 64), work.operations());
        assertEquals(0, work.products());
    }

    @Test
    void aWindowBoundsAttention() {
        Op op = new Op.Attention(slot(Rows.TOKENS, 64).groups(2), slot(Rows.TOKENS, 64).groups(2), new Cache(0, 64), 1, 1, 16, 0);
        Work work = Work.of(op, shape(1, 1000));
        assertEquals(17 * 64 * 2, work.cacheBytes());
        assertEquals(16 * 2 * 2 * (32 + 32), work.operations());
    }
}
