package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.quant.QuantType;

/**
 * Products of rows of one type with a vector of activations that is rounded to 8-bit integers, by {@code vpdpbusd} (AVX512_VNNI), which Java does not
 * have: {@link Int8Rows} writes the code, {@link Int8Order} describes the activations. Addresses and ranges as in {@link MatKernel}.
 */
public final class Int8 implements MatVec {
    /** System property: {@code off} keeps activations in F32. */
    public static final String PROPERTY = "crema.cpu.int8";

    /** Rows of a call, which should take microseconds, and which {@link Room} has place for. */
    private static final int ROWS = 32;
    private static final int LANES = 16;
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

    /** In words: that the processor can, or why not. */
    public static String describe() {
        String missing = missing();
        return missing.isEmpty() ? "by vpdpbusd" : "no: " + missing;
    }

    private static String missing() {
        return MachineCode.missing(PROPERTY, "avx512_vnni");
    }

    /** The products of a type; null if this machine, or the type, has none. The first call makes the code of all, in a tenth of a second. */
    public static Int8 of(QuantType type) {
        return Code.OF.get(type);
    }

    @Override
    public Activations activations() {
        return form;
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
    }

    /** Adds up lanes in the order of {@link Int8Rows#adding}. */
    private static float sum(long lanes) {
        float[] quarters = new float[TOGETHER];
        for (int i = 0; i < TOGETHER; i++) {
            long at = lanes + (long) i * TOGETHER * Float.BYTES;
            quarters[i] = lane(at, 0) + lane(at, 2) + (lane(at, 1) + lane(at, 3));
        }
        return quarters[0] + quarters[2] + (quarters[1] + quarters[3]);
    }

    private static float lane(long at, int lane) {
        return Memory.ALL.get(Memory.F32, at + (long) lane * Float.BYTES);
    }

    /** Of a thread: vectors of sums. */
    private static final ThreadLocal<MemorySegment> ROOM = ThreadLocal
            .withInitial(() -> Arena.ofAuto().allocate((long) ROWS * LANES * Float.BYTES, LANES * Float.BYTES));

    /** Packs by code. */
    private static final class Form implements Activations {
        private final Int8Order order;
        private final MemorySegment units;
        private final MemorySegment half;

        Form(Int8Order order, MemorySegment units, MemorySegment half) {
            this.order = order;
            this.units = units;
            this.half = half;
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
        private static final Map<QuantType, Int8> OF = new EnumMap<>(QuantType.class);
        private static final MemorySegment ADD;

        static {
            MemorySegment add = null;
            if (missing().isEmpty()) {
                try {
                    add = make();
                } catch (UnsupportedOperationException e) {
                    System.getLogger(Int8.class.getName()).log(System.Logger.Level.WARNING,
                            "products of few tokens stay in F32: " + e.getMessage());
                }
            }
            ADD = add;
        }

        /** Places in the list of codes, and the functions when they are made. */
        private static MemorySegment make() {
            List<byte[]> codes = new ArrayList<>();
            codes.add(Int8Rows.adding());
            Map<Int8Order, Integer> forms = new LinkedHashMap<>();
            Map<Micro, Integer> micro = new LinkedHashMap<>();
            Map<QuantType, Integer> types = new EnumMap<>(QuantType.class);
            for (QuantType type : QuantType.values()) {
                Int8Order order = Int8Rows.order(type);
                if (order == null) {
                    continue;
                }
                if (forms.putIfAbsent(order, codes.size()) == null) {
                    codes.add(order.packing(order.columns()));
                    codes.add(order.packing(Int8Order.BLOCK));
                    codes.add(order.panelPacking());
                    codes.add(Int8Mix.code(order));
                }
                if (micro.putIfAbsent(Micro.of(order), codes.size()) == null) {
                    for (int vectors = 1; vectors <= Int8MatMul.MOST_VECTORS; vectors++) {
                        codes.add(Int8MatMul.kernel(vectors, order.part(), order.minima()));
                    }
                }
                types.put(type, codes.size());
                codes.add(Int8Rows.rows(type));
                codes.add(Int8Rows.tile(type));
            }
            MemorySegment[] functions = MachineCode.functions(codes);
            Map<Int8Order, Form> made = new HashMap<>();
            forms.forEach((order, at) -> made.put(order, new Form(order, functions[at], functions[at + 1])));
            types.forEach((type, at) -> {
                Int8Order order = Int8Rows.order(type);
                int kernels = micro.get(Micro.of(order));
                MatMul many = new Int8MatMul(type, order, functions[forms.get(order) + 2], functions[at + 1],
                        Arrays.copyOfRange(functions, kernels, kernels + Int8MatMul.MOST_VECTORS));
                OF.put(type, new Int8(type, functions[at], made.get(order), many, functions[at + 1],
                        functions[forms.get(order) + 3]));
            });
            return functions[0];
        }

        /** What a micro-kernel depends on. */
        private record Micro(int part, boolean minima) {
            static Micro of(Int8Order order) {
                return new Micro(order.part(), order.minima());
            }
        }
    }
}
