package org.crema.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class StepTest {
    private static final Limits LIMITS = new Limits(4, 2, 2, 16, 5, 2);
    private final Step step = new Step(LIMITS, Arena.ofAuto());

    private Step two() {
        step.clear();
        assertEquals(0, step.addSequence(new int[] {3, 1}, 2));
        assertEquals(1, step.addSequence(new int[] {4}, 1));
        step.addToken(0, 70, 15, false);
        step.addToken(1, 71, 0, true);
        step.addToken(0, 72, 16, true);
        return step;
    }

    @Test
    void blockIsLaidOutAsTheJavadocDrawsIt() {
        int[] block = two().block().toArray(JAVA_INT);
        assertArrayEquals(new int[] {3, 2, 2, 0, 0, 0, 0, 0,
            70, 71, 72, 0, // tokens
            15, 0, 16, 0, // positions
            0, 1, 0, 0, // sequences
            1, 2, // outputs
            17, 1, // lengths
            3, 1, 4, 0}, // pages
                block);
        assertEquals(block.length, Step.size(LIMITS));
    }

    @Test
    void cacheRowsFollowThePages() {
        two();
        assertEquals(3 * 16 + 15, step.cacheRow(0, 15));
        assertEquals(16, step.cacheRow(0, 16));
        assertEquals(4 * 16, step.cacheRow(1, 0));
    }

    @Test
    void rowsAreCountedInTheirDomain() {
        two();
        assertEquals(3, Rows.TOKENS.count(step));
        assertEquals(18, Rows.pairs(6).count(step));
        assertEquals(2, Rows.OUTPUTS.count(step));
        assertEquals(24, Rows.pairs(6).most(LIMITS));
    }

    @Test
    void clearForgetsLengths() {
        two();
        step.clear().addSequence(new int[] {0}, 1);
        step.addToken(0, 1, 2, false);
        assertEquals(3, step.length(0));
        assertEquals(0, step.outputs());
    }

    @Test
    void setTakesEverythingOver() {
        Step copy = new Step(LIMITS, Arena.ofAuto()).set(two());
        int[] before = step.block().toArray(JAVA_INT);
        step.clear();
        assertArrayEquals(before, copy.block().toArray(JAVA_INT));
        assertEquals(3, copy.tokens());
        assertEquals(2, copy.outputs());
        assertEquals(2, copy.sequences());
        assertTrue(assertThrows(IllegalArgumentException.class, () -> copy.set(new Step(Limits.single(8, 4, 1), Arena.ofAuto())))
                .getMessage().contains("cannot take over"));
    }

    @Test
    void limitsHold() {
        two();
        refused("sequences 3", () -> step.addSequence(new int[] {0}, 1));
        step.addToken(1, 5, 1, false);
        refused("tokens 5", () -> step.addToken(1, 5, 2, false));
        step.clear();
        refused("page 5", () -> step.addSequence(new int[] {5}, 1));
        refused("pages of a sequence 3", () -> step.addSequence(new int[] {0, 1, 2}, 3));
        refused("no sequence 0", () -> step.addToken(0, 1, 0, false));
        step.addSequence(new int[] {0, 1}, 2);
        refused("position 33", () -> step.addToken(0, 1, 32, false));
        refused("negative", () -> step.addToken(0, -1, 0, false));
        refused("negative", () -> step.addToken(0, 1, -1, false));
        step.addToken(0, 1, 0, true);
        step.addToken(0, 1, 1, true);
        refused("outputs 3", () -> step.addToken(0, 1, 2, true));
    }

    private static void refused(String word, Runnable call) {
        String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
        assertTrue(message.contains(word), message);
    }
}
