package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.f32;
import static org.crema.backend.cpu.Native.i16;
import static org.crema.backend.cpu.Native.i8;

/** Plain loops, for a JVM without the Vector API. */
final class ScalarLanes implements Lanes {
    /** Independent sums of a dot product, so that additions need not wait for one another. */
    private static final int SUMS = 4;

    @Override
    public int bits() {
        return 0;
    }

    @Override
    public float sumOfSquares(long a, int n) {
        return dot(a, a, n);
    }

    @Override
    public void scale(long out, long a, float factor, long weight, int n) {
        for (long i = 0; i < 4L * n; i += 4) {
            f32(out + i, f32(a + i) * factor * f32(weight + i));
        }
    }

    @Override
    public void scale(long out, long a, float factor, int n) {
        for (long i = 0; i < 4L * n; i += 4) {
            f32(out + i, f32(a + i) * factor);
        }
    }

    @Override
    public void add(long out, long a, long b, int n) {
        for (long i = 0; i < 4L * n; i += 4) {
            f32(out + i, f32(a + i) + f32(b + i));
        }
    }

    @Override
    public void swiGlu(long out, long gate, long up, int n) {
        for (long i = 0; i < 4L * n; i += 4) {
            float g = f32(gate + i);
            f32(out + i, g / (1 + (float) Math.exp(-g)) * f32(up + i));
        }
    }

    @Override
    public float max(long a, int n) {
        float max = f32(a);
        for (long i = 4; i < 4L * n; i += 4) {
            max = Math.max(max, f32(a + i));
        }
        return max;
    }

    @Override
    public float expSum(long a, float shift, int n) {
        float sum = 0;
        for (long i = 0; i < 4L * n; i += 4) {
            float e = (float) Math.exp(f32(a + i) - shift);
            f32(a + i, e);
            sum += e;
        }
        return sum;
    }

    @Override
    public void fromF16(long out, long in, int n) {
        for (long i = 0; i < n; i++) {
            f32(out + 4 * i, Float.float16ToFloat(i16(in + 2 * i)));
        }
    }

    @Override
    public void fromBf16(long out, long in, int n) {
        for (long i = 0; i < n; i++) {
            f32(out + 4 * i, Float.intBitsToFloat(i16(in + 2 * i) << 16));
        }
    }

    @Override
    public void fromI8(long out, long in, float factor, int n) {
        for (long i = 0; i < n; i++) {
            f32(out + 4 * i, factor * i8(in + i));
        }
    }

    @Override
    public void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch) {
        for (int i = from; i < to; i++) {
            for (int j = 0; j < rows; j++) {
                f32(out[i] + 4L * (at + j), dot(x[i], w + j * stride, n));
            }
        }
    }

    private static float dot(long a, long b, int n) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int whole = n - n % SUMS;
        for (int i = 0; i < whole; i += SUMS) {
            long o = 4L * i;
            s0 += f32(a + o) * f32(b + o);
            s1 += f32(a + o + 4) * f32(b + o + 4);
            s2 += f32(a + o + 8) * f32(b + o + 8);
            s3 += f32(a + o + 12) * f32(b + o + 12);
        }
        for (int i = whole; i < n; i++) {
            s0 += f32(a + 4L * i) * f32(b + 4L * i);
        }
        return s0 + s1 + (s2 + s3);
    }

    @Override
    public void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride) {
        for (int i = 0; i < rows; i++) {
            long o = out + i * outStride;
            for (int j = 0; j < count; j++) {
                float factor = f32(p + i * pStride + 4L * j);
                long row = v + j * vStride;
                for (long c = 0; c < 4L * n; c += 4) {
                    f32(o + c, f32(o + c) + factor * f32(row + c));
                }
            }
        }
    }
}
