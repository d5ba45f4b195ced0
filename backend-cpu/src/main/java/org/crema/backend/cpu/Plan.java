package org.crema.backend.cpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.crema.backend.cpu.kernel.Bf16;
import org.crema.backend.cpu.kernel.FloatMatMul;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.Int8;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.MatMul;
import org.crema.backend.cpu.kernel.MatVec;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device.Footprint;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Layout;
import org.crema.kernels.Limits;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/**
 * All memory that an executable will use, as handles without addresses: tasks ask for them when they are made, the same handles are
 * counted for a footprint and {@linkplain #bind bound} to memory when the executable is compiled.
 */
final class Plan {
    /** Of everything; a cache line, and the widest vector. */
    static final int ALIGNMENT = 64;

    private final CompileOptions options;
    private final int threads;
    private final Layout layout;
    private final List<Place> places = new ArrayList<>();
    private final Map<Weight, Matrix> matrices = new LinkedHashMap<>();
    private final Map<Weight, Vector> vectors = new LinkedHashMap<>();
    private final Map<Cache, Buffer> caches = new LinkedHashMap<>();
    private final Map<String, Buffer> shared = new LinkedHashMap<>();
    private final List<Buffer> own = new ArrayList<>();
    private final Map<Rotation, RopeTask.Turns> turns = new HashMap<>();
    private final ProductTasks.Experts experts = new ProductTasks.Experts();
    private final Map<QuantType, Tuner> tuners = new EnumMap<>(QuantType.class);
    private Product product;
    private PanelAttention.Scratch[] panelScratch;
    private Gemm.Scratch[] scratch;
    private long scratchAt;

    /** Native memory. */
    static final class Buffer {
        private final String name;
        private final int copies;
        private long bytes;
        private long at;

        private Buffer(String name, int copies, long bytes) {
            this.name = name;
            this.copies = copies;
            this.bytes = bytes;
        }

        /** Address of the first byte. */
        long at() {
            return at;
        }

        /** Address of one thread's copy. */
        long at(int thread) {
            return at + thread * stride();
        }

        private long stride() {
            return align(bytes);
        }

        private long total() {
            return copies * stride();
        }
    }

    /** A view's columns in memory. */
    static final class Place {
        private final View view;
        private long at;

        private Place(View view) {
            this.view = view;
        }

        /** Address of group 0 of a row. */
        long row(int row) {
            return at + row * stride();
        }

        /** Address of a group of a row. */
        long group(int row, int group) {
            return row(row) + 4L * group * view.stride();
        }

        /** Bytes from one row to the next. */
        long stride() {
            return 4L * view.slot().columns();
        }

        /** Bytes from one group of a row to the next. */
        long groupStride() {
            return 4L * view.stride();
        }

        View view() {
            return view;
        }
    }

    /** A tensor's matrices in memory, used as they are mapped. */
    static final class Matrix {
        final Weight weight;
        final QuantType type;
        final int rows;
        final int columns;
        final long rowBytes;
        /** Decodes parts of rows. */
        final Decoder decoder;
        /** Multiplies; null without the Vector API. */
        final MatKernel kernel;
        /** Multiplies in integers; null where activations may not be rounded, or the machine or the type has none. */
        final Int8 int8;
        /** Multiplies few rows of activations: the kernel, or integers; null without the Vector API. */
        final MatVec few;
        /** Most rows that are few: more are quicker as many. */
        final int fewRows;
        /** Multiplies many rows of activations; null without the Vector API. */
        final MatMul many;
        /** Multiplies one row of activations by the kernel that is the fastest; null where others do. */
        final Tuner tuner;
        private final Buffer copy;
        private long at;

