package org.crema.backend.cpu;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.OR;
import static org.crema.backend.cpu.Native.ALL;
import static org.crema.backend.cpu.Native.f32;
import static org.crema.backend.cpu.Native.i16;
import static org.crema.backend.cpu.Native.i8;
import static org.crema.backend.cpu.kernel.Exponential.HIGHEST;
import static org.crema.backend.cpu.kernel.Exponential.LN2_HIGH;
import static org.crema.backend.cpu.kernel.Exponential.LN2_LOW;
import static org.crema.backend.cpu.kernel.Exponential.LOG2_E;
import static org.crema.backend.cpu.kernel.Exponential.LOWEST;
import static org.crema.backend.cpu.kernel.Exponential.ROUND;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The Vector API's. Every accumulator is a local variable of its own: C2 keeps those in registers, and arrays of vectors not. The innermost loops
 * of many accumulators call the JDK's methods themselves, which are always inlined: past a number of nodes C2 no longer inlines others.
 */
final class VectorLanes implements Lanes {
    static final VectorSpecies<Float> F = species();
    private static final VectorSpecies<Integer> I = F.withLanes(int.class);
    /** As many shorts, or bytes, as there are floats in a vector; at least 64 bits. */
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class,
            VectorShape.forBitSize(Math.max(64, F.vectorBitSize()
                    / 2)));
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class,
            VectorShape.forBitSize(Math.max(64, F.vectorBitSize()
                    / 4)));
    private static final int L = F.length();
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final long STEP = 4L * L;

    private static final VectorShuffle<Float> TURN_8 = VectorShuffle.iota(F, 8, 1, true);
    private static final VectorShuffle<Float> TURN_4 = VectorShuffle.iota(F, 4, 1, true);
    private static final VectorShuffle<Float> TURN_2 = VectorShuffle.iota(F, 2, 1, true);

    private static VectorSpecies<Float> species() {
        int bits = VectorSupport.FORCED > 0 ? VectorSupport.FORCED : widest();
        return VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
    }

    /** Bits of the widest vectors that this machine and this code are made for. */
    static int widest() {
        return Math.clamp(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 128, 512);
    }

    @Override
    public int bits() {
        return F.vectorBitSize();
    }

    private static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(F, ALL, address, LITTLE_ENDIAN);
    }

    /**
     * The sum of all lanes, in a fixed order: {@code reduceLanes} adds in another order when interpreted than when compiled, and
     * the same step would give other bits later.
     */
    private static float sum(FloatVector v) {
        FloatVector s = L == 16 ? v.add(v.rearrange(TURN_8)) : v;
        s = L >= 8 ? s.add(s.rearrange(TURN_4)) : s;
        s = s.add(s.rearrange(TURN_2));
        return s.lane(0) + s.lane(1);
    }

    @Override
    public float sumOfSquares(long a, int n) {
        FloatVector s0 = FloatVector.zero(F);
        FloatVector s1 = s0;
        int c = 0;
        for (; c <= n - 2 * L; c += 2 * L) {
            FloatVector v0 = load(a + 4L * c);
            FloatVector v1 = load(a + 4L * c + STEP);
            s0 = v0.fma(v0, s0);
            s1 = v1.fma(v1, s1);
        }
        for (; c <= n - L; c += L) {
            FloatVector v = load(a + 4L * c);
            s0 = v.fma(v, s0);
        }
        float sum = sum(s0.add(s1));
        for (; c < n; c++) {
            sum += f32(a + 4L * c) * f32(a + 4L * c);
        }
        return sum;
    }

    @Override
    public void scale(long out, long a, float factor, long weight, int n) {
        int c = 0;
        for (; c <= n - L; c += L) {
            load(a + 4L * c).mul(factor).mul(load(weight + 4L * c)).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, f32(a + 4L * c) * factor * f32(weight + 4L * c));
        }
    }

    @Override
    public void scale(long out, long a, float factor, int n) {
        int c = 0;
        for (; c <= n - L; c += L) {
            load(a + 4L * c).mul(factor).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, f32(a + 4L * c) * factor);
        }
    }

    @Override
    public void add(long out, long a, long b, int n) {
        int c = 0;
        for (; c <= n - L; c += L) {
            load(a + 4L * c).add(load(b + 4L * c)).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, f32(a + 4L * c) + f32(b + 4L * c));
        }
    }

    @Override
    public void swiGlu(long out, long gate, long up, int n) {
        for (int c = 0; c < n; c += L) {
            VectorMask<Float> mask = F.indexInRange(c, n);
            FloatVector g = FloatVector.fromMemorySegment(F, ALL, gate + 4L * c, LITTLE_ENDIAN, mask);
            FloatVector u = FloatVector.fromMemorySegment(F, ALL, up + 4L * c, LITTLE_ENDIAN, mask);
            FloatVector in = g.neg().min(HIGHEST).max(LOWEST);
            FloatVector shifted = in.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
            FloatVector k = shifted.sub(ROUND);
            FloatVector r = k.fma(FloatVector.broadcast(F, -LN2_HIGH), in);
            r = k.fma(FloatVector.broadcast(F, -LN2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, 1 / 5040f), FloatVector.broadcast(F, 1 / 720f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
            p = p.fma(r, FloatVector.broadcast(F, 0.5f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            FloatVector e = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
            g.div(e.add(1f)).mul(u).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN, mask);
        }
    }

    @Override
    public float max(long a, int n) {
        int c = 0;
        FloatVector v = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        for (; c <= n - L; c += L) {
            v = v.max(load(a + 4L * c));
        }
        float max = v.reduceLanes(MAX);
        for (; c < n; c++) {
            max = Math.max(max, f32(a + 4L * c));
        }
        return max;
    }

    @Override
    public float expSum(long a, float shift, int n) {
        FloatVector sum = FloatVector.zero(F);
        for (int c = 0; c < n; c += L) {
            VectorMask<Float> mask = F.indexInRange(c, n);
            FloatVector x = FloatVector.fromMemorySegment(F, ALL, a + 4L * c, LITTLE_ENDIAN, mask);
            FloatVector in = x.sub(shift).min(HIGHEST).max(LOWEST);
            FloatVector shifted = in.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
            FloatVector k = shifted.sub(ROUND);
            FloatVector r = k.fma(FloatVector.broadcast(F, -LN2_HIGH), in);
            r = k.fma(FloatVector.broadcast(F, -LN2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, 1 / 5040f), FloatVector.broadcast(F, 1 / 720f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
            p = p.fma(r, FloatVector.broadcast(F, 0.5f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            FloatVector e = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
            e.intoMemorySegment(ALL, a + 4L * c, LITTLE_ENDIAN, mask);
            sum = sum.add(e, mask);
        }
        return sum(sum);
    }

    @Override
    public void fromF16(long out, long in, int n) {
        int c = 0;
        for (; c <= n - S.length(); c += L) {
            IntVector h = (IntVector) ShortVector.fromMemorySegment(S, ALL, in + 2L * c, LITTLE_ENDIAN)
                    .convertShape(VectorOperators.S2I, I, 0);
            // The half's exponent and mantissa, read as an F32, are too small by 2^112; exact for subnormal halves too.
            FloatVector f = h.and(0x7fff).lanewise(LSHL, 13).reinterpretAsFloats().mul(0x1p112f);
            IntVector bits = f.reinterpretAsInts().or(h.and(0x80000000));
            VectorMask<Integer> special = h.and(0x7c00).eq(0x7c00);
            bits.lanewise(OR, 0x7f800000, special).reinterpretAsFloats()
                    .intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, Float.float16ToFloat(i16(in + 2L * c)));
        }
    }

    @Override
    public void fromBf16(long out, long in, int n) {
        int c = 0;
        for (; c <= n - S.length(); c += L) {
            IntVector h = (IntVector) ShortVector.fromMemorySegment(S, ALL, in + 2L * c, LITTLE_ENDIAN)
                    .convertShape(VectorOperators.S2I, I, 0);
            h.lanewise(LSHL, 16).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, Float.intBitsToFloat(i16(in + 2L * c) << 16));
        }
    }

    @Override
    public void fromI8(long out, long in, float factor, int n) {
        int c = 0;
        for (; c <= n - B.length(); c += L) {
            FloatVector f = (FloatVector) ByteVector.fromMemorySegment(B, ALL, in + c, LITTLE_ENDIAN)
                    .convertShape(VectorOperators.B2F, F, 0);
            f.mul(factor).intoMemorySegment(ALL, out + 4L * c, LITTLE_ENDIAN);
        }
        for (; c < n; c++) {
            f32(out + 4L * c, factor * i8(in + c));
        }
    }

    @Override
    public void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch) {
        int i = from;
        for (; i <= to - 4; i += 4) {
            int j = 0;
            for (; j <= rows - 4; j += 4) {
                dots4x4(x[i], x[i + 1], x[i + 2], x[i + 3], w + j * stride, stride, n, scratch);
                for (int k = 0; k < 16; k++) {
                    f32(out[i + k / 4] + 4L * (at + j + k % 4), sum(load(scratch + k * STEP)));
                }
            }
            for (; j < rows; j++) {
                for (int k = i; k < i + 4; k++) {
                    f32(out[k] + 4L * (at + j), dot(x[k], w + j * stride, n));
                }
            }
        }
        for (; i < to; i++) {
            int j = 0;
            for (; j <= rows - 4; j += 4) {
                dots1x4(x[i], w + j * stride, stride, n, out[i] + 4L * (at + j));
            }
            for (; j < rows; j++) {
                f32(out[i] + 4L * (at + j), dot(x[i], w + j * stride, n));
            }
        }
        if (n % L != 0) {
            addTails(x, from, to, w, stride, rows, n, out, at);
        }
    }

    /** Adds what the columns beyond the last whole vector have to say. */
    private static void addTails(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at) {
        for (int i = from; i < to; i++) {
            for (int j = 0; j < rows; j++) {
                float tail = 0;
                for (int c = n - n % L; c < n; c++) {
                    tail += f32(x[i] + 4L * c) * f32(w + j * stride + 4L * c);
                }
                long result = out[i] + 4L * (at + j);
                f32(result, f32(result) + tail);
            }
        }
    }

    private static float dot(long x, long w, int n) {
        FloatVector a = FloatVector.zero(F);
        for (int c = 0; c <= n - L; c += L) {
            a = load(x + 4L * c).fma(load(w + 4L * c), a);
        }
        return sum(a);
    }

    private static void dots1x4(long x, long w, long stride, int n, long out) {
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        int c = 0;
        for (; c <= n - L; c += L) {
            long o = 4L * c;
            FloatVector v = load(x + o);
            a0 = v.fma(load(w + o), a0);
            a1 = v.fma(load(w + stride + o), a1);
            a2 = v.fma(load(w + 2 * stride + o), a2);
            a3 = v.fma(load(w + 3 * stride + o), a3);
        }
        f32(out, sum(a0));
        f32(out + 4, sum(a1));
        f32(out + 8, sum(a2));
        f32(out + 12, sum(a3));
    }

    /** Lanes of 4 × 4 dot products, still to be added up, to 16 vectors of scratch. */
    private static void dots4x4(long x0, long x1, long x2, long x3, long w, long stride, int n, long scratch) {
        FloatVector a00 = FloatVector.zero(F);
        FloatVector a01 = a00;
        FloatVector a02 = a00;
        FloatVector a03 = a00;
        FloatVector a10 = a00;
        FloatVector a11 = a00;
        FloatVector a12 = a00;
        FloatVector a13 = a00;
        FloatVector a20 = a00;
        FloatVector a21 = a00;
        FloatVector a22 = a00;
        FloatVector a23 = a00;
        FloatVector a30 = a00;
        FloatVector a31 = a00;
        FloatVector a32 = a00;
        FloatVector a33 = a00;
        int c = 0;
        for (; c <= n - L; c += L) {
            long o = 4L * c;
            FloatVector w0 = FloatVector.fromMemorySegment(F, ALL, w + o, LITTLE_ENDIAN);
            FloatVector w1 = FloatVector.fromMemorySegment(F, ALL, w + stride + o, LITTLE_ENDIAN);
            FloatVector w2 = FloatVector.fromMemorySegment(F, ALL, w + 2 * stride + o, LITTLE_ENDIAN);
            FloatVector w3 = FloatVector.fromMemorySegment(F, ALL, w + 3 * stride + o, LITTLE_ENDIAN);
            FloatVector v = FloatVector.fromMemorySegment(F, ALL, x0 + o, LITTLE_ENDIAN);
            a00 = v.fma(w0, a00);
            a01 = v.fma(w1, a01);
            a02 = v.fma(w2, a02);
            a03 = v.fma(w3, a03);
            v = FloatVector.fromMemorySegment(F, ALL, x1 + o, LITTLE_ENDIAN);
            a10 = v.fma(w0, a10);
            a11 = v.fma(w1, a11);
            a12 = v.fma(w2, a12);
            a13 = v.fma(w3, a13);
            v = FloatVector.fromMemorySegment(F, ALL, x2 + o, LITTLE_ENDIAN);
            a20 = v.fma(w0, a20);
            a21 = v.fma(w1, a21);
            a22 = v.fma(w2, a22);
            a23 = v.fma(w3, a23);
            v = FloatVector.fromMemorySegment(F, ALL, x3 + o, LITTLE_ENDIAN);
            a30 = v.fma(w0, a30);
            a31 = v.fma(w1, a31);
            a32 = v.fma(w2, a32);
            a33 = v.fma(w3, a33);
        }
        a00.intoMemorySegment(ALL, scratch, LITTLE_ENDIAN);
        a01.intoMemorySegment(ALL, scratch + STEP, LITTLE_ENDIAN);
        a02.intoMemorySegment(ALL, scratch + 2 * STEP, LITTLE_ENDIAN);
        a03.intoMemorySegment(ALL, scratch + 3 * STEP, LITTLE_ENDIAN);
        a10.intoMemorySegment(ALL, scratch + 4 * STEP, LITTLE_ENDIAN);
        a11.intoMemorySegment(ALL, scratch + 5 * STEP, LITTLE_ENDIAN);
        a12.intoMemorySegment(ALL, scratch + 6 * STEP, LITTLE_ENDIAN);
        a13.intoMemorySegment(ALL, scratch + 7 * STEP, LITTLE_ENDIAN);
        a20.intoMemorySegment(ALL, scratch + 8 * STEP, LITTLE_ENDIAN);
        a21.intoMemorySegment(ALL, scratch + 9 * STEP, LITTLE_ENDIAN);
        a22.intoMemorySegment(ALL, scratch + 10 * STEP, LITTLE_ENDIAN);
        a23.intoMemorySegment(ALL, scratch + 11 * STEP, LITTLE_ENDIAN);
        a30.intoMemorySegment(ALL, scratch + 12 * STEP, LITTLE_ENDIAN);
        a31.intoMemorySegment(ALL, scratch + 13 * STEP, LITTLE_ENDIAN);
        a32.intoMemorySegment(ALL, scratch + 14 * STEP, LITTLE_ENDIAN);
        a33.intoMemorySegment(ALL, scratch + 15 * STEP, LITTLE_ENDIAN);
    }

    @Override
    public void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride) {
        int c = 0;
        for (; c <= n - 4 * L; c += 4 * L) {
            int i = 0;
            for (; i <= rows - 4; i += 4) {
                mix4x4(p + i * pStride, pStride, v + 4L * c, vStride, count, out + i * outStride + 4L * c, outStride);
            }
            for (; i < rows; i++) {
                mix1x4(p + i * pStride, v + 4L * c, vStride, count, out + i * outStride + 4L * c);
            }
        }
        for (; c < n; c += L) {
            VectorMask<Float> mask = F.indexInRange(c, n);
            for (int i = 0; i < rows; i++) {
                mix1x1(p + i * pStride, v + 4L * c, vStride, count, out + i * outStride + 4L * c, mask);
            }
        }
    }

    private static void mix1x1(long p, long v, long vStride, int count, long out, VectorMask<Float> mask) {
        FloatVector a = FloatVector.fromMemorySegment(F, ALL, out, LITTLE_ENDIAN, mask);
        for (int j = 0; j < count; j++) {
            FloatVector row = FloatVector.fromMemorySegment(F, ALL, v + j * vStride, LITTLE_ENDIAN, mask);
            a = row.fma(FloatVector.broadcast(F, f32(p + 4L * j)), a);
        }
        a.intoMemorySegment(ALL, out, LITTLE_ENDIAN, mask);
    }

    private static void mix1x4(long p, long v, long vStride, int count, long out) {
        FloatVector a0 = load(out);
        FloatVector a1 = load(out + STEP);
        FloatVector a2 = load(out + 2 * STEP);
        FloatVector a3 = load(out + 3 * STEP);
        for (int j = 0; j < count; j++) {
            FloatVector b = FloatVector.broadcast(F, ALL.get(F32, p + 4L * j));
            long row = v + j * vStride;
            a0 = load(row).fma(b, a0);
            a1 = load(row + STEP).fma(b, a1);
            a2 = load(row + 2 * STEP).fma(b, a2);
            a3 = load(row + 3 * STEP).fma(b, a3);
        }
        a0.intoMemorySegment(ALL, out, LITTLE_ENDIAN);
        a1.intoMemorySegment(ALL, out + STEP, LITTLE_ENDIAN);
        a2.intoMemorySegment(ALL, out + 2 * STEP, LITTLE_ENDIAN);
        a3.intoMemorySegment(ALL, out + 3 * STEP, LITTLE_ENDIAN);
    }

    private static void mix4x4(long p, long pStride, long v, long vStride, int count, long out, long outStride) {
        long o1 = out + outStride;
        long o2 = o1 + outStride;
        long o3 = o2 + outStride;
        FloatVector a00 = load(out);
        FloatVector a01 = load(out + STEP);
        FloatVector a02 = load(out + 2 * STEP);
        FloatVector a03 = load(out + 3 * STEP);
        FloatVector a10 = load(o1);
        FloatVector a11 = load(o1 + STEP);
        FloatVector a12 = load(o1 + 2 * STEP);
        FloatVector a13 = load(o1 + 3 * STEP);
        FloatVector a20 = load(o2);
        FloatVector a21 = load(o2 + STEP);
        FloatVector a22 = load(o2 + 2 * STEP);
        FloatVector a23 = load(o2 + 3 * STEP);
        FloatVector a30 = load(o3);
        FloatVector a31 = load(o3 + STEP);
        FloatVector a32 = load(o3 + 2 * STEP);
        FloatVector a33 = load(o3 + 3 * STEP);
        for (int j = 0; j < count; j++) {
            long row = v + j * vStride;
            long q = p + 4L * j;
            FloatVector v0 = FloatVector.fromMemorySegment(F, ALL, row, LITTLE_ENDIAN);
            FloatVector v1 = FloatVector.fromMemorySegment(F, ALL, row + STEP, LITTLE_ENDIAN);
            FloatVector v2 = FloatVector.fromMemorySegment(F, ALL, row + 2 * STEP, LITTLE_ENDIAN);
            FloatVector v3 = FloatVector.fromMemorySegment(F, ALL, row + 3 * STEP, LITTLE_ENDIAN);
            FloatVector b = FloatVector.broadcast(F, ALL.get(F32, q));
            a00 = v0.fma(b, a00);
            a01 = v1.fma(b, a01);
            a02 = v2.fma(b, a02);
            a03 = v3.fma(b, a03);
            b = FloatVector.broadcast(F, ALL.get(F32, q + pStride));
            a10 = v0.fma(b, a10);
            a11 = v1.fma(b, a11);
            a12 = v2.fma(b, a12);
            a13 = v3.fma(b, a13);
            b = FloatVector.broadcast(F, ALL.get(F32, q + 2 * pStride));
            a20 = v0.fma(b, a20);
            a21 = v1.fma(b, a21);
            a22 = v2.fma(b, a22);
            a23 = v3.fma(b, a23);
            b = FloatVector.broadcast(F, ALL.get(F32, q + 3 * pStride));
            a30 = v0.fma(b, a30);
            a31 = v1.fma(b, a31);
            a32 = v2.fma(b, a32);
            a33 = v3.fma(b, a33);
        }
        a00.intoMemorySegment(ALL, out, LITTLE_ENDIAN);
        a01.intoMemorySegment(ALL, out + STEP, LITTLE_ENDIAN);
        a02.intoMemorySegment(ALL, out + 2 * STEP, LITTLE_ENDIAN);
        a03.intoMemorySegment(ALL, out + 3 * STEP, LITTLE_ENDIAN);
        a10.intoMemorySegment(ALL, o1, LITTLE_ENDIAN);
        a11.intoMemorySegment(ALL, o1 + STEP, LITTLE_ENDIAN);
        a12.intoMemorySegment(ALL, o1 + 2 * STEP, LITTLE_ENDIAN);
        a13.intoMemorySegment(ALL, o1 + 3 * STEP, LITTLE_ENDIAN);
        a20.intoMemorySegment(ALL, o2, LITTLE_ENDIAN);
        a21.intoMemorySegment(ALL, o2 + STEP, LITTLE_ENDIAN);
        a22.intoMemorySegment(ALL, o2 + 2 * STEP, LITTLE_ENDIAN);
        a23.intoMemorySegment(ALL, o2 + 3 * STEP, LITTLE_ENDIAN);
        a30.intoMemorySegment(ALL, o3, LITTLE_ENDIAN);
        a31.intoMemorySegment(ALL, o3 + STEP, LITTLE_ENDIAN);
        a32.intoMemorySegment(ALL, o3 + 2 * STEP, LITTLE_ENDIAN);
        a33.intoMemorySegment(ALL, o3 + 3 * STEP, LITTLE_ENDIAN);
    }
}
