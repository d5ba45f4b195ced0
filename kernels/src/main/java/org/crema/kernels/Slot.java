package org.crema.kernels;

/**
 * A named matrix of activations, row-major, {@code rows × columns}. Two slots are the same only if they are the same object's
 * equals: the id makes slots of one {@link Program} distinct.
 *
 * @param id unique within a program
 * @param name for people
 * @param rows symbolic row count
 * @param columns columns of a row
 * @param element what a cell holds
 */
public record Slot(int id, String name, Rows rows, int columns, Element element) {
    public Slot {
        if (columns < 1) {
            throw new IllegalArgumentException("slot " + name + " needs at least one column, not " + columns);
        }
    }

    /** All columns, as one group. */
    public View all() {
        return new View(this, 0, columns, 1, columns);
    }

    /** {@code count} neighbouring columns from {@code first}, as one group. */
    public View columns(int first, int count) {
        return new View(this, first, count, 1, columns);
    }

    /** All columns, as {@code groups} equal groups (the heads of an attention, say). */
    public View groups(int groups) {
        return groups(groups, 0, columns / groups);
    }

    /** Of each of {@code groups} equal groups the {@code count} columns from {@code first} of that group. */
    public View groups(int groups, int first, int count) {
        if (groups < 1 || columns % groups != 0 || first < 0 || first + count > columns / groups) {
            throw new IllegalArgumentException(
                    "slot %s of %d columns has no groups %d × [%d, %d)".formatted(name, columns, groups,
                            first, first + count));
        }
        return new View(this, first, count, groups, columns / groups);
    }

    /** Bytes of {@code rows} rows. */
    public long bytes(int rows) {
        return 4L * columns * rows;
    }

    @Override
    public String toString() {
        return name + "#" + id + "[" + rows + " × " + columns + (element == Element.I32 ? " I32]" : "]");
    }
}
