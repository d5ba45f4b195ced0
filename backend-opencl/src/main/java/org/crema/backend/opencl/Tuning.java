package org.crema.backend.opencl;

import java.util.List;

/**
 * What is known about a kind of device, as data: everything that differs between vendors is here.
 *
 * @param name for people
 * @param wave work-items that run in step
 * @param lanes work-items that share a row of a mat-vec; a power of two
 * @param matvecGroup work-items of a mat-vec's group; a multiple of the lanes
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
record Tuning(String name, int wave, int lanes, int matvecGroup, boolean wideSums, boolean tiles, Tile gemm, int normGroup,
        int rowGroup,
        int selectGroup, int sortGroup, int attentionGroup, int attentionHeads) {
    /** Rows of activations that the wider mat-vec takes at once. */
    static final int FEW_ROWS = 4;
    /** Most rows for which mat-vecs are quicker than tiles. */
    private static final int MOST_MATVEC_ROWS = 8;

    /**
     * A tile: {@code x × y} work-items with {@code rows} rows of the weight and {@code tokens} rows of activations each.
     *
     * @param tokens a vector width of OpenCL C
     */
    record Tile(int x, int y, int rows, int tokens) {
        Tile {
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
     * Measured on PoCL: 16 work-items are quickest, each barrier costs, a work-item's vectors are the processor's,
     * and what a processor reads again comes from its caches.
     */
    static final Tuning PROCESSOR = new Tuning("processor", 1, 1, 16, true, false, new Tile(4, 4, 4, 16), 16, 16, 1, 1, 16, 4);

    /** AMD GCN and CDNA: waves of 64. */
    static final Tuning AMD_WAVE64 = new Tuning("AMD, waves of 64", 64, 32, 64, false, true, new Tile(8, 8, 8, 4), 256, 256, 64,
            256,
            128, 8);

    /** AMD RDNA: waves of 32. */
    static final Tuning AMD_WAVE32 = new Tuning("AMD, waves of 32", 32, 32, 64, false, true, new Tile(8, 8, 8, 4), 256, 256, 32,
            256,
            128, 8);

    static final Tuning NVIDIA = new Tuning("NVIDIA", 32, 32, 64, false, true, new Tile(8, 8, 8, 4), 256, 256, 32, 256, 128, 8);

    static final Tuning INTEL = new Tuning("Intel GPU", 16, 16, 64, false, true, new Tile(8, 8, 8, 4), 128, 128, 32, 128, 64, 4);

    static final Tuning OTHER = new Tuning("unknown GPU", 32, 16, 64, false, true, new Tile(8, 8, 8, 4), 64, 64, 32, 64, 64, 4);

    /** A row of the vendor table. */
    private record Vendor(String word, Tuning tuning) {}

    private static final List<Vendor> VENDORS = List.of(new Vendor("advanced micro devices", AMD_WAVE64),
            new Vendor("amd", AMD_WAVE64), new Vendor("nvidia", NVIDIA), new Vendor("intel", INTEL));

    /**
     * The tuning for a device.
     *
     * @param processor whether the device is the CPU
     * @param vendor as the device says
     * @param wave wave size as the device says, 0 if it does not
     * @param largestGroup most work-items of a group
     */
    static Tuning of(boolean processor, String vendor, int wave, long largestGroup) {
        if (processor) {
            return PROCESSOR;
        }
        Tuning found = OTHER;
        for (Vendor candidate : VENDORS.reversed()) {
            if (vendor.toLowerCase(java.util.Locale.ROOT).contains(candidate.word())) {
                found = candidate.tuning();
            }
        }
        if (found.equals(AMD_WAVE64) && wave == 32) {
            found = AMD_WAVE32;
        }
        return found.largest() <= largestGroup ? found : OTHER;
    }

    /** Most work-items of a group of any kernel. */
    int largest() {
        return List.of(matvecGroup, gemm.group(), normGroup, rowGroup, selectGroup, sortGroup, attentionGroup).stream().max(
                Integer::compare).orElseThrow();
    }

    /** Rows up to which a product is made of mat-vecs. */
    int mostMatvecRows() {
        return tiles ? MOST_MATVEC_ROWS : Integer.MAX_VALUE;
    }

    /** Pairs of one expert that go together when they are sorted. */
    int sortedTile() {
        return tiles ? gemm.tileTokens() : FEW_ROWS;
    }

    /** What kernels are built with. */
    String defines() {
        return " -DLANES=" + lanes + " -DMATVEC_GROUP=" + matvecGroup + " -DWIDE_SUMS=" + (wideSums ? 1 : 0) + " -DGEMM_X="
                + gemm.x
                + " -DGEMM_Y=" + gemm.y + " -DGEMM_TM=" + gemm.rows + " -DGEMM_TN=" + gemm.tokens + " -DTILES=" + (tiles ? 1 : 0)
                + " -DTILE=" + sortedTile()
                + " -DNORM_GROUP=" + normGroup + " -DSELECT_GROUP=" + selectGroup + " -DSORT_GROUP=" + sortGroup;
    }
}
