package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.crema.kernels.quant.QuantType;

/**
 * Products of rows of one type with a vector of activations that is rounded to 8-bit integers, by {@code vpdpbusd} (AVX512_VNNI), which Java does not
 * have: {@link Int8Rows} writes the code, {@link Int8Order} describes the activations. Addresses and ranges as in {@link MatKernel}.
 */
public final class Int8 implements MatVec {
    /** System property: {@code off} goes back to products in floats. */
    public static final String PROPERTY = "crema.cpu.int8";

    /** Rows of a call, which should take microseconds, and which there is room for sums of. */
    private static final int ROWS = 32;
    private static final int LANES = 16;
    /** Bytes of four lanes. */
    private static final long QUARTER = 4 * Float.BYTES;
    /** Rows whose lanes are added up together. */
    private static final int TOGETHER = 4;

    private final QuantType type;
    private final MemorySegment rows;
    private final Form form;
    private final MatMul many;
    private final MemorySegment tile;
    private final MemorySegment mix;

    private Int8(QuantType type, MemorySegment rows, Form form, MatMul many, MemorySegment tile, MemorySegment mix) {
        this.type = type;
        this.rows = rows;
        this.form = form;
        this.many = many;
        this.tile = tile;
        this.mix = mix;
    }

    /** Whether this machine can. */
    static boolean available() {
        return missing().isEmpty() && Code.ADD != null;
    }

    /** In words: that the processor can, or why not. */
    public static String describe() {
        String missing = missing();
        return !missing.isEmpty() ? "no: " + missing : !available() ? "no: " + Code.refused : "by vpdpbusd";
    }

    /**
     * Begins, in a thread of its own, what the first products would otherwise wait for: linking functions takes a fifteenth of a second, once in
     * a program.
     */
    public static void prepare() {
        if (missing().isEmpty()) {
            Preparing.begin();
        }
    }

    private static final class Preparing {
        private static final Thread THREAD = Thread.ofPlatform().daemon().name("crema-cpu-code").unstarted(Code::prepare);

        static synchronized void begin() {
            if (THREAD.getState() == Thread.State.NEW) {
                THREAD.start();
            }
        }
    }

    private static String missing() {
        return MachineCode.missing(PROPERTY, "avx512_vnni", "avx512vl", "avx512bw", "avx512dq", "bmi2");
    }

    /** The products of a type; null if this machine, or the type, has none. The first call makes the code, in some milliseconds. */
    public static Int8 of(QuantType type) {
        return Code.of(type);
    }

    @Override
    public Activations activations() {
        return form;
    }

    /**
     * Tokens up to which rows one by one are quicker than {@link #many}, which takes the time of 16 at least: 0.125 ns a weight on a Zen 4, where a
     * row of a K-quant has 0.020 to 0.028, of a small block 0.03, of a grid 0.06.
     */
    public int fewRows() {
        return Int8Grids.order(type) != null ? 3 : type.blockSize() < MatKernel.SLICE ? 4 : 5;
    }

    /** Products of many tokens. */
    public MatMul many() {
        return many;
    }

    @Override
    public void matVec(long weights, long rowBytes, int from, int to, int columns, long packed, long out) {
        long sums = ROOM.get().address();
        long blocks = columns / type.blockSize();
        long target = out;
        for (int row = from, count; row < to; row += count, target += (long) count * Float.BYTES) {
            count = Math.min(ROWS, to - row);
            MachineCode.call(rows, weights + row * rowBytes, rowBytes, count, blocks, packed, sums);
            int together = count / TOGETHER;
            if (together > 0) {
                MachineCode.call(Code.ADD, sums, together, target, 0, 0, 0);
            }
            for (int i = together * TOGETHER; i < count; i++) {
                Memory.ALL.set(Memory.F32, target + (long) i * Float.BYTES, sum(sums + (long) i * LANES * Float.BYTES));
            }
        }
    }

    /**
     * Mixes rows: {@code out[column] = sum over rows of x[row] * w[row][column]}, in f32.
     *
     * @param weights address of the first row
     * @param x address of a factor for each row
     * @param out address of {@code columns} floats
     * @param scratch the calling thread's
     */
    public void mix(long weights, long rowBytes, int rows, int columns, long x, long out, Gemm.Scratch scratch) {
        try {
            long bytes = scratch.nativeTile();
            long sums = scratch.nativeSums();
            for (int column = 0; column < columns; column += MatKernel.SLICE) {
                int width = Math.min(MatKernel.SLICE, columns - column);
                Memory.ALL.asSlice(sums, (long) MatKernel.SLICE * Float.BYTES).fill((byte) 0);
                for (int row = 0; row < rows; row += ROWS) {
                    int count = Math.min(ROWS, rows - row);
                    MachineCode.call(tile, weights + row * rowBytes + type.rowBytes(column), rowBytes, count,
                            width / type.blockSize(), bytes, 0);
                    MachineCode.call(mix, bytes, count, x + (long) row * Float.BYTES, sums, 0, 0);
                }
                MemorySegment.copy(Memory.ALL, sums, Memory.ALL, out + (long) column * Float.BYTES, (long) width * Float.BYTES);
            }
        } finally {
            // Its memory is only known by address here.
            Reference.reachabilityFence(scratch);
        }
    }

