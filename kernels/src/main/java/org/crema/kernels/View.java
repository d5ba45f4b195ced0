package org.crema.kernels;

/**
 * Columns of a {@link Slot}, without a copy: {@code groups} groups of {@code columns} neighbouring columns, group g at slot column
 * {@code first + g * stride}. A view has all rows of its slot.
 *
 * @param slot whose columns
 * @param first first column of group 0
 * @param columns columns of each group
 * @param groups number of groups (heads, mostly)
 * @param stride slot columns from one group's start to the next
 */
public record View(Slot slot, int first, int columns, int groups, int stride) {
    public View {
        if (first < 0 || columns < 1 || groups < 1 || (groups > 1 && stride < columns)
                || first + (groups - 1L) * stride + columns > slot.columns()) {
            throw new IllegalArgumentException("view of %d × %d columns, stride %d from %d, does not lie in %s".formatted(groups,
                    columns, stride, first, slot));
        }
    }

    /** Columns in all groups together. */
    public int width() {
        return groups * columns;
    }

    /** Whether the columns of all groups follow one another without a gap. */
    public boolean contiguous() {
        return groups == 1 || stride == columns;
    }

    /** Whether every column of the slot is in the view. */
    public boolean whole() {
        return width() == slot.columns();
    }

    /** Slot column of column c of group g. */
    public int at(int g, int c) {
        return first + g * stride + c;
    }

    /** Whether the two views have a column of one slot in common. */
    public boolean overlaps(View other) {
        if (!slot.equals(other.slot)) {
            return false;
        }
        for (int g = 0; g < groups; g++) {
            for (int h = 0; h < other.groups; h++) {
                if (at(g, 0) < other.at(h, 0) + other.columns && other.at(h, 0) < at(g, 0) + columns) {
                    return true;
                }
            }
        }
        return false;
    }

    public Rows rows() {
        return slot.rows();
    }

    public Element element() {
        return slot.element();
    }

    @Override
    public String toString() {
        if (whole() && groups == 1) {
            return slot.toString();
        }
        return groups == 1
                ? "%s[%d..%d)".formatted(slot, first, first + columns)
                : "%s[%d × %d..%d of %d]".formatted(slot, groups, first, first + columns, stride);
    }
}