        private Matrix(Weight weight, Buffer copy, Int8 int8, Tuner tuner, boolean rounding) {
            this.weight = weight;
            this.type = weight.type();
            this.rows = weight.rows();
            this.columns = weight.columns();
            this.rowBytes = weight.rowBytes();
            this.decoder = Decoder.of(type);
            this.kernel = VectorSupport.PRESENT ? MatKernel.of(type) : null;
            this.int8 = int8;
            this.few = int8 == null ? kernel : int8;
            this.fewRows = int8 == null ? 3 : int8.fewRows();
            this.many = int8 != null ? int8.many() : kernel != null ? inFloats(rounding) : null;
            this.copy = copy;
            this.tuner = tuner;
        }

        private MatMul inFloats(boolean rounding) {
            return new FloatMatMul(kernel, rounding && type.blockSize() > 1 && Bf16.available());
        }

        /** Address of the first row of a matrix. */
        long at(int matrix) {
            return at + matrix * weight.matrixStride();
        }

        private void bind() {
            if (copy == null) {
                at = weight.data().address();
            } else {
                at = copy.at();
                Native.slice(at, weight.data().byteSize()).copyFrom(weight.data());
            }
        }
    }

    /** A tensor of one row (a norm's weight, a bias), as F32. */
    static final class Vector {
        private final Matrix matrix;
        private final Buffer decoded;

        private Vector(Matrix matrix, Buffer decoded) {
            this.matrix = matrix;
            this.decoded = decoded;
        }

        long at() {
            return decoded == null ? matrix.at(0) : decoded.at();
        }

        private void bind() {
            if (decoded != null) {
                Decoder.of(matrix.type).decode(matrix.at(0), matrix.columns, decoded.at());
            }
        }
    }

    Plan(List<Program> parts, CompileOptions options, int threads) {
        this.options = options;
        this.threads = threads;
        this.layout = new Layout(parts, Compiler::groups, options.limits(), ALIGNMENT, options.guardBytes());
    }

    CompileOptions options() {
        return options;
    }

    /** Whether quantised weights may meet activations that are rounded. */
    boolean rounding() {
        return VectorSupport.PRESENT && options.precision() == Precision.FAST;
    }

    Limits limits() {
        return options.limits();
    }

    int threads() {
        return threads;
    }

    Layout layout() {
        return layout;
    }

    Place place(View view) {
        Place place = new Place(view);
        places.add(place);
        return place;
    }

    /** A tensor as a list of matrices. A copy is made only if its data is on the Java heap. */
    Matrix matrix(Weight weight) {
        return matrices.computeIfAbsent(weight, w -> {
            Buffer copy = w.planned() || w.data().isNative() ? null : new Buffer(w.toString(), 1, w.data().byteSize());
            Int8 int8 = rounding() ? Int8.of(w.type()) : null;
            return new Matrix(w, copy, int8, int8 == null ? tuner(w.type()) : null, rounding());
        });
    }

    private Tuner tuner(QuantType type) {
        return VectorSupport.PRESENT ? tuners.computeIfAbsent(type, t -> new Tuner(t, threads)) : null;
    }

    /** A tensor of one row as F32. */
    Vector vector(Weight weight) {
        Matrix matrix = matrix(weight);
        return vectors.computeIfAbsent(weight, w -> new Vector(matrix, w.type() == QuantType.F32
                ? null
                : own(w.name() + " as F32", 4L * w.columns())));
    }

    /** A layer's cache. */
    Buffer cache(Cache cache) {
        return caches.computeIfAbsent(cache, c -> new Buffer(c.toString(), 1, c.bytes(options.cacheType(), limits())));
    }

    /** The products engine, with room for products like this. */
    Product product(Matrix like, int mostRows, int mostBlocks, int repeats) {
        if (product == null) {
            product = new Product(this);
        }
        return product.need(this, like, mostRows, mostBlocks, repeats);
    }

    /** The expert sorter, with room for so many pairs. */
    ProductTasks.Experts experts(int mostPairs, int most) {
        experts.need(mostPairs, most);
        return experts;
    }

    /** What products of many tokens, and of tiles, keep on the heap, of each thread. */
    Gemm.Scratch[] scratch() {
        if (scratch == null) {
            scratch = new Gemm.Scratch[VectorSupport.PRESENT ? threads : 0];
            Arrays.setAll(scratch, thread -> new Gemm.Scratch());
        }
        return scratch;
    }

