package org.crema.backend.cpu;

/**
 * F32 arithmetic on rows in native memory. Rows are {@code n} floats from an absolute address; strides are in bytes. What a
 * method computes for one element does not depend on how many elements it is asked for together, so any split of the work among
 * threads gives the same bits.
 */
interface Lanes {
    /** The Vector API's, or plain loops where the incubator module is missing or {@code crema.vector.bits} is 0. */
    Lanes BEST = VectorSupport.PRESENT ? new StartingLanes() : new ScalarLanes();

    /** Bytes that {@link #dots} wants for itself: 16 vectors of 512 bits. */
    int SCRATCH = 16 * 64;

    /** Vector width in bits; 0 without vectors. */
    int bits();

    /** {@code sum of a[i]²}. */
    float sumOfSquares(long a, int n);

    /** {@code out = a · factor · weight}. */
    void scale(long out, long a, float factor, long weight, int n);

    /** {@code out = a · factor}. */
    void scale(long out, long a, float factor, int n);

    /** {@code out = a + b}. */
    void add(long out, long a, long b, int n);

    /** {@code out = gate · sigmoid(gate) · up}. */
    void swiGlu(long out, long gate, long up, int n);

    /** The largest element. */
    float max(long a, int n);

    /** {@code a = exp(a - shift)}; returns the sum. */
    float expSum(long a, float shift, int n);

    /** {@code out[i] = f32(half in[i])}. */
    void fromF16(long out, long in, int n);

    /** {@code out[i] = f32(bfloat16 in[i])}. */
    void fromBf16(long out, long in, int n);

    /** {@code out = factor · int8 in}: the numbers of a Q8_0 block. */
    void fromI8(long out, long in, float factor, int n);

    /**
     * Dot products of rows with rows: {@code out[i][j] = x[i] · w[j]}.
     *
     * @param x addresses of rows, from index {@code from} to {@code to}
     * @param w first of {@code rows} rows, {@code stride} apart
     * @param n columns
     * @param out for each x, address of its row of results; result j goes to float {@code at + j}
     * @param scratch address of {@link #SCRATCH} bytes of the calling thread
     */
    void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch);

    /**
     * Mixes rows: {@code out[i][c] += sum over j of p[i][j] · v[j][c]}, j ascending.
     *
     * @param rows rows of p and out
     * @param count rows of v
     * @param n columns of v and out
     */
    void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride);
}
