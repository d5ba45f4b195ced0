package org.crema.bench.jmh;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.crema.backend.cpu.kernel.FloatMatMul;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.Int8;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.MatMul;
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

/** A matrix and many tokens, and the tiles of floats that weights are turned to for that. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class GemmBenchmark {
    private final Gemm.Scratch scratch = new Gemm.Scratch();
    private final float[] tile = new float[Gemm.TILE_ROWS * MatKernel.SLICE];
    private MatKernel kernel;
    private MatMul product;
    private long panels;

    /** What weights and activations are rounded to. */
    @Param({"F32", "BF16", "INT8"})
    public String numbers;

    @Setup
    public void pack(Matrix matrix) {
        kernel = MatKernel.of(matrix.type);
        product = switch (numbers) {
            case "F32" -> new FloatMatMul(kernel, false);
            case "BF16" -> new FloatMatMul(kernel, true);
            case "INT8" -> Objects.requireNonNull(Int8.of(matrix.type),
                    () -> matrix.type + " has no products of integers here: " + Int8.describe()).many();
            default -> throw new IllegalArgumentException("numbers are F32, BF16 or INT8, not " + numbers);
        };
        panels = matrix.allocate(product.panelBytes(Matrix.TOKENS, Matrix.COLUMNS) / Float.BYTES).address();
        product.packPanels(matrix.activations, Matrix.COLUMNS, null, 0, Matrix.TOKENS, Matrix.COLUMNS, 0,
                Gemm.panels(Matrix.TOKENS), panels, scratch);
    }

    @Benchmark
    public void multiply(Matrix matrix, Moved moved) {
        product.multiply(matrix.weights, matrix.rowBytes, 0, matrix.rows, Matrix.COLUMNS, panels, Matrix.TOKENS, matrix.out,
                matrix.rows, null, 0, scratch);
        moved.weights(matrix.bytes(), matrix.operations(Matrix.TOKENS));
    }

    @Benchmark
    public float[] tile(Matrix matrix, Moved moved) {
        for (int column = 0; column < Matrix.COLUMNS; column += MatKernel.SLICE) {
            kernel.dequantTile(matrix.weights, matrix.rowBytes, 0, Gemm.TILE_ROWS, column, MatKernel.SLICE, tile);
        }
        moved.weights(Gemm.TILE_ROWS * matrix.rowBytes, 0);
        return tile;
    }
}
