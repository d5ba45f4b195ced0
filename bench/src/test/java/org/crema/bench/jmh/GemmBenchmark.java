package org.crema.bench.jmh;

import java.util.concurrent.TimeUnit;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.MatKernel;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
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
    private long panels;

    @Setup
    public void pack(Matrix matrix) {
        kernel = MatKernel.of(matrix.type);
        panels = matrix.allocate(Gemm.panelFloats(Matrix.TOKENS, Matrix.COLUMNS)).address();
        Gemm.packPanels(kernel.packing(), matrix.activations, Matrix.COLUMNS, null, 0, Matrix.TOKENS, Matrix.COLUMNS, 0,
                Gemm.panels(
                        Matrix.TOKENS),
                panels, false, scratch);
    }

    @Benchmark
    public void multiply(Matrix matrix, Moved moved) {
        Gemm.multiply(kernel, matrix.weights, matrix.rowBytes, 0, matrix.rows, Matrix.COLUMNS, panels, Matrix.TOKENS, false,
                matrix.out,
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