    /** What attentions through panels keep on the heap, of each thread. */
    PanelAttention.Scratch[] panelScratch() {
        if (panelScratch == null) {
            panelScratch = new PanelAttention.Scratch[threads];
            Arrays.setAll(panelScratch, thread -> new PanelAttention.Scratch());
        }
        return panelScratch;
    }

    /** The angles of a rotation. */
    RopeTask.Turns turns(Rotation rotation) {
        RopeTask.Turns known = turns.get(rotation);
        if (known == null) {
            known = new RopeTask.Turns(this, rotation);
            turns.put(rotation, known);
        }
        return known;
    }

    /** Memory that keeps what is in it. */
    Buffer own(String name, long bytes) {
        Buffer buffer = new Buffer(name, 1, bytes);
        own.add(buffer);
        return buffer;
    }

    /** Memory that all users of a name share, one after the other. */
    Buffer shared(String name, long bytes) {
        return most(shared.computeIfAbsent(name, n -> new Buffer(n, 1, 0)), bytes);
    }

    /** Memory that all users of a name share, one copy for each thread. */
    Buffer perThread(String name, long bytes) {
        return most(shared.computeIfAbsent(name + " of each thread", n -> new Buffer(n, threads, 0)), bytes);
    }

    private static Buffer most(Buffer buffer, long bytes) {
        buffer.bytes = Math.max(buffer.bytes, bytes);
        return buffer;
    }

    /** What {@link #bind} will allocate. */
    Footprint footprint() {
        return new Footprint(total(copies()), total(caches.values()), sized(layout.bytes()), total(staging()));
    }

    /**
     * Allocates everything and gives every handle its address.
     *
     * @throws DeviceException if a weight has no data
     */
    void bind(Region region) {
        for (Weight weight : matrices.keySet()) {
            if (weight.planned()) {
                throw new DeviceException("weight " + weight + " has no data; it can only be planned with");
            }
        }
        copies().forEach(buffer -> allocate(region, buffer));
        caches.values().forEach(buffer -> allocate(region, buffer));
        staging().forEach(buffer -> allocate(region, buffer));
        MemorySegment slots = region.allocate("the slots", layout.bytes());
        for (Layout.Gap gap : layout.gaps()) {
            region.guard("between " + gap.before() + " and " + gap.after(), slots, gap.offset(), gap.bytes());
        }
        long scratch = slots.address();
        places.forEach(place -> place.at = scratch + layout.offset(place.view.slot()) + 4L * place.view.first());
        matrices.values().forEach(Matrix::bind);
        vectors.values().forEach(Vector::bind);
        scratchAt = scratch;
    }

    /** Address of a slot's first row. */
    long slot(Slot slot) {
        return scratchAt + layout.offset(slot);
    }

    /** The tensors that are used where they are mapped. */
    Set<Weight> mapped() {
        Set<Weight> mapped = new LinkedHashSet<>();
        matrices.forEach((weight, matrix) -> {
            if (matrix.copy == null) {
                mapped.add(weight);
            }
        });
        return mapped;
    }

    private void allocate(Region region, Buffer buffer) {
        buffer.at = region.allocate(buffer.name, buffer.total()).address();
    }

    private List<Buffer> copies() {
        return matrices.values().stream().map(matrix -> matrix.copy).filter(copy -> copy != null).toList();
    }

    private List<Buffer> staging() {
        List<Buffer> staging = new ArrayList<>(own);
        staging.addAll(shared.values());
        return staging;
    }

    private long total(Iterable<Buffer> buffers) {
        long total = 0;
        for (Buffer buffer : buffers) {
            total += sized(buffer.total());
        }
        return total;
    }

    /** With the gaps that {@link Region#allocate} puts around it. */
    private long sized(long bytes) {
        return Region.sized(bytes, options.guardBytes());
    }

    static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
