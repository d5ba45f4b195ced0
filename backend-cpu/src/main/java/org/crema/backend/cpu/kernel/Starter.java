package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.crema.kernels.quant.QuantType;

/**
 * Has kernels compiled in the background. Vector code is compiled by C2 or it is a hundred times slower, and C2 takes a second or two
 * for the kernels of a model. Meanwhile soft vectors, with the same bits, do the work; each kernel takes over when it is ready.
 *
 * <p>A thread runs each kernel on a dummy matrix until the clock shows that it is compiled. That helps only if C2 compiles kernels
 * after few runs and soft vectors never, which takes options of the JVM; so whoever sets those turns it on (the launcher does).
 */
public final class Starter {
    /** System property: {@code soft} begins with soft vectors, {@code vectors}, the default, with kernels, compiled or not. */
    public static final String PROPERTY = "crema.cpu.start";

    /** A kernel that is not compiled by then is used as it is. */
    private static final Duration MOST = Duration.ofSeconds(30);
    /** Nanoseconds per multiply-add or element: compiled kernels stay far below, others far above. */
    private static final double COMPILED = 1;
    /** Runs of each kernel that should make C2 compile it, with the thresholds that the launcher sets. */
    private static final int RUNS = 16;
    /** After those, time for C2 between looks: what is run uncompiled gives it other things to compile. */
    private static final long PAUSE_MILLIS = 5;
    /** The first step has the processor to itself for so long: it is what somebody waits for. */
    private static final long HEAD_START_MILLIS = 500;
    private static final int ROWS = 8;
    private static final int COLUMNS = 1024;
    private static final int PANEL_COLUMNS = 64;

    private static final boolean SOFT = soft(System.getProperty(PROPERTY, "vectors"));
    /** What every step needs, and then what only prompts need. */
    private static final Deque<Work> STEPS = new ArrayDeque<>();
    private static final Deque<Work> PROMPTS = new ArrayDeque<>();
    private static final Set<QuantType> TYPES = EnumSet.noneOf(QuantType.class);
    private static final CountDownLatch STEP = new CountDownLatch(1);
    private static boolean panels;
    private static Thread thread;

    /** Something to be compiled. */
    public static final class Work {
        private final Runnable run;
        private final long steps;
        private final Consumer<Boolean> ready;
        private boolean begun;

        /**
         * @param run runs it on dummy data
         * @param steps multiply-adds or elements of a run
         * @param ready is told whether it may be used
         */
        public Work(Runnable run, long steps, Consumer<Boolean> ready) {
            this.run = run;
            this.steps = steps;
            this.ready = ready;
        }
    }

    private Starter() {}

    private static boolean soft(String start) {
        return switch (start) {
            case "soft" -> true;
            case "vectors" -> false;
            default -> throw new IllegalArgumentException(PROPERTY + " must be soft or vectors, not " + start);
        };
    }

    /** Begins to prepare what has not been prepared before: products with weights of some types, then other work. */
    public static void prepare(Collection<QuantType> types, Supplier<Collection<Work>> others) {
        if (SOFT) {
            begin(types, others.get(), MOST);
        }
    }

