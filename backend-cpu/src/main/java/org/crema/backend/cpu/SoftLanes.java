package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.crema.backend.cpu.kernel.Exponential.exp;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.crema.backend.cpu.kernel.Species;

/**
 * What {@link VectorLanes} computes, bit by bit, in plain loops: sums go lane by lane as they do there. Takes its place until C2 has
 * compiled it. Works on copies on the Java heap, which are quick before anything is compiled.
 */
final class SoftLanes implements Lanes {
    private static final int L = Species.LANES;
    private static final ThreadLocal<Heap> HEAPS = ThreadLocal.withInitial(Heap::new);

    /** A thread's arrays. */
    private static final class Heap {
        private float[][] rows = new float[3][0];
        private final float[] lanes = new float[16];

        /** Floats of memory, in one of three arrays. */
        float[] load(int row, long at, int n) {
            float[] to = room(row, n);
            MemorySegment.copy(Native.ALL, JAVA_FLOAT_UNALIGNED, at, to, 0, n);
            return to;
        }

        float[] room(int row, int n) {
            if (rows[row].length < n) {
                rows[row] = new float[n];
            }
            return rows[row];
        }
    }

    private static void store(float[] from, long at, int n) {
        MemorySegment.copy(from, 0, Native.ALL, JAVA_FLOAT_UNALIGNED, at, n);
    }

    /** The sum of all lanes, which is lost. */
    private static float sum(float[] lanes) {
        for (int half = L / 2; half > 1; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0] + lanes[1];
    }

    @Override
    public int bits() {
        return 32 * L;
    }

    @Override
    public float sumOfSquares(long a, int n) {
        Heap heap = HEAPS.get();
        float[] v = heap.load(0, a, n);
        float[] s0 = heap.lanes;
        float[] s1 = heap.room(1, L);
        Arrays.fill(s0, 0);
        Arrays.fill(s1, 0, L, 0);
        int c = 0;
        for (; c <= n - 2 * L; c += 2 * L) {
            for (int i = 0; i < L; i++) {
                s0[i] = Math.fma(v[c + i], v[c + i], s0[i]);
                s1[i] = Math.fma(v[c + L + i], v[c + L + i], s1[i]);
            }
        }
        for (; c <= n - L; c += L) {
            for (int i = 0; i < L; i++) {
                s0[i] = Math.fma(v[c + i], v[c + i], s0[i]);
            }
        }
        for (int i = 0; i < L; i++) {
            s0[i] += s1[i];
        }
        float sum = sum(s0);
        for (; c < n; c++) {
            sum += v[c] * v[c];
        }
        return sum;
    }

    @Override
    public void scale(long out, long a, float factor, long weight, int n) {
        Heap heap = HEAPS.get();
        float[] v = heap.load(0, a, n);
        float[] w = heap.load(1, weight, n);
        for (int c = 0; c < n; c++) {
            v[c] = v[c] * factor * w[c];
        }
        store(v, out, n);
    }

    @Override
    public void scale(long out, long a, float factor, int n) {
        float[] v = HEAPS.get().load(0, a, n);
        for (int c = 0; c < n; c++) {
            v[c] *= factor;
        }
        store(v, out, n);
    }

    @Override
    public void add(long out, long a, long b, int n) {
        Heap heap = HEAPS.get();
        float[] v = heap.load(0, a, n);
        float[] w = heap.load(1, b, n);
        for (int c = 0; c < n; c++) {
            v[c] += w[c];
        }
        store(v, out, n);
    }

    @Override
    public void swiGlu(long out, long gate, long up, int n) {
        Heap heap = HEAPS.get();
        float[] g = heap.load(0, gate, n);
        float[] u = heap.load(1, up, n);
        for (int c = 0; c < n; c++) {
            g[c] = g[c] / (exp(-g[c]) + 1) * u[c];
        }
        store(g, out, n);
    }

    @Override
    public float max(long a, int n) {
        float[] v = HEAPS.get().load(0, a, n);
        float max = Float.NEGATIVE_INFINITY;
        for (int c = 0; c < n; c++) {
            max = Math.max(max, v[c]);
        }
        return max;
    }

    @Override
    public float expSum(long a, float shift, int n) {
        Heap heap = HEAPS.get();
        float[] v = heap.load(0, a, n);
        float[] sums = heap.lanes;
        Arrays.fill(sums, 0);
        for (int c = 0; c < n; c++) {
            v[c] = exp(v[c] - shift);
            sums[c % L] += v[c];
        }
        store(v, a, n);
        return sum(sums);
    }

    @Override
    public void fromF16(long out, long in, int n) {
        float[] v = HEAPS.get().room(0, n);
        for (int c = 0; c < n; c++) {
            v[c] = Float.float16ToFloat(Native.i16(in + 2L * c));
        }
        store(v, out, n);
    }

    @Override
    public void fromBf16(long out, long in, int n) {
        float[] v = HEAPS.get().room(0, n);
        for (int c = 0; c < n; c++) {
            v[c] = Float.intBitsToFloat(Native.i16(in + 2L * c) << 16);
        }
        store(v, out, n);
    }

    @Override
    public void fromI8(long out, long in, float factor, int n) {
        float[] v = HEAPS.get().room(0, n);
        for (int c = 0; c < n; c++) {
            v[c] = Native.i8(in + c) * factor;
        }
        store(v, out, n);
    }

    @Override
    public void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch) {
        Heap heap = HEAPS.get();
        float[] results = heap.room(2, rows);
        for (int i = from; i < to; i++) {
            float[] v = heap.load(0, x[i], n);
            for (int j = 0; j < rows; j++) {
                float[] row = heap.load(1, w + j * stride, n);
                float[] a = heap.lanes;
                Arrays.fill(a, 0);
                int c = 0;
                for (; c <= n - L; c += L) {
                    for (int k = 0; k < L; k++) {
                        a[k] = Math.fma(v[c + k], row[c + k], a[k]);
                    }
                }
                float sum = sum(a);
                if (c < n) {
                    float tail = 0;
                    for (; c < n; c++) {
                        tail += v[c] * row[c];
                    }
                    sum += tail;
                }
                results[j] = sum;
            }
            store(results, out[i] + 4L * at, rows);
        }
    }

    @Override
    public void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride) {
        Heap heap = HEAPS.get();
        for (int i = 0; i < rows; i++) {
            float[] factors = heap.load(2, p + i * pStride, count);
            float[] a = heap.load(0, out + i * outStride, n);
            for (int j = 0; j < count; j++) {
                float[] row = heap.load(1, v + j * vStride, n);
                for (int c = 0; c < n; c++) {
                    a[c] = Math.fma(row[c], factors[j], a[c]);
                }
            }
            store(a, out + i * outStride, n);
        }
    }
}
