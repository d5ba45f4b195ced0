package org.crema.kernels;

/**
 * What an attention remembers of earlier tokens: one row per token and layer. The device that runs the attention owns the memory,
 * in pages of {@link Limits#pageRows} rows.
 *
 * @param layer number of the layer; unique within a program
 * @param columns columns of a row
 */
public record Cache(int layer, int columns) {
    /** How a row is kept. */
    public enum Type {
        F32(1, 4),
        F16(1, 2),
        /** Blocks of 32 as in {@link org.crema.kernels.quant.QuantType#Q8_0}. */
        Q8_0(32, 34);

        private final int block;
        private final int blockBytes;

        Type(int block, int blockBytes) {
            this.block = block;
            this.blockBytes = blockBytes;
        }

        /** Bytes of a row of so many columns. */
        public long rowBytes(int columns) {
            if (columns % block != 0) {
                throw new IllegalArgumentException("a " + this + " cache needs rows that are a multiple of " + block + ", not "
                        + columns + "; use F16");
            }
            return (long) columns / block * blockBytes;
        }
    }

    public Cache {
        if (columns < 1) {
            throw new IllegalArgumentException("cache of layer " + layer + " needs at least one column, not " + columns);
        }
    }

    /** Bytes of all pages. */
    public long bytes(Type type, Limits limits) {
        return Math.multiplyExact((long) limits.pages() * limits.pageRows(), type.rowBytes(columns));
    }

    @Override
    public String toString() {
        return "cache" + layer + "[" + columns + "]";
    }
}
