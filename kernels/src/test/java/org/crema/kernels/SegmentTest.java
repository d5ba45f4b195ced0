package org.crema.kernels;

import static org.crema.kernels.Rows.TOKENS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/** Cuts of programs, and the memory of their slots. */
class SegmentTest {
    private static final int ROWS = 2;
    private static final Limits LIMITS = new Limits(ROWS, 1, 1, 16, 1, 1);

    private final Program.Builder builder = new Program.Builder("p");
    private final List<Integer> places = new ArrayList<>();

    private void op(int device, Op op) {
        builder.add(op);
        places.add(device);
    }

    private List<Segment> cut(Slot... outputs) {
        return cut(builder.build(outputs), places);
    }

    private static List<Segment> cut(Program program, List<Integer> places) {
        IdentityHashMap<Op, Integer> devices = new IdentityHashMap<>();
        for (int i = 0; i < places.size(); i++) {
            devices.put(program.ops().get(i), places.get(i));
        }
        return Segment.cut(program, devices::get);
    }

    private Slot slot(String name) {
        return builder.slot(name, TOKENS, 8);
    }

    private static Op add(Slot out, Slot a, Slot b) {
        return new Op.Add(out.all(), a.all(), b.all());
    }

    @Test
    void oneDeviceIsOneSegment() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot y = slot("y");
        op(3, add(y, x, x));
        op(3, add(y, y, x));
        List<Segment> segments = cut(y);
        assertEquals(1, segments.size());
        assertEquals(3, segments.getFirst().device());
        assertEquals(0, segments.getFirst().part());
        assertEquals(List.of(x), segments.getFirst().copies());
        assertEquals(List.of(y), segments.getFirst().program().outputs());
    }

    @Test
    void slotIsCopiedOncePerVersionAndDevice() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot y = slot("y");
        Slot z = slot("z");
        op(0, add(y, x, x));
        op(1, add(z, y, x));
        op(2, add(z, z, y));
        op(1, add(z, z, y)); // y is still here, z was changed elsewhere
        op(0, add(y, y, z)); // a new version of y
        op(1, add(z, z, y));
        List<Segment> segments = cut(z);
        assertEquals(List.of(0, 1, 2, 1, 0, 1), segments.stream().map(Segment::device).toList());
        assertEquals(List.of(0, 0, 0, 1, 1, 2), segments.stream().map(Segment::part).toList());
        assertEquals(List.of(List.of(x), List.of(y, x), List.of(z, y), List.of(z), List.of(z), List.of(y)), segments.stream().map(
                Segment::copies).toList());
        assertEquals(List.of(List.of(y), List.of(z), List.of(z), List.of(z), List.of(y), List.of(z)), segments.stream().map(
                segment -> segment.program().outputs()).toList());
        assertEquals(List.of(z, y), segments.get(3).program().inputs());
    }

    @Test
    void partialWriteNeedsTheOtherColumns() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot y = slot("y");
        op(0, add(y, x, x));
        op(1, new Op.Add(y.columns(2, 3), x.columns(0, 3), x.columns(3, 3)));
        op(0, add(y, y, y));
        List<Segment> segments = cut(y);
        assertEquals(List.of(x, y), segments.get(1).copies());
        assertEquals(List.of(y), segments.get(2).copies());
        // A slot that is written whole needs nothing from before.
        assertEquals(List.of(y), segments.get(1).program().outputs());
    }

    @Test
    void wholeWriteNeedsNothing() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot y = slot("y");
        op(0, add(y, x, x));
        op(1, add(y, x, x));
        assertEquals(List.of(x), cut(y).get(1).copies());
    }

    @Test
    void layoutKeepsAnOutputUntilTheNextPartRuns() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        List<Program> parts = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Slot out = slot("out" + i);
            parts.add(new Program("part" + i, List.of(x), List.of(add(out, x, x)), List.of(out)));
        }
        Layout layout = new Layout(parts, LIMITS, 64, 0);
        assertEquals(2 * 64, layout.bytes(), "the input, and one output after the other");
    }

    @Test
    void aRunEndsBehindWhatAnotherDeviceWaitsFor() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot routed = slot("routed");
        Slot shared = slot("shared");
        Slot expert = slot("expert");
        Slot y = slot("y");
        op(0, add(routed, x, x));
        op(0, add(shared, x, x)); // nobody else reads it
        op(0, add(shared, shared, x));
        op(1, add(expert, routed, routed));
        op(0, add(y, shared, expert));
        List<Segment> segments = cut(y);
        assertEquals(List.of(0, 0, 1, 0), segments.stream().map(Segment::device).toList());
        assertEquals(List.of(1, 2, 1, 1), segments.stream().map(segment -> segment.program().ops().size()).toList());
        assertEquals(List.of(routed), segments.get(0).program().outputs());
        assertEquals(List.of(), segments.get(1).program().outputs());
        assertEquals(List.of(expert), segments.get(3).copies());
    }

    @Test
    void layoutSharesMemoryOnlyWithoutGuards() {
        Slot x = builder.input("x", TOKENS, 8, Element.F32);
        Slot a = slot("a");
        Slot b = slot("b");
        Slot c = slot("c");
        Slot d = slot("d");
        op(0, add(a, x, x));
        op(0, add(b, a, a));
        op(0, add(c, b, b));
        op(0, add(d, c, c));
        Program program = builder.build(d);
        Layout shared = new Layout(List.of(program), LIMITS, 64, 0);
        assertEquals(128, shared.bytes(), "two slots are alive at a time");
        assertEquals(List.of(), shared.gaps());
        Layout apart = new Layout(List.of(program), LIMITS, 64, 16);
        assertEquals(6, apart.gaps().size());
        assertTrue(apart.bytes() >= 5 * 64 + 6 * 16, "five slots and the gaps around them");
    }

    /**
     * Random programs over random devices, run on stamps instead of numbers: each cell of each device's arena holds which version of
     * which slot's column was put there last. A read has to find the newest version, whatever was cut, copied or overlaid.
     */
    @Test
    void everyReadFindsTheNewestVersion() {
        for (int seed = 0; seed < 400; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int devices = 1 + random.nextInt(3);
            Program.Builder program = new Program.Builder("random " + seed);
            List<Slot> ready = new ArrayList<>();
            for (int i = 0; i <= random.nextInt(3); i++) {
                ready.add(program.input("in" + i, TOKENS, 4 + random.nextInt(60), Element.F32));
            }
            List<Integer> where = new ArrayList<>();
            int device = 0;
            for (int i = 0; i < 3 + random.nextInt(25); i++) {
                if (random.nextInt(3) == 0) {
                    device = random.nextInt(devices);
                }
                where.add(device);
                Slot in = ready.get(random.nextInt(ready.size()));
                int kind = random.nextInt(4);
                if (kind == 0) {
                    // In place, part of the columns.
                    int first = random.nextInt(in.columns());
                    View view = in.columns(first, 1 + random.nextInt(in.columns() - first));
                    program.add(new Op.Add(view, view, view));
                } else {
                    Slot other = ready.get(random.nextInt(ready.size()));
                    Slot out = kind == 1 && !other.equals(in) ? other : program.slot("s" + i, TOKENS, 1 + random.nextInt(64));
                    program.add(new Op.MatMul(out.all(), in.all(), new Weight("w", QuantType.F32, 1, out.columns(), in.columns(),
                            MemorySegment.NULL)));
                    ready.add(out);
                }
            }
            Slot[] outputs = {ready.getLast(), ready.get(random.nextInt(ready.size()))};
            boolean written = program.build().ops().stream().anyMatch(op -> op.writes().stream().anyMatch(v -> v.slot().equals(
                    outputs[1])));
            Program built = written ? program.build(outputs) : program.build(outputs[0]);
            List<Segment> segments = cut(built, where);
            int guard = random.nextBoolean() ? 0 : 12;
            new Stamps(built, segments, guard).run();
            // The same runs, some of them elsewhere.
            int[] place = segments.stream().mapToInt(s -> random.nextInt(3) == 0 ? random.nextInt(3) : s.device()).toArray();
            List<Segment> moved = Segment.moved(built, segments, place);
            assertArrayEquals(place, moved.stream().mapToInt(Segment::device).toArray());
            new Stamps(built, moved, guard).run();
        }
    }

    /** Runs segments on stamps. */
    private static final class Stamps {
        private final Program program;
        private final List<Segment> segments;
        private final Map<Integer, Layout> layouts = new HashMap<>();
        private final Map<Integer, long[]> arenas = new HashMap<>();
        /** For each slot its cells, as they ought to be. */
        private final Map<Slot, long[]> truth = new HashMap<>();
        private final Map<Slot, long[]> host = new HashMap<>();
        private long version;

        Stamps(Program program, List<Segment> segments, int guard) {
            this.program = program;
            this.segments = segments;
            Map<Integer, List<Program>> parts = new HashMap<>();
            segments.forEach(s -> parts.computeIfAbsent(s.device(), d -> new ArrayList<>()).add(s.program()));
            parts.forEach((device, list) -> {
                Layout layout = new Layout(list, LIMITS, 16, guard);
                layouts.put(device, layout);
                arenas.put(device, new long[(int) layout.bytes() / 4]);
            });
        }

        void run() {
            program.inputs().forEach(slot -> host.put(slot, write(slot.all())));
            Set<Slot> written = new HashSet<>();
            for (Segment segment : segments) {
                long[] arena = arenas.get(segment.device());
                for (Slot slot : segment.copies()) {
                    System.arraycopy(host.get(slot), 0, arena, at(segment, slot), cells(slot));
                }
                for (Op op : segment.program().ops()) {
                    op.reads().forEach(view -> check(op.toString(), segment, view));
                    op.writes().forEach(view -> {
                        long[] newest = write(view);
                        each(view, cell -> arena[at(segment, view.slot()) + cell] = newest[cell]);
                    });
                }
                for (Slot slot : segment.program().outputs()) {
                    host.put(slot, Arrays.copyOfRange(arena, at(segment, slot), at(segment, slot) + cells(slot)));
                    written.add(slot);
                }
            }
            for (Slot slot : program.outputs()) {
                if (written.contains(slot)) {
                    assertArrayEquals(truth.get(slot), host.get(slot), () -> slot + " at the end of " + program.listing());
                }
            }
        }

        private long[] write(View view) {
            long[] cells = truth.computeIfAbsent(view.slot(), slot -> new long[cells(slot)]);
            version++;
            each(view, cell -> cells[cell] = version);
            return cells;
        }

        private void check(String reader, Segment segment, View view) {
            long[] arena = arenas.get(segment.device());
            each(view, cell -> assertEquals(truth.get(view.slot())[cell], arena[at(segment, view.slot()) + cell], () -> reader
                    + " reads cell " + cell + " of " + view + " on device " + segment.device() + "\n" + program.listing()));
        }

        private int at(Segment segment, Slot slot) {
            return (int) layouts.get(segment.device()).offset(slot) / 4;
        }

        private static int cells(Slot slot) {
            return ROWS * slot.columns();
        }

        private static void each(View view, IntConsumer cell) {
            for (int row = 0; row < ROWS; row++) {
                for (int c = 0; c < view.columns(); c++) {
                    cell.accept(row * view.slot().columns() + view.at(0, c));
                }
            }
        }
    }
}
