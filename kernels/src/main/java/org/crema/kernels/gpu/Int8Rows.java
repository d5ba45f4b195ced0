package org.crema.kernels.gpu;

import static org.crema.kernels.gpu.Calls.groups;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.gpu.Call.Argument.Shared;

/**
 * Rows of activations in int8, each made when a product first reads it and kept while the slot is unchanged.
 *
 * <p>For every 32 columns the scale is d = max|x| / 127 and the codes are x / d, rounded to nearest. A row is its codes, a byte each, then
 * for each block of 32 columns d and d times the sum of its codes, as two floats; a row starts at a multiple of 16 bytes.
 */
final class Int8Rows {
    /** Columns that share a scale. */
    static final int BLOCK = 32;
    /** More rows than any step has. */
    static final int ALL = Integer.MAX_VALUE;
    /** How many views are kept. */
    static final int REGIONS = 4;
    private static final int CELLS_ALIGNMENT = 4;

    private final Plan plan;
    private final Tuning tuning;
    private final Calls calls;
    /** Which views lie in memory, the one that was used last at the end. */
    private final List<Kept> kept = new ArrayList<>();

    /** @param below rows of a step below which they are there */
    private record Kept(View view, int region, int below) {}

    Int8Rows(Plan plan, Tuning tuning, Calls calls) {
        this.plan = plan;
        this.tuning = tuning;
        this.calls = calls;
    }

    /** Cells of a row of so many columns. */
    static int rowCells(int width) {
        int cells = width / 4 + width / BLOCK * 2;
        return (cells + CELLS_ALIGNMENT - 1) & -CELLS_ALIGNMENT;
    }

    void forget() {
        kept.clear();
    }

    void wrote(Slot slot) {
        kept.removeIf(one -> one.view().slot().equals(slot));
    }

    /**
     * Makes a view's rows, unless they are there.
     *
     * @param columns of one matrix
     * @return how products take them: first cell, cells from row to row, columns of a row, columns of one matrix
     */
    int[] of(View view, int columns) {
        int below = kept(view).map(Kept::below).orElse(0);
        int[] place = place(view, ALL);
        int most = plan.int8Rows(view);
        if (below <= most) {
            long x = Math.ceilDiv(view.width() / BLOCK, tuning.rowGroup());
            Rows rows = view.rows();
            calls.add("activations in int8", calls.rows(), "quantise", tuning.rowGroup(), (counts, groups) -> {
                int n = counts.rows(rows);
                groups(groups, n < below || n > most ? 0 : x, n, 1);
            }).arg(Shared.ARENA).arg(plan.view(view)).arg(place);
        }
        return new int[] {place[0], place[1], place[2], columns};
    }

    /**
     * Where a view's rows go that the caller makes.
     *
     * @param below rows of a step below which it does
     * @return first cell, cells from row to row, columns of a row, rows that are made; a step with more has none
     */
    int[] place(View view, int below) {
        int region = kept(view).map(Kept::region).orElseGet(this::free);
        kept.removeIf(one -> one.region() == region);
        kept.add(new Kept(view, region, below));
        return new int[] {plan.int8Region(region), rowCells(view.width()), view.width(), plan.int8Rows(view)};
    }

    private Optional<Kept> kept(View view) {
        return kept.stream().filter(one -> one.view().equals(view)).findFirst();
    }

    /** A region that is empty, or else the one that was used longest ago. */
    private int free() {
        for (int region = 0; region < REGIONS; region++) {
            int candidate = region;
            if (kept.stream().noneMatch(one -> one.region() == candidate)) {
                return region;
            }
        }
        return kept.getFirst().region();
    }
}
