package org.crema.kernels.gpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What is known about a kind of device, as data: everything that differs between vendors is here.
 *
 * @param name for people
 * @param wave work-items that run in step
 * @param lanes work-items that share a row of a mat-vec; a power of two
 * @param matvecGroup work-items of a mat-vec's group; a multiple of the lanes
 * @param itemRows rows of a matrix that the work-items of a row have, one after the other; more than one, a multiple of 16, only where a
 *     mat-vec's group is one work-item with wide sums
 * @param wideSums whether a work-item sums in 16 lanes of its own: right where a work-item has vector units to itself
 * @param tiles whether products of many rows go through tiles in local memory; else through mat-vecs of {@link #FEW_ROWS} each
 * @param gemm tile of a matrix product
 * @param normGroup work-items that norm a row; a power of two
 * @param rowGroup work-items of a group of an elementwise kernel
 * @param selectGroup work-items that choose a token's experts; a power of two
 * @param sortGroup work-items that sort pairs by expert
 * @param attentionGroup work-items of an attention group, and keys of a pass
 * @param attentionHeads query heads that an attention group takes at most
 */
public record Tuning(String name, int wave, int lanes, int matvecGroup, int itemRows, boolean wideSums, boolean tiles, Tile gemm,
        int normGroup,
        int rowGroup,
        int selectGroup, int sortGroup, int attentionGroup, int attentionHeads) {
    /** Rows of activations that the wider mat-vec takes at once. */
    public static final int FEW_ROWS = 4;
    /** Most rows for which mat-vecs are quicker than tiles. */
    private static final int MOST_MATVEC_ROWS = 8;

    /**
     * A tile: {@code x × y} work-items with {@code rows} rows of the weight and {@code tokens} rows of activations each.
     *
     * @param tokens a vector width of OpenCL C
     */
    public record Tile(int x, int y, int rows, int tokens) {
        public Tile {
            // Each work-item decodes one row of the tile.
            if (y != rows) {
                throw new IllegalArgumentException("a tile of " + x + " × " + y + " work-items needs " + y + " rows each, not "
                        + rows);
            }
        }

        int group() {
            return x * y;
        }

        /** Rows of the weight in a tile. */
        int tileRows() {
            return x * rows;
        }

        /** Rows of activations in a tile. */
        int tileTokens() {
            return y * tokens;
        }
    }

    /**
     * Measured on PoCL: each barrier costs, a work-item's vectors are the processor's, what a processor reads again comes from its
     * caches, and activations are made int8 by each work-item that reads them, which 64 rows pay for.
     */
    public static final Tuning PROCESSOR = processor(2);

    /**
     * A processor of so many cores. Rows are as many as leave a matrix of 256 rows a group for each core; more than two cores were not
     * measured.
     */
    public static Tuning processor(int units) {
        int rows = Math.clamp(256 / Math.max(1, units) / 16 * 16, 16, 64);
        return new Tuning("processor", 1, 1, 1, rows, true, false, new Tile(4, 4, 4, 16), 16, 16, 1, 1,
                16,
                4);
    }

    /** AMD GCN and CDNA: waves of 64. */
    public static final Tuning AMD_WAVE64 = new Tuning("AMD, waves of 64", 64, 32, 64, 1, false, true, new Tile(8, 8, 8, 4), 256,
            256, 64,
            256,
            128, 8);

    /** AMD RDNA: waves of 32. */
    public static final Tuning AMD_WAVE32 = new Tuning("AMD, waves of 32", 32, 32, 64, 1, false, true, new Tile(8, 8, 8, 4), 256,
            256, 32,
            256,
            128, 8);

    public static final Tuning NVIDIA = new Tuning("NVIDIA", 32, 32, 64, 1, false, true, new Tile(8, 8, 8, 4), 256, 256, 32, 256,
            128, 8);

    /** Kernels in CUDA C++: a warp for a row, tiles for tensor cores. {@code tuning.cuh} has the same numbers. */
    public static final Tuning CUDA = new Tuning("NVIDIA, CUDA", 32, 32, 128, 1, false, true, new Tile(16, 8, 8, 8), 256, 256, 32,
            256,
            128, 8);

    public static final Tuning INTEL = new Tuning("Intel GPU", 16, 16, 64, 1, false, true, new Tile(8, 8, 8, 4), 128, 128, 32,
            128,
            64, 4);

    public static final Tuning OTHER = new Tuning("unknown GPU", 32, 16, 64, 1, false, true, new Tile(8, 8, 8, 4), 64, 64, 32, 64,
            64, 4);

    public Tuning {
        if (itemRows != 1 && (itemRows % 16 != 0 || lanes != 1 || matvecGroup != 1 || !wideSums)) {
            throw new IllegalArgumentException(
                    name + ": " + itemRows + " rows of a work-item need to be a multiple of 16, and it a"
                            + " work-group of its own with wide sums");
        }
    }

    /** Most work-items of a group of any kernel. */
    public int largest() {
        return List.of(matvecGroup, gemm.group(), normGroup, rowGroup, selectGroup, sortGroup, attentionGroup).stream().max(
                Integer::compare).orElseThrow();
    }

    /** Rows up to which a product is made of mat-vecs. */
    public int mostMatvecRows() {
        return tiles ? MOST_MATVEC_ROWS : Integer.MAX_VALUE;
    }

    /** Pairs of one expert that go together when they are sorted. */
    public int sortedTile() {
        return tiles ? gemm.tileTokens() : FEW_ROWS;
    }

    /** Rows of the matrix that a mat-vec's group has. */
    int groupRows() {
        return matvecGroup / lanes * itemRows;
    }

    /** Columns of the matrix that a group has of a product with its transpose. */
    int transposedColumns() {
        return itemRows > 1 ? 256 : matvecGroup / lanes * 16;
    }

    /** What kernels are built with. */
    public Map<String, Integer> constants() {
        Map<String, Integer> constants = new LinkedHashMap<>();
        constants.put("LANES", lanes);
        constants.put("MATVEC_GROUP", matvecGroup);
        constants.put("ITEM_ROWS", itemRows);
        constants.put("WIDE_SUMS", wideSums ? 1 : 0);
        constants.put("GEMM_X", gemm.x);
        constants.put("GEMM_Y", gemm.y);
        constants.put("GEMM_TM", gemm.rows);
        constants.put("GEMM_TN", gemm.tokens);
        constants.put("TILES", tiles ? 1 : 0);
        constants.put("TILE", sortedTile());
        constants.put("NORM_GROUP", normGroup);
        constants.put("SELECT_GROUP", selectGroup);
        constants.put("SORT_GROUP", sortGroup);
        return constants;
    }
}
