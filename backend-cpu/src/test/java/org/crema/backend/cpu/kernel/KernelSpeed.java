package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.crema.kernels.quant.QuantType;

/**
 * Prints the speed of the kernels on one thread beside what the core can do at most, measured in the same run. Arguments: weight types
 * (all if none). Properties: {@code columns} (4096), {@code mb} of weights (64), {@code tokens} (512), {@code ms} a measurement (600),
 * {@code decode} and {@code prefill} ("false" leaves one out), {@code bf16} and {@code int8} ("true" rounds for prefill).
 */
public final class KernelSpeed {
    private static final int COLUMNS = Integer.getInteger("columns", 4096);
    private static final long BYTES = Long.getLong("mb", 64) << 20;
    private static final int TOKENS = Integer.getInteger("tokens", 512);
    private static final long NANOS = Long.getLong("ms", 600) * 1_000_000;
    private static final boolean BF16 = Boolean.getBoolean("bf16");
    private static final boolean INT8 = Boolean.getBoolean("int8");
    private static final boolean DECODE = !"false".equals(System.getProperty("decode"));
    private static final boolean PREFILL = !"false".equals(System.getProperty("prefill"));

    private KernelSpeed() {}

    public static void main(String[] args) {
        List<QuantType> types = args.length == 0
                ? List.of(QuantType.values())
                : Arrays.stream(args).map(QuantType::valueOf).toList();
        print(String.format(Locale.ROOT, "vectors of %d bits, %d columns, %d MB of weights, %d tokens", Species.LANES * 32,
                COLUMNS, BYTES >> 20, TOKENS));
        try (Arena arena = Arena.ofConfined()) {
            print(String.format(Locale.ROOT, "FMA %.1f GFLOP/s, reading %.1f GB/s", fma(), reading(arena)));
        }
        print(String.format(Locale.ROOT, "%-8s %36s   %36s   %9s %9s", "type", "decode GB/s single/near/far/int8", "in L2",
                "prefill",
                "tile Gw/s"));
        for (QuantType type : types) {
            line(type);
        }
        try (Arena arena = Arena.ofConfined()) {
            print(String.format(Locale.ROOT, "FMA %.1f GFLOP/s, reading %.1f GB/s", fma(), reading(arena)));
        }
    }

    private static void line(QuantType type) {
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-8s", type));
        try (Arena arena = Arena.ofConfined()) {
            long rowBytes = type.rowBytes(COLUMNS);
            int rows = (int) (BYTES / rowBytes) / 96 * 96;
            Sample some = Sample.of(arena, type, 8, COLUMNS, 0, 5);
            MemorySegment weights = arena.allocate(rows * rowBytes + 8192, 4096);
            for (int r = 0; r < rows; r++) {
                MemorySegment.copy(some.memory(), r % 8 * rowBytes, weights, r * rowBytes, rowBytes);
            }
            MemorySegment x = Sample.copy(arena, Sample.activations(TOKENS * COLUMNS, 3));
            MemorySegment out = arena.allocate(4L * rows, 64);
            if (DECODE) {
                for (int inCache = 0; inCache < 2; inCache++) {
                    int count = inCache == 0 ? rows : (int) Math.max(16, (256 << 10) / rowBytes / 4 * 4);
                    for (Tuning tuning : new Tuning[] {Tuning.SINGLE, Tuning.NEAR, Tuning.FAR}) {
                        MatKernel kernel = MatKernel.of(type, tuning);
                        MemorySegment packed = arena.allocate(4 * kernel.packing().packedFloats(COLUMNS), 64);
                        kernel.packing().pack(x.address(), COLUMNS, packed.address());
                        double seconds = best(() -> {
                            kernel.matVec(weights.address(), rowBytes, 0, count, COLUMNS, packed.address(), out.address());
                            return 0;
                        });
                        line.append(String.format(Locale.ROOT, " %8.2f", count * rowBytes / seconds / 1e9));
                    }
                    line.append(int8(type, x, weights, rowBytes, count, out));
                    line.append("  ");
                }
            }
            if (PREFILL) {
                MatKernel kernel = MatKernel.of(type);
                MatMul product = INT8 && Int8.of(type) != null ? Int8.of(type).many() : new FloatMatMul(kernel, BF16);
                int count = Math.min(rows, 960);
                MemorySegment panels = arena.allocate(product.panelBytes(TOKENS, COLUMNS), 64);
                Gemm.Scratch scratch = new Gemm.Scratch();
                float[] tile = new float[96 * MatKernel.SLICE];
                MemorySegment y = arena.allocate(4L * TOKENS * count, 64);
                double seconds = best(() -> {
                    product.packPanels(x.address(), COLUMNS, null, 0, TOKENS, COLUMNS, 0, Gemm.panels(TOKENS), panels.address(),
                            scratch);
                    product.multiply(weights.address(), rowBytes, 0, count, COLUMNS, panels.address(), TOKENS, y.address(), count,
                            null, 0, scratch);
                    return 0;
                });
                double tileSeconds = best(() -> {
                    for (int c = 0; c < COLUMNS; c += MatKernel.SLICE) {
                        kernel.dequantTile(weights.address(), rowBytes, 0, 96, c, Math.min(MatKernel.SLICE, COLUMNS - c),
                                tile);
                    }
                    return 0;
                });
                line.append(String.format(Locale.ROOT, " %9.1f %9.2f", 2.0 * count * COLUMNS * TOKENS / seconds / 1e9,
                        96.0 * COLUMNS / tileSeconds / 1e9));
            }
        }
        print(line.toString());
    }

    private static String int8(QuantType type, MemorySegment x, MemorySegment weights, long rowBytes, int count,
            MemorySegment out) {
        Int8 kernel = Int8.of(type);
        if (kernel == null) {
            return "        -";
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment packed = arena.allocate(kernel.activations().packedBytes(COLUMNS), 64);
            kernel.activations().pack(x.address(), COLUMNS, packed.address());
            double seconds = best(() -> {
                kernel.matVec(weights.address(), rowBytes, 0, count, COLUMNS, packed.address(), out.address());
                return 0;
            });
            return String.format(Locale.ROOT, " %8.2f", count * rowBytes / seconds / 1e9);
        }
    }

    /** The best time of one call, in seconds. */
    private static double best(LongSupplier work) {
        double best = Double.MAX_VALUE;
        long end = System.nanoTime() + NANOS;
        for (int i = 0; i < 5 || System.nanoTime() < end; i++) {
            long start = System.nanoTime();
            if (work.getAsLong() == Long.MIN_VALUE) {
                throw new IllegalStateException("this keeps the result alive");
            }
            best = Math.min(best, (System.nanoTime() - start) * 1e-9);
        }
        return best;
    }

    /** GFLOP/s of multiply-adds that stay in registers. */
    private static double fma() {
        int turns = 200_000;
        return 2.0 * CoreLimits.MULTIPLY_ADDS * turns / best(() -> (long) CoreLimits.multiplyAdds(turns)) / 1e9;
    }

    /** GB/s of reading memory in order. */
    private static double reading(Arena arena) {
        MemorySegment memory = arena.allocate(BYTES, 4096).fill((byte) 1);
        long at = memory.address();
        return BYTES / best(() -> (long) CoreLimits.sum(at, at + BYTES)) / 1e9;
    }

    private static void print(String line) {
        System.out.println(line);
    }
}
