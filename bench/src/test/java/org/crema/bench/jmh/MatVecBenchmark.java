package org.crema.bench.jmh;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.crema.backend.cpu.kernel.Int8;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.MatVec;
import org.crema.backend.cpu.kernel.Tuning;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** A matrix and one token: how fast weights are read and multiplied at once. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class MatVecBenchmark {
    /** How the kernel walks over the rows; or activations in integers. */
    @Param({"SINGLE", "NEAR", "FAR", "INT8"})
    public String tuning;

    private MatVec kernel;
    private long packed;

    @Setup
    public void pack(Matrix matrix) {
        kernel = switch (tuning) {
            case "SINGLE" -> MatKernel.of(matrix.type, Tuning.SINGLE);
            case "NEAR" -> MatKernel.of(matrix.type, Tuning.NEAR);
            case "FAR" -> MatKernel.of(matrix.type, Tuning.FAR);
            case "INT8" -> Objects.requireNonNull(Int8.of(matrix.type),
                    () -> matrix.type + " has no products of integers here: " + Int8.describe());
            default -> throw new IllegalArgumentException("tuning is SINGLE, NEAR, FAR or INT8, not " + tuning);
        };
        packed = matrix.allocate(kernel.activations().packedBytes(Matrix.COLUMNS) / Float.BYTES).address();
        kernel.activations().pack(matrix.activations, Matrix.COLUMNS, packed);
    }

    @Benchmark
    public void matVec(Matrix matrix, Moved moved) {
        kernel.matVec(matrix.weights, matrix.rowBytes, 0, matrix.rows, Matrix.COLUMNS, packed, matrix.out);
        moved.weights(matrix.bytes(), matrix.operations(1));
    }
}
