package org.crema.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardsTest {
    private static final Limits LIMITS = new Limits(3, 1, 1, 16, 1, 1);

    private static Layout layout() {
        Program.Builder builder = new Program.Builder("p");
        Slot x = builder.input("x", Rows.TOKENS, 5, Element.F32);
        Slot y = builder.slot("y", Rows.TOKENS, 5);
        Program program = builder.add(new Op.Add(y.all(), x.all(), x.all())).build(y);
        return new Layout(List.of(program), LIMITS, 32, 8);
    }

    @Test
    void everyByteOfEveryGapIsWatched() {
        Layout layout = layout();
        MemorySegment arena = Arena.ofAuto().allocate(layout.bytes(), 64);
        Guards.fill(arena);
        assertEquals(List.of(), Guards.damage(layout, arena));
        boolean[] gap = new boolean[(int) layout.bytes()];
        for (Layout.Gap g : layout.gaps()) {
            assertTrue(g.bytes() >= 8, g.toString());
            Arrays.fill(gap, (int) g.offset(), (int) (g.offset() + g.bytes()), true);
        }
        for (int at = 0; at < gap.length; at++) {
            byte before = arena.get(JAVA_BYTE, at);
            arena.set(JAVA_BYTE, at, (byte) ~before);
            assertEquals(gap[at] ? 1 : 0, Guards.damage(layout, arena).size(), "byte " + at);
            arena.set(JAVA_BYTE, at, before);
        }
    }

    @Test
    void damageIsToldInWords() {
        Layout layout = layout();
        MemorySegment arena = Arena.ofAuto().allocate(layout.bytes(), 64);
        Guards.fill(arena);
        Slot x = new Slot(0, "x", Rows.TOKENS, 5, Element.F32);
        // One float past the end of x's 60 bytes.
        arena.set(JAVA_FLOAT, layout.offset(x) + 60, 1.5f);
        assertEquals(
                List.of("between x#0[TOKENS × 5] and y#1[TOKENS × 5]: 4 of 36 guard bytes overwritten, from byte 0 to byte 3 of"
                        + " the gap, the first with 0x00"),
                Guards.damage(layout, arena));
    }

    @Test
    void patternIsNoUsefulValue() {
        MemorySegment memory = Arena.ofAuto().allocate(7, 4);
        Guards.fill(memory);
        assertEquals(Guards.WORD, memory.get(JAVA_INT, 0));
        assertTrue(Float.isNaN(memory.get(JAVA_FLOAT, 0)));
        assertEquals(List.of(), Guards.damage("the tail", memory, 4, 3));
        memory.set(JAVA_BYTE, 6, (byte) 1);
        assertEquals(1, Guards.damage("the tail", memory, 4, 3).size());
    }
}
