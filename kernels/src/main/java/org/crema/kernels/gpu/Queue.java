package org.crema.kernels.gpu;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Takes work in order, and owns memory of the device. Used by one thread at a time, not always the same.
 *
 * @param <B> a buffer of the binding
 */
public interface Queue<B> extends AutoCloseable {
    /** Memory of the device, of any content. */
    B allocate(long bytes);

    /**
     * Memory for all of these, for a driver that rounds each allocation up to much more than a tensor.
     *
     * @param bytes of each
     */
    default List<B> allocateAll(List<Long> bytes) {
        return bytes.stream().map(this::allocate).toList();
    }

    /** Memory of this process as the device sees it, for tensors of {@link Capacity#inPlace}; it must stay until the queue is closed. */
    B map(MemorySegment memory);

    /** Fills a buffer with a word, up to its last whole one. */
    void fill(B buffer, int word);

    /**
     * Copies to the device after all work before it.
     *
     * @param from native; may be changed when this returns
     */
    void write(B to, long at, MemorySegment from);

    /**
     * As {@link #write}, without waiting.
     *
     * @param from of {@link #staging}; stays as it is until a read or {@link #finish} has returned
     */
    default void send(B to, long at, MemorySegment from) {
        write(to, at, from);
    }

    /**
     * Copies from the device after all work before it.
     *
     * @param to native; is filled when this returns
     */
    void read(B from, long at, MemorySegment to);

    /** Memory of this process from which copies are quick; it stays until the queue is closed. */
    MemorySegment staging(long bytes);

    /** Makes calls ready to run in this order, each seeing what those before it wrote. */
    Part part(List<Call> calls, Binding<B> memory);

    /** Waits for all work. */
    void finish();

    /** Frees everything that came from here. */
    @Override
    void close();
}
