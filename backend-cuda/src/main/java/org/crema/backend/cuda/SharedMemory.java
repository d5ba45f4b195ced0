package org.crema.backend.cuda;

import java.util.Map;

/** Bytes of dynamic shared memory of a block, by kernel: those that depend on a model's sizes; all others have none. */
final class SharedMemory {
    /** What attention keeps of a value in registers. */
    static final int MOST_VALUE_COLUMNS = 2048;
    private static final int ALIGNMENT = 16;

    private SharedMemory() {}

    /**
     * Bytes of a block.
     *
     * @param kernel without its suffix
     * @param constants of its call
     */
    static int bytes(String kernel, Map<String, Integer> constants) {
        return Math.toIntExact(switch (kernel) {
            case "attend" -> attend(constants);
            // A probability, a score and a group score in F64, a flag.
            case "select_experts", "route" -> 32L * constants.get("EXPERTS");
            // Pairs and first pair of each expert.
            case "sort_pairs" -> 8L * constants.get("EXPERTS");
            default -> 0;
        });
    }

    /** Queries or sums, weights, greatest scores and corrections, rows. */
    static long attend(Map<String, Integer> constants) {
        long heads = constants.get("HEADS");
        long group = constants.get("GROUP");
        return aligned(4 * heads * Math.max(constants.get("KEY"), constants.get("VALUE"))) + aligned(4 * heads * group)
                + aligned(8 * heads) + aligned(8 * group);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