    /** Adds up lanes in the order of {@link Int8Rows#adding}. */
    private static float sum(long lanes) {
        return quarter(lanes) + quarter(lanes + 2 * QUARTER) + (quarter(lanes + QUARTER) + quarter(lanes + 3 * QUARTER));
    }

    private static float quarter(long at) {
        return lane(at, 0) + lane(at, 2) + (lane(at, 1) + lane(at, 3));
    }

    private static float lane(long at, int lane) {
        return Memory.ALL.get(Memory.F32, at + (long) lane * Float.BYTES);
    }

    /** Of a thread: vectors of sums. */
    private static final ThreadLocal<MemorySegment> ROOM = ThreadLocal
            .withInitial(() -> Arena.ofAuto().allocate((long) ROWS * LANES * Float.BYTES, LANES * Float.BYTES));

    /** What is made for an order: packs by code. */
    private static final class Form implements Activations {
        private final Int8Order order;
        private final MemorySegment units;
        private final MemorySegment half;
        private final MemorySegment panels;
        private final MemorySegment mix;

        Form(Int8Order order) {
            MemorySegment[] functions = MachineCode.functions(List.of(order.packing(order.columns()),
                    order.packing(Int8Order.BLOCK), order.panelPacking(), Int8Mix.code(order)));
            this.order = order;
            units = functions[0];
            half = functions[1];
            panels = functions[2];
            mix = functions[3];
        }

        @Override
        public boolean isPlain() {
            return false;
        }

        @Override
        public long packedBytes(int columns) {
            return order.bytes(columns);
        }

        @Override
        public void pack(long x, int columns, long packed) {
            long count = columns / order.columns();
            if (count > 0) {
                MachineCode.call(units, x, count, packed, 0, 0, 0);
            }
            if (columns % order.columns() > 0) {
                MachineCode.call(half, x + count * order.columns() * Float.BYTES, 1, packed + count * order.bytes(), 0, 0, 0);
            }
        }
    }

    /** All code, made when first needed. */
    private static final class Code {
        private static final Map<QuantType, Int8> TYPES = new EnumMap<>(QuantType.class);
        private static final Map<Int8Order, Form> FORMS = new HashMap<>();
        private static final Map<Micro, MemorySegment[]> KERNELS = new HashMap<>();
        /** Null if the machine has no such code. */
        private static final MemorySegment ADD = add();
        /** Why the system gives no more code. */
        private static volatile String refused;

        /** What a micro-kernel depends on. */
        private record Micro(int part, boolean minima) {}

        private static MemorySegment add() {
            if (!missing().isEmpty()) {
                return null;
            }
            try {
                return MachineCode.functions(List.of(Int8Rows.adding()))[0];
            } catch (UnsupportedOperationException e) {
                refuse(e);
                return null;
            }
        }

        private static void refuse(UnsupportedOperationException e) {
            refused = e.getMessage();
            System.getLogger(Int8.class.getName()).log(System.Logger.Level.WARNING,
                    "products stay in floats, at half the speed: " + refused);
        }

        /** Being here, the class has been made. */
        static void prepare() {}

        static synchronized Int8 of(QuantType type) {
            Int8Order order = Int8Rows.order(type);
            if (order == null || ADD == null) {
                return null;
            }
            try {
                return TYPES.computeIfAbsent(type, t -> make(t, order));
            } catch (UnsupportedOperationException e) {
                refuse(e);
                return null;
            }
        }

        private static Int8 make(QuantType type, Int8Order order) {
            MemorySegment[] own = MachineCode.functions(List.of(Int8Rows.rows(type), Int8Rows.tile(type)));
            // Forms of one order are the same object, by which Product knows that a vector is packed already.
            Form form = FORMS.computeIfAbsent(order, Form::new);
            MemorySegment[] kernels = KERNELS.computeIfAbsent(new Micro(order.part(), order.minima()), micro -> MachineCode
                    .functions(IntStream.rangeClosed(1, Int8MatMul.MOST_VECTORS)
                            .mapToObj(vectors -> Int8MatMul.kernel(vectors, micro.part, micro.minima)).toList()));
            return new Int8(type, own[0], form, new Int8MatMul(type, order, form.panels, own[1], kernels), own[1], form.mix);
        }
    }
}
