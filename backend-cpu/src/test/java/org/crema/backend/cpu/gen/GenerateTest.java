package org.crema.backend.cpu.gen;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.util.List;
import java.util.Map;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

class GenerateTest {
    /** C1 runs out of virtual registers somewhere above this; a method that it refuses may stay interpreted (docs/cpu-kernels.md). */
    private static final int MOST_BYTECODES = 1700;

    private static final Map<String, String> SOURCES = Generate.sources();

    @Test
    void everyTypeHasAKernelAtEveryWidth() {
        for (int lanes : Generate.LANES) {
            assertEquals(List.of(QuantType.values()), List.copyOf(Generate.formats(lanes).keySet()));
        }
    }

    @Test
    void theSameSourcesEveryTime() {
        assertEquals(SOURCES, Generate.sources());
    }

    @Test
    void linesAreReadable() {
        SOURCES.forEach((name, source) -> source.lines()
                .forEach(line -> assertTrue(line.length() <= 200, () -> name + " has a line of " + line.length() + ": " + line)));
    }

    @Test
    void methodsAreSmallEnoughToBeCompiled() throws IOException {
        for (String name : SOURCES.keySet()) {
            try (InputStream in = getClass().getResourceAsStream("/org/crema/backend/cpu/kernel/" + name + ".class")) {
                assertNotNull(in, () -> name + " was generated but not compiled");
                for (MethodModel method : ClassFile.of().parse(in.readAllBytes()).methods()) {
                    int size = method.findAttribute(Attributes.code()).map(code -> code.codeLength()).orElse(0);
                    assertTrue(size <= MOST_BYTECODES || method.methodName().equalsString("<clinit>"),
                            () -> name + "." + method.methodName() + " has " + size + " bytes of bytecode");
                }
            }
        }
    }

    @Test
    void aBodyHasWhatIsNeededWhereItIsNeeded() {
        Body body = new Body();
        body.define("int", "unused", "1");
        body.define("int", "b", "a + 1");
        body.define("int", "a", "x[0]");
        body.add("first();");
        body.add("use(b);");
        body.add("use(a, b);");
        assertEquals(List.of("first();", "int a = x[0];", "int b = a + 1;", "use(b);", "use(a, b);"), body.lines());
        assertThrows(IllegalStateException.class, () -> body.define("int", "unused", "2"));
    }

    @Test
    void fieldsOfLanes() {
        assertEquals("q.and(int_f)", Site.field("q", 0, 4));
        assertEquals("q.lanewise(LSHR, 28)", Site.field("q", 28, 4));
        assertEquals("q.lanewise(LSHL, 2).and(int_30303030)", Site.masked("q", -2, 0x30));
        assertEquals("q.lanewise(LSHL, 19).and(int_780000).or(int_3f800000).reinterpretAsFloats()",
                new Site.Values(null, "q", 0, 4, new int[0]).fraction());
    }

    @Test
    void equalOrdersAreKeptOnce() {
        Packings packings = new Packings();
        Map<QuantType, Format> formats = Generate.formats(8);
        int[] turned = {1, 0};
        assertEquals("Packings8.Q2_K", packings.name(formats.get(QuantType.Q2_K), 8, turned, List.of()));
        assertEquals("Packings8.Q2_K", packings.name(formats.get(QuantType.Q3_K), 8, turned, List.of()));
        assertEquals("Packings8.Q6_K", packings.name(formats.get(QuantType.Q6_K), 8, turned, List.of(new Site.Sum(0, 2, 1))));
        assertEquals("Packing.PLAIN", packings.name(formats.get(QuantType.Q8_0), 8, new int[] {0, 1}, List.of()));
    }
}