    /** The same, whatever the property says. */
    static synchronized void begin(Collection<QuantType> types, Collection<Work> others, Duration most) {
        for (QuantType type : types) {
            if (TYPES.add(type)) {
                add(type);
            }
        }
        for (Work work : others) {
            add(STEPS, work);
        }
        if (!panels && !types.isEmpty()) {
            panels = true;
            for (int vectors = 1; vectors * Species.LANES <= Gemm.PANEL; vectors++) {
                addPanel(vectors);
            }
            addSoftmax();
            addMix();
        }
        if (thread == null && !(STEPS.isEmpty() && PROMPTS.isEmpty())) {
            thread = new Thread(() -> work(most), "crema-cpu-start");
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Tells that a step has been done: time to compile. */
    public static void stepDone() {
        STEP.countDown();
    }

    /** Whether nothing is left to prepare. */
    public static synchronized boolean done() {
        return thread == null;
    }

    private static void add(Deque<Work> list, Work work) {
        work.ready.accept(false);
        list.add(work);
    }

    private static void add(QuantType type) {
        Ready ready = Ready.of(type);
        long rowBytes = type.rowBytes(COLUMNS);
        Arena arena = Arena.ofAuto();
        MemorySegment weights = arena.allocate(ROWS * rowBytes, 64);
        BlockKernel kernel = (BlockKernel) MatKernel.of(type, Tuning.NEAR);
        MemorySegment packed = arena.allocate(Float.BYTES * kernel.packing().packedFloats(COLUMNS), 64);
        MemorySegment out = arena.allocate((long) Float.BYTES * ROWS, 64);
        add(STEPS, new Work(() -> kernel.eachRow(weights, rowBytes, ROWS, COLUMNS, packed, out), ROWS * COLUMNS,
                compiled -> ready.one = compiled));
        if (kernel.hasSeveral()) {
            add(PROMPTS, new Work(() -> kernel.severalRows(weights, rowBytes, ROWS, COLUMNS, packed, out), ROWS * COLUMNS,
                    compiled -> ready.several = compiled));
        }
        float[] tile = new float[ROWS * MatKernel.SLICE];
        add(PROMPTS, new Work(() -> kernel.tileRows(weights, rowBytes, ROWS, MatKernel.SLICE, tile), ROWS * MatKernel.SLICE,
                compiled -> ready.tile = compiled));
    }

    private static void addPanel(int vectors) {
        int rows = Gemm.MICRO.rows(vectors);
        int width = vectors * Species.LANES;
        float[] tile = new float[rows * MatKernel.SLICE];
        float[] sums = new float[rows * width];
        MemorySegment x = Arena.ofAuto().allocate((long) Float.BYTES * PANEL_COLUMNS * width, 64);
        add(PROMPTS,
                new Work(() -> Gemm.MICRO.run(vectors, tile, 0, x.address(), sums, 0, PANEL_COLUMNS),
                        (long) rows * PANEL_COLUMNS * width,
                        compiled -> Ready.ofPanel(vectors).one = compiled));
    }

    private static void addMix() {
        float[] tile = new float[ROWS * MatKernel.SLICE];
        float[] factors = new float[ROWS];
        float[] sums = new float[MatKernel.SLICE];
        add(STEPS, new Work(() -> TileMix.run(tile, ROWS, MatKernel.SLICE, factors, 0, sums, 0), ROWS * MatKernel.SLICE,
                compiled -> Ready.mix().one = compiled));
    }

    private static void addSoftmax() {
        int width = Species.LANES;
        float[] scores = new float[PANEL_COLUMNS * width];
        float[] state = new float[3 * width];
        MemorySegment weights = Arena.ofAuto().allocate((long) Float.BYTES * scores.length, 64);
        add(PROMPTS, new Work(() -> PanelSoftmax.run(scores, PANEL_COLUMNS, width, 0, state, 0, weights.address()),
                (long) PANEL_COLUMNS * width, compiled -> Ready.softmax().one = compiled));
    }

    /** All in turns, so that C2 knows early what there is to do. */
    private static void work(Duration most) {
        long end = System.nanoTime() + most.toNanos();
        try {
            STEP.await(HEAD_START_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            end = System.nanoTime();
        }
        for (Work work = next(); work != null; work = next()) {
            boolean compiled = false;
            for (int run = work.begun ? 1 : RUNS; run > 0 && !compiled; run--) {
                compiled = compiled(work);
            }
            if (compiled || System.nanoTime() > end) {
                work.ready.accept(true);
                done(work);
            } else if (!work.begun) {
                work.begun = true;
            } else {
                try {
                    Thread.sleep(PAUSE_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    end = System.nanoTime();
                }
            }
        }
    }

    private static boolean compiled(Work work) {
        long start = System.nanoTime();
        work.run.run();
        return System.nanoTime() - start < work.steps * COMPILED;
    }

    /** The next in turn; it stays until it is {@link #done}. */
    private static synchronized Work next() {
        Deque<Work> list = STEPS.isEmpty() ? PROMPTS : STEPS;
        Work work = list.poll();
        if (work == null) {
            thread = null;
        } else {
            list.add(work);
        }
        return work;
    }

    private static synchronized void done(Work work) {
        STEPS.remove(work);
        PROMPTS.remove(work);
    }
}
