package org.crema.kernels;

import java.lang.foreign.MemorySegment;
import org.crema.kernels.quant.QuantType;

/**
 * A tensor of the model: {@code count} matrices (experts, heads; else 1) of {@code rows × columns}, row-major, in one quant type.
 * The data is a view of the mapped file; a device may hold a copy of its own, laid out as it likes.
 *
 * <p>Two weights are equal only if they are the same object: their data can be gigabytes.
 */
public final class Weight {
    private final String name;
    private final QuantType type;
    private final int count;
    private final int rows;
    private final int columns;
    private final long matrixStride;
    private final MemorySegment data;

    /** Matrices that follow one another in the data without a gap. */
    public Weight(String name, QuantType type, int count, int rows, int columns, MemorySegment data) {
        this(name, type, count, rows, columns, Math.multiplyExact((long) rows, type.rowBytes(columns)), data);
    }

    /**
     * @param matrixStride bytes from the start of one matrix to the start of the next
     * @param data at least all rows of all matrices, or {@link MemorySegment#NULL} for a weight that is only planned with
     * @throws IllegalArgumentException if a number is not positive, the type cannot hold such rows, or the data is too short
     */
    public Weight(String name, QuantType type, int count, int rows, int columns, long matrixStride, MemorySegment data) {
        if (count < 1 || rows < 1 || columns < 1) {
            throw new IllegalArgumentException("weight %s of %d × %d × %d: each must be at least 1".formatted(name, count, rows,
                    columns));
        }
        long matrix = Math.multiplyExact((long) rows, type.rowBytes(columns));
        long need = Math.addExact(Math.multiplyExact(count - 1L, matrixStride), matrix);
        if (matrixStride < matrix || (!data.equals(MemorySegment.NULL) && data.byteSize() < need)) {
            throw new IllegalArgumentException("weight %s, %s %d × %d × %d, needs %d bytes; its data has %d".formatted(name, type,
                    count, rows, columns, need, data.byteSize()));
        }
        this.name = name;
        this.type = type;
        this.count = count;
        this.rows = rows;
        this.columns = columns;
        this.matrixStride = matrixStride;
        this.data = data;
    }

    /**
     * Of every matrix the rows from {@code first}, when the matrices are cut into {@code groups} equal groups of rows first: the
     * key or the value half of each head of a joint projection, say. The result has {@code count * groups} matrices.
     */
    public Weight rowsOfGroups(String newName, int groups, int first, int rowCount) {
        int perGroup = rows / groups;
        if (count != 1 || rows % groups != 0 || first < 0 || first + rowCount > perGroup) {
            throw new IllegalArgumentException("%s has no %d groups with rows [%d, %d)".formatted(this, groups, first, first
                    + rowCount));
        }
        MemorySegment part = planned() ? data : data.asSlice(first * rowBytes());
        return new Weight(newName, type, groups, rowCount, columns, perGroup * rowBytes(), part);
    }

    public String name() {
        return name;
    }

    public QuantType type() {
        return type;
    }

    /** Matrices. */
    public int count() {
        return count;
    }

    /** Rows of each matrix. */
    public int rows() {
        return rows;
    }

    /** Columns of each matrix. */
    public int columns() {
        return columns;
    }

    public MemorySegment data() {
        return data;
    }

    /** Whether there is no data: only shapes, for planning. */
    public boolean planned() {
        return data.equals(MemorySegment.NULL);
    }

    /** Bytes of a row. */
    public long rowBytes() {
        return type.rowBytes(columns);
    }

    /** Bytes from one matrix to the next in {@link #data}. */
    public long matrixStride() {
        return matrixStride;
    }

    /** Byte offset of a row in {@link #data}. */
    public long offset(int matrix, int row) {
        return matrix * matrixStride + row * rowBytes();
    }

    /** Bytes of all matrices, without gaps. */
    public long bytes() {
        return (long) count * rows * rowBytes();
    }

    @Override
    public String toString() {
        return "%s[%s %s%d × %d]".formatted(name, type, count == 1 ? "" : count + " × ", rows, columns);
    }
}
