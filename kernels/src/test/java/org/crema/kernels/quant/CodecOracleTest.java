package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.crema.kernels.conformance.OracleData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The scalar codecs against GGML's own results. */
class CodecOracleTest {
    private static final String TYPES = "org.crema.kernels.quant.QuantOracle#types";

    @Test
    void theManifestHasEveryTypeButF32() {
        Set<String> expected = Stream.of(QuantType.values()).filter(type -> type != QuantType.F32).map(Enum::name)
                .collect(Collectors.toSet());
        assertEquals(expected, QuantOracle.entries().keySet());
    }

    @ParameterizedTest
    @MethodSource(TYPES)
    void idAndSizesAreThoseOfTheManifest(QuantType type) {
        var entry = QuantOracle.entry(type);
        assertEquals(entry.get("ggml_type_id").asInt(), type.id());
        assertEquals(entry.get("block_size").asInt(), type.blockSize());
        assertEquals(entry.get("bytes_per_block").asInt(), type.blockBytes());
        assertEquals(entry.get("row_bytes").asLong(), type.rowBytes(QuantOracle.COLUMNS));
        assertEquals(entry.get("bits_per_weight").asDouble(), type.bitsPerWeight(), 1e-12);
        assertEquals(type, QuantType.ofId(type.id()).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource(TYPES)
    void quantisedWeightsDecodeBitForBit(QuantType type) {
        assertSameBits(OracleData.f32("quant/" + type + ".f32"), QuantOracle.decode(type, type + ".blocks"));
    }

    @ParameterizedTest
    @MethodSource(TYPES)
    void randomBytesDecodeBitForBit(QuantType type) {
        assertSameBits(OracleData.f32("quant/" + type + ".rand.f32"), QuantOracle.decode(type, type + ".rand.blocks"));
    }

    @Test
    void f32IsTheNumberItself() {
        float[] expected = OracleData.f32("quant/x.f32");
        assertSameBits(expected, QuantOracle.decode(QuantType.F32, "x.f32"));
    }

    @ParameterizedTest
    @MethodSource(TYPES)
    void dotProductsInDoubleAreExact(QuantType type) {
        assertArrayEquals(OracleData.f64("quant/" + type + ".dot.f64"),
                dots(QuantOracle.decode(type, type + ".blocks"), OracleData.f32("quant/x.f32")));
    }

    /**
     * GGML's products of weights with the activations in its own format for them. They sum in F32, so they differ by rounding;
     * Q8_1 also rounds the sum beside its codes to a half.
     */
    @ParameterizedTest
    @MethodSource("org.crema.kernels.quant.QuantOracle#typesWithProducts")
    void dotProductsWithQuantisedActivationsAgreeWithGgml(QuantType type) {
        ActivationFormat format = Stream.of(ActivationFormat.values())
                .filter(f -> f.name().equalsIgnoreCase(QuantOracle.entry(type).get("ggml_dot_type").asString())).findFirst()
                .orElseThrow();
        float[] x = OracleData.f32("quant/x.f32");
        MemorySegment blocks = MemorySegment.ofArray(new byte[x.length / format.blockSize() * format.blockBytes()]);
        format.quantize(x, 0, x.length, blocks, 0);
        format.codec().decode(blocks, 0, x, 0, x.length);

        float[] weights = QuantOracle.decode(type, type + ".blocks");
        float[] expected = OracleData.f32("quant/" + type + ".qdot.f32");
        double[] actual = dots(weights, x);
        assertEquals(expected.length, actual.length);
        for (int row = 0; row < expected.length; row++) {
            double size = 0;
            for (int c = 0; c < QuantOracle.COLUMNS; c++) {
                size += Math.abs((double) weights[row * QuantOracle.COLUMNS + c] * x[c]);
            }
            double tolerance = size * (format == ActivationFormat.Q8_1 ? 5e-4 : 2e-6);
            assertEquals(expected[row], actual[row], tolerance, "row " + row);
        }
    }

    @ParameterizedTest
    @MethodSource(TYPES)
    @EnabledIfSystemProperty(named = "oracle", matches = ".+", disabledReason = "needs all rows")
    void errorsAgainstTheSourceAreThoseOfTheManifest(QuantType type) {
        float[] src = OracleData.f32("quant/src.f32");
        float[] importance = OracleData.f32("quant/imatrix.f32");
        for (String kind : Set.of("noimat", "imat")) {
            if (!QuantOracle.entry(type).get("files").has(type + "." + kind + ".blocks")) {
                continue;
            }
            float[] weights = QuantOracle.decode(type, type + "." + kind + ".blocks");
            double sum = 0;
            double weighted = 0;
            double weightSum = 0;
            for (int i = 0; i < src.length; i++) {
                double error = (double) weights[i] - src[i];
                double weight = importance[i % QuantOracle.COLUMNS];
                sum += error * error;
                weighted += weight * error * error;
                weightSum += weight;
            }
            double rmse = QuantOracle.entry(type).get("rmse_" + kind).asDouble();
            assertEquals(rmse, Math.sqrt(sum / src.length), rmse * 1e-6, kind);
            double weightedRmse = QuantOracle.entry(type).get("weighted_rmse_" + kind).asDouble();
            assertEquals(weightedRmse, Math.sqrt(weighted / weightSum), weightedRmse * 1e-6, kind);
        }
    }

    private static double[] dots(float[] weights, float[] x) {
        double[] sums = new double[weights.length / x.length];
        for (int i = 0; i < weights.length; i++) {
            sums[i / x.length] += (double) weights[i] * x[i % x.length];
        }
        return sums;
    }

    private static void assertSameBits(float[] expected, float[] actual) {
        assertTrue(expected.length > 0);
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            if (Float.floatToRawIntBits(expected[i]) != Float.floatToRawIntBits(actual[i])) {
                int index = i;
                assertEquals(expected[i], actual[i],
                        () -> "row " + index / QuantOracle.COLUMNS + ", column " + index % QuantOracle.COLUMNS);
                throw new AssertionError("sign of zero or payload differs at " + i);
            }
        }
    }
}
