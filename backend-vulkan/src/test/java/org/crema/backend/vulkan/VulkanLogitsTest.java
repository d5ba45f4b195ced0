package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.stream.Stream;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Precision;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufTensor;
import org.crema.model.oracle.OracleLogits;
import org.crema.model.oracle.OracleLogits.OracleModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Golden models of the types that there are shaders for, with all their layers on a Vulkan device: some of each architecture, or all with
 * {@code -Dvulkan.models=all}. Some go in small steps and, as on a GPU that multiplies packed bytes, in fast precision too. Models of other
 * types are refused.
 */
class VulkanLogitsTest {
    private static final String SAMPLE = "v2-full-Q2_K|v2-lite-3l-Q4_K_M|v2-lite-ragged-Q4_K_M|v3-mla-F16";
    private static final String SMALL_STEPS = "v2-lite-3l-Q4_K_M";
    private static final String FAST = "v2-full-Q3_K_M|v3-Q4_K_M";

    @BeforeAll
    static void need() {
        Devices.need();
    }

    @AfterAll
    static void valid() {
        Devices.valid();
    }

    private static boolean taken(OracleModel model) {
        try (GgufFile file = GgufFile.open(model.file())) {
            return file.tensors().stream().allMatch(tensor -> Spirv.decodes(tensor.type()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean sampled(OracleModel model) {
        return model.name().matches(SAMPLE) || "all".equals(System.getProperty("vulkan.models"));
    }

    private static Stream<DynamicTest> someTaken(Stream<DynamicTest> tests) {
        return Stream.concat(Stream.of(dynamicTest("golden models", () -> assumeTrue(OracleModel.all().stream().anyMatch(
                VulkanLogitsTest::taken), "no golden model here is of types that Vulkan takes; give their folder by -Doracle"))),
                tests);
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return someTaken(OracleLogits.tests(Devices::open, Precision.F32, 1e-4, 512, model -> taken(model) && sampled(model)));
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return someTaken(OracleLogits.tests(Devices::open, Precision.F32, 1e-4, 3, model -> model.name().matches(SMALL_STEPS)));
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return someTaken(OracleLogits.tests(Devices::discrete, Precision.FAST, 0, 512, model -> model.name().matches(FAST)));
    }

    @TestFactory
    Stream<DynamicTest> refused() {
        return OracleModel.all().stream().filter(model -> !taken(model)).map(model -> dynamicTest(model.name(), () -> {
            try (Device device = Devices.open(); GgufFile file = GgufFile.open(model.file())) {
                DeviceException thrown = assertThrows(DeviceException.class,
                        () -> OracleLogits.logits(file, device, Precision.F32,
                                512, model.promptTokens(), 0));
                String message = thrown.getMessage();
                assertTrue(file.tensors().stream().map(GgufTensor::type).filter(type -> !Spirv.decodes(type)).anyMatch(
                        type -> message.contains("Vulkan has no shader for " + type)), message);
                assertEquals(1, message.lines().count(), message);
            }
        }));
    }
}
