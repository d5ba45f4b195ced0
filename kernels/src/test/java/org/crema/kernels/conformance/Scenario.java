package org.crema.kernels.conformance;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;

/** A program with the data of some steps, and how its results are judged. Cells are the bits of floats or whole numbers. */
final class Scenario {
    /** How the program reaches the device. */
    enum Cut {
        /** In one piece. */
        WHOLE,
        /** In several parts of one executable. */
        PARTS,
        /** In several executables, with slots copied between them. */
        EXECUTABLES
    }

    /** Fills a row of an input slot. */
    @FunctionalInterface
    interface Source {
        void fill(int[] cells, int at, int columns, int row);
    }

    /**
     * One step.
     *
     * @param fillOnly only the cache writes are run, to get long histories cheaply; the program must be cut after them
     */
    record Round(Step step, Map<Slot, int[]> inputs, boolean fillOnly) {}

    private final RandomData data;
    private final Program.Builder builder;
    private final Map<Slot, Source> sources = new LinkedHashMap<>();
    private final List<Round> rounds = new ArrayList<>();
    private final Map<Integer, Integer> places = new HashMap<>();
    private Limits limits;
    private Cache.Type cacheType = Cache.Type.F32;
    private Cut cut = Cut.WHOLE;
    private Program program;
    private Optional<Op.GateExperts> gate = Optional.empty();
    private boolean exactIds;
    private boolean layer;
    private int ops;
    private int place;

    Scenario(String name, RandomData data) {
        this.data = data;
        this.builder = new Program.Builder(name);
    }

    RandomData data() {
        return data;
    }

    /** An F32 input of normal numbers. */
    Slot input(String name, Rows rows, int columns) {
        return input(name, rows, columns, 1);
    }

    /** An F32 input of normal numbers times {@code scale}. */
    Slot input(String name, Rows rows, int columns, float scale) {
        return input(name, rows, columns, Element.F32, (cells, at, n, row) -> {
            for (int i = 0; i < n; i++) {
                cells[at + i] = Float.floatToRawIntBits(scale * data.gaussian());
            }
        });
    }

    Slot input(String name, Rows rows, int columns, Element element, Source source) {
        Slot slot = builder.input(name, rows, columns, element);
        sources.put(slot, source);
        return slot;
    }

    Slot slot(String name, Rows rows, int columns) {
        return builder.slot(name, rows, columns);
    }

    Slot ids(String name, int used) {
        return builder.slot(name, Rows.TOKENS, used, Element.I32);
    }

    Scenario add(Op op) {
        builder.add(op);
        places.put(ops++, place);
        return this;
    }

    /** The ops that follow go to this device when the program is cut. */
    Scenario place(int number) {
        place = number;
        return this;
    }

    Scenario cut(Cut how) {
        cut = how;
        return this;
    }

    Scenario cache(Cache.Type type) {
        cacheType = type;
        return this;
    }

    /** Ids of this op are checked against its routing, with room for ties that rounding can break, unless they are exact. */
    Scenario gate(Op.GateExperts op, boolean exact) {
        gate = Optional.of(op);
        exactIds = exact;
        return this;
    }

    /** Judged as a layer, whose errors add up; rows whose experts differ are left out. */
    Scenario layer() {
        layer = true;
        return this;
    }

    Scenario outputs(Limits most, Slot... slots) {
        limits = most;
        program = builder.build(slots);
        return this;
    }

    /** Adds a step; call after {@link #outputs}. */
    Scenario round(Step step) {
        return round(step, false);
    }

    /** Adds a step that only fills caches. */
    Scenario fill(Step step) {
        return round(step, true);
    }

    private Scenario round(Step step, boolean fillOnly) {
        Map<Slot, int[]> inputs = new HashMap<>();
        sources.forEach((slot, source) -> {
            int rows = slot.rows().count(step);
            int[] cells = new int[rows * slot.columns()];
            for (int row = 0; row < rows; row++) {
                source.fill(cells, row * slot.columns(), slot.columns(), row);
            }
            inputs.put(slot, cells);
        });
        rounds.add(new Round(step, inputs, fillOnly));
        return this;
    }

    Program program() {
        return program;
    }

    Limits limits() {
        return limits;
    }

    Cache.Type cacheType() {
        return cacheType;
    }

    List<Round> rounds() {
        return rounds;
    }

    Cut cut() {
        return cut;
    }

    /** The device of the i-th op. */
    int placeOf(int i) {
        return places.get(i);
    }

    Optional<Op.GateExperts> gate() {
        return gate;
    }

    boolean isLayer() {
        return layer;
    }

    boolean exactIds() {
        return exactIds;
    }
}
