package org.crema.bench.jmh;

import java.util.concurrent.TimeUnit;
import org.crema.backend.cpu.kernel.MatKernel;
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
    /** How the kernel walks over the rows. */
    @Param({"SINGLE", "NEAR", "FAR"})
    public String tuning;

    private MatKernel kernel;
    private long packed;

    @Setup
    public void pack(Matrix matrix) {
        kernel = MatKernel.of(matrix.type, switch (tuning) {
            case "SINGLE" -> Tuning.SINGLE;
            case "NEAR" -> Tuning.NEAR;
            case "FAR" -> Tuning.FAR;
            default -> throw new IllegalArgumentException("tuning is SINGLE, NEAR or FAR, not " + tuning);
        });
        packed = matrix.allocate(kernel.packing().packedFloats(Matrix.COLUMNS)).address();
        kernel.packing().pack(matrix.activations, Matrix.COLUMNS, packed);
    }

    @Benchmark
    public void matVec(Matrix matrix, Moved moved) {
        kernel.matVec(matrix.weights, matrix.rowBytes, 0, matrix.rows, Matrix.COLUMNS, packed, matrix.out);
        moved.weights(matrix.bytes(), matrix.operations(1));
    }
}
