package org.crema.kernels.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.quant.QuantType;
import org.crema.kernels.reference.ReferenceBackend;
import org.junit.jupiter.api.Test;

class PerfCasesTest {
    @Test
    void everyOpAndTypeIsTimed() {
        List<String> names = PerfCases.names("");
        assertEquals(names.size(), new HashSet<>(names).size(), "names are distinct");
        Set<String> ops = names.stream().map(name -> name.substring(0, name.indexOf('/'))).collect(Collectors.toSet());
        Set<String> all = Arrays.stream(Op.class.getPermittedSubclasses()).map(Class::getSimpleName).collect(Collectors.toSet());
        // Runs before every attention, and moves next to nothing.
        all.remove("CacheWrite");
        assertEquals(all, ops);
        for (QuantType type : QuantType.values()) {
            assertTrue(names.stream().anyMatch(name -> name.startsWith("MatMul/" + type + "/") && name.endsWith("/b1")),
                    type.name());
            assertTrue(names.stream().anyMatch(name -> name.startsWith("ExpertMatMul/" + type + "/") && name.endsWith("/b512")),
                    type.name());
        }
    }

    @Test
    void theLastOpIsTimedOnTheStepAfterTheHistory() {
        try (var device = new ReferenceBackend().open(0, DeviceOptions.DEFAULT)) {
            try (Workload workload = new Workload(device, "Attention/Q8_0/32 over 8 x(128+128)/d4096 b1", Precision.F32)) {
                assertTrue(workload.op() instanceof Op.Attention);
                assertEquals(4097, workload.step().length(0));
                assertEquals(1, workload.step().tokens());
                workload.run(2);
            }
            assertThrows(IllegalArgumentException.class, () -> new Workload(device, "no such case", Precision.F32));
        }
    }
}
