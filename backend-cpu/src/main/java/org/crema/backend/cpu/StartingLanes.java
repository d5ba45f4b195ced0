package org.crema.backend.cpu;

import org.crema.backend.cpu.kernel.Starter;

/** {@link VectorLanes}, or {@link SoftLanes} in a program's first moment. */
final class StartingLanes implements Lanes {
    private final VectorLanes vector = new VectorLanes();
    private final SoftLanes soft = new SoftLanes();

    private Lanes now() {
        return Starter.soft() ? soft : vector;
    }

    @Override
    public int bits() {
        return vector.bits();
    }

    @Override
    public float sumOfSquares(long a, int n) {
        return now().sumOfSquares(a, n);
    }

    @Override
    public void scale(long out, long a, float factor, long weight, int n) {
        now().scale(out, a, factor, weight, n);
    }

    @Override
    public void scale(long out, long a, float factor, int n) {
        now().scale(out, a, factor, n);
    }

    @Override
    public void add(long out, long a, long b, int n) {
        now().add(out, a, b, n);
    }

    @Override
    public void swiGlu(long out, long gate, long up, int n) {
        now().swiGlu(out, gate, up, n);
    }

    @Override
    public float max(long a, int n) {
        return now().max(a, n);
    }

    @Override
    public float expSum(long a, float shift, int n) {
        return now().expSum(a, shift, n);
    }

    @Override
    public void fromF16(long out, long in, int n) {
        now().fromF16(out, in, n);
    }

    @Override
    public void fromBf16(long out, long in, int n) {
        now().fromBf16(out, in, n);
    }

    @Override
    public void fromI8(long out, long in, float factor, int n) {
        now().fromI8(out, in, factor, n);
    }

    @Override
    public void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch) {
        now().dots(x, from, to, w, stride, rows, n, out, at, scratch);
    }

    @Override
    public void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride) {
        now().mix(p, pStride, rows, v, vStride, count, n, out, outStride);
    }
}
