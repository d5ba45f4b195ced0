package org.crema.backend.cuda;

import java.util.Map;
import org.crema.kernels.gpu.AttentionShape;

/** Bytes of dynamic shared memory of a block, by kernel: those that depend on a model's sizes; all others have none. */
final class SharedMemory {
    /** Columns of a value that attention keeps in registers, four of a thread at a time, or one where they are no multiple of four. */
    private static final int MOST_VALUE_COLUMNS = 2048;
    private static final int MOST_ODD_VALUE_COLUMNS = 512;
    private static final int VECTOR = 4;
    private static final int QUERY_GAP = 32;
    private static final int WEIGHT_GAP = 4;
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
            case "select_experts", "router" -> 32L * constants.get("EXPERTS");
            // Pairs and first pair of each expert.
            case "sort_pairs" -> 8L * constants.get("EXPERTS");
            default -> 0;
        });
    }

    /** Most columns of a value that attention takes. */
    static int mostValueColumns(AttentionShape shape) {
        return shape.key() % VECTOR == 0 && shape.value() % VECTOR == 0 ? MOST_VALUE_COLUMNS : MOST_ODD_VALUE_COLUMNS;
    }

    /** Queries or sums, weights (each with a gap from head to head), four numbers of each head, rows: see {@code attention/shape.cuh}. */
    static long attend(Map<String, Integer> constants) {
        long heads = constants.get("HEADS");
        long group = constants.get("GROUP");
        return aligned(4 * heads * (Math.max(constants.get("KEY"), constants.get("VALUE")) + QUERY_GAP)) + aligned(4 * heads
                * (group + WEIGHT_GAP)) + aligned(16 * heads) + aligned(8 * group);
    }

    private static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
