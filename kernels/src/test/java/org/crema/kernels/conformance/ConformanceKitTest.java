package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Layout;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Support;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;

/** A kit that lets a broken device pass is worth nothing: each kind of fault has to be caught. */
class ConformanceKitTest {
    /** Cases that run in a moment and meet every op. */
    private static final String SAMPLE = "MatMul/(Q4_K|F32)/(3|17)x|GateExperts/(lite|equal|ties|v2)|Attention/F16/4 over 2|"
            + "LatentAttention/F32/2x|Rope/|RmsNorm/shape/1x100|SwiGlu/1x100|Add/1x100|SelectRows/100|Embed/Q4_K|ExpertSum/6|"
            + "Layer/.*/Q4_K_M";

    private static class Kit extends ConformanceKit {
        private final Device device;
        private final String only;

        Kit(Device device, String only) {
            this.device = device;
            this.only = only;
        }

        @Override
        protected Device device() {
            return device;
        }

        @Override
        protected String only() {
            return only;
        }
    }

    private static List<String> failures(ConformanceKit kit) {
        List<String> failures = new ArrayList<>();
        for (DynamicTest test : kit.conformance().toList()) {
            try {
                test.getExecutable().execute();
            } catch (AssertionError caught) {
                failures.add(caught.getMessage());
            } catch (Throwable other) {
                throw new AssertionError(test.getDisplayName() + " did not fail with an assertion", other);
            }
        }
        return failures;
    }

    private static String caught(Device device, String only) {
        List<String> failures = failures(new Kit(device, only));
        assertTrue(!failures.isEmpty(), "the kit did not notice");
        return failures.getFirst();
    }

    private static void caught(Device device, String only, String word) {
        String message = caught(device, only);
        assertTrue(message.contains(word), message);
        assertTrue(message.contains("-Dconformance.seed="), message);
    }

    @Test
    void soundDevicePasses() {
        assertEquals(List.of(), failures(new Kit(new BrokenDevice(), SAMPLE)));
    }

    @Test
    void oneWrongValueAnywhere() {
        for (int wrong : new int[] {0, 1, 99}) {
            Device device = new BrokenDevice() {
                @Override
                void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                    int i = wrong == 0 ? 0 : rows * slot.columns() * wrong / 100;
                    if (slot.element() == Element.F32 && slot.name().equals("out")) {
                        cells.setAtIndex(JAVA_FLOAT, i, cells.getAtIndex(JAVA_FLOAT, i) + 0.02f);
                    }
                }
            };
            caught(device, "MatMul/Q4_K/257x1536/b33|MatMul/Q4_K/100x\\d+/b8", "NMSE");
            caught(device, "Attention/F16/4 over 2", "");
            caught(device, "SwiGlu/1x100", "NMSE");
        }
    }

    @Test
    void fastMayBeOffByItsToleranceButNotInOneValue() {
        Device device = new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                cells.setAtIndex(JAVA_FLOAT, 0, 0);
            }
        };
        assertEquals(1, failures(fast(device, "MatMul/Q4_0/257x\\d+/b33")).size());
    }

    private static ConformanceKit fast(Device device, String only) {
        return new Kit(device, only) {
            @Override
            protected List<Precision> precisions() {
                return List.of(Precision.FAST);
            }
        };
    }

    /** Bounds that nobody can keep would be as useless as none. */
    @Test
    void fastHasRoomForInt8Activations() {
        for (int block : new int[] {32, 256}) {
            assertEquals(List.of(), failures(fast(new Int8Device(block, 127), "MatMul/(Q4_K|IQ2_XS)/(17|100)x|Layer/.*/WHOLE")));
        }
        // Five bits are too few.
        caught(new Int8Device(32, 15), "MatMul/Q4_K/100x", "FAST");
    }

    @Test
    void notANumber() {
        caught(new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                cells.setAtIndex(JAVA_FLOAT, 0, Float.NaN);
            }
        }, "MatMul/Q4_K/3x", "NaN");
    }

    @Test
    void writeIntoAGuard() {
        BrokenDevice before = new BrokenDevice() {
            @Override
            long stray(Layout layout, List<Program> parts) {
                return layout.offset(parts.getFirst().outputs().getFirst()) - 4;
            }
        };
        caught(before, "MatMul/F32/17x", "guard bytes");
        caught(before, "Layer/llama/Q4_K_M/WHOLE", "guard bytes");
        caught(new BrokenDevice() {
            @Override
            long stray(Layout layout, List<Program> parts) {
                return layout.bytes() - 4;
            }
        }, "RmsNorm/shape", "guard bytes");
    }

    @Test
    void writeBesideAView() {
        caught(new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                cells.setAtIndex(JAVA_FLOAT, slot.columns() - 1, 0);
            }
        }, "MatMul/.*/views", "which no op writes");
    }

    @Test
    void wrongIds() {
        caught(new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                if (slot.element() == Element.I32) {
                    cells.setAtIndex(JAVA_INT, 0, cells.getAtIndex(JAVA_INT, 0) ^ 1);
                }
            }
        }, "GateExperts/lite", "experts");
        caught(new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                if (slot.element() == Element.I32) {
                    cells.setAtIndex(JAVA_INT, 1, cells.getAtIndex(JAVA_INT, 0));
                }
            }
        }, "GateExperts/lite", "distinct");
        // Ties that go to the higher number: experts counted from the end.
        caught(new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                for (int i = 0; slot.element() == Element.I32 && i < rows * slot.columns(); i++) {
                    cells.setAtIndex(JAVA_INT, i, 15 - cells.getAtIndex(JAVA_INT, i));
                }
            }
        }, "GateExperts/equal", "near tie");
    }

    private static Device replacing(UnaryOperator<Op> replacement) {
        return new BrokenDevice() {
            @Override
            Op replace(Op op) {
                return replacement.apply(op);
            }
        };
    }

    @Test
    void attentionThatForgetsAParameter() {
        caught(replacing(op -> op instanceof Op.Attention a
                ? new Op.Attention(a.out(), a.q(), a.source(), a.keyHeads(), a.scale(), 0, a.softCap())
                : op), "Attention/F16/.*window", "NMSE");
        caught(replacing(op -> op instanceof Op.Attention a && a.window() > 0
                ? new Op.Attention(a.out(), a.q(), a.source(), a.keyHeads(), a.scale(), a.window() + 1, a.softCap())
                : op), "Attention/F16/.*window 256", "NMSE");
        caught(replacing(op -> op instanceof Op.Attention a
                ? new Op.Attention(a.out(), a.q(), a.source(), a.keyHeads(), a.scale(), a.window(), 0)
                : op), "Attention/F16/.*cap", "NMSE");
        caught(replacing(op -> op instanceof Op.LatentAttention a
                ? new Op.LatentAttention(a.out(), a.q(), a.qRope(), a.source(), a.scale() * 1.001f)
                : op), "LatentAttention/F16/16x", "NMSE");
    }

    @Test
    void routingThatForgetsAParameter() {
        caught(replacing(op -> op instanceof Op.GateExperts g
                ? new Op.GateExperts(g.ids(), g.weights(), g.in(), g.router(), Optional.empty(), g.routing())
                : op), "GateExperts/v3", "experts");
        caught(replacing(op -> op instanceof Op.GateExperts g
                ? new Op.GateExperts(g.ids(), g.weights(), g.in(), g.router(), g.bias(), Routing.plain(g.routing().scoring(), g
                        .routing().experts(), g.routing().used(), g.routing().normalise(), g.routing().scale()))
                : op), "GateExperts/v2", "experts");
        caught(replacing(op -> op instanceof Op.GateExperts g
                ? new Op.GateExperts(g.ids(), g.weights(), g.in(), g.router(), g.bias(), with(g.routing(),
                        Routing.GroupScore.MAX))
                : op), "GateExperts/v3", "experts");
    }

    private static Routing with(Routing r, Routing.GroupScore score) {
        return new Routing(r.scoring(), r.experts(), r.used(), r.groups(), r.groupsUsed(), score, r.normalise(), r.scale());
    }

    @Test
    void otherArithmetic() {
        caught(replacing(op -> op instanceof Op.RmsNorm n ? new Op.RmsNorm(n.out(), n.in(), n.weight(), 1e-5f) : op),
                "RmsNorm/tiny", "NMSE");
        caught(replacing(op -> op instanceof Op.MatMul m ? new Op.MatMul(m.out(), m.in(), m.weight()) : op), "MatMul/.*bias",
                "NMSE");
        // Angles in single precision are not enough far from the start.
        caught(replacing(op -> op instanceof Op.Rope r
                ? new Op.Rope(r.out(), r.in(), new Rotation(r.rotation().pairing(), r.rotation().frequencies().stream().map(
                        f -> (double) f.floatValue()).toList(), r.rotation().magnitude()))
                : op), "Rope/.*far", "NMSE");
        caught(replacing(op -> op instanceof Op.Rope r
                ? new Op.Rope(r.out(), r.in(), new Rotation(Rotation.Pairing.HALVES, r.rotation().frequencies(), r.rotation()
                        .magnitude()))
                : op), "Layer/deepseek2/Q4_K_M/WHOLE", "rows have other experts");
    }

    @Test
    void stepThatIsNotTakenOver() {
        caught(new BrokenDevice() {
            @Override
            boolean readsStepLate() {
                return true;
            }
        }, "Embed/Q4_K", "NMSE");
    }

    @Test
    void raceThatShowsOnlyNowAndThen() {
        Device device = new BrokenDevice() {
            @Override
            void spoil(Slot slot, MemorySegment cells, int rows, int run) {
                if (run > 12 && run % 5 == 0) {
                    cells.setAtIndex(JAVA_FLOAT, 0, cells.getAtIndex(JAVA_FLOAT, 0) + 1);
                }
            }
        };
        String only = "MatMul/Q4_K/100x\\d+/b8";
        assertEquals(List.of(), failures(new Kit(device, only)), "two steps are not enough to see it");
        ConformanceKit kit = new Kit(device, only) {
            @Override
            protected int repeats() {
                return 20;
            }
        };
        assertEquals(1, failures(kit).size());
    }

    @Test
    void supportThatIsNotWhatIsMeant() {
        class Picky extends BrokenDevice {
            private final String reason;

            Picky(String reason) {
                this.reason = reason;
            }

            @Override
            public Support supports(Op op, CompileOptions options) {
                boolean refused = op.tensors().stream().anyMatch(weight -> weight.type() == QuantType.IQ1_M);
                return refused ? Support.no(reason) : super.supports(op, options);
            }

            @Override
            public Executable compile(List<Program> parts, CompileOptions options) {
                if (parts.stream().flatMap(part -> part.tensors().stream()).anyMatch(w -> w.type() == QuantType.IQ1_M)) {
                    throw new DeviceException("no IQ1_M");
                }
                return super.compile(parts, options);
            }
        }

        class Meant extends Kit {
            Meant(Device device) {
                super(device, "MatMul/IQ1_M/3x");
            }

            @Override
            protected boolean expectedSupport(Class<? extends Op> op, QuantType type) {
                return type != QuantType.IQ1_M;
            }
        }

        caught(new Picky("no grid here"), "MatMul/IQ1_M/3x", "no grid here");
        assertEquals(List.of(), failures(new Meant(new Picky("no grid here"))));
        assertTrue(failures(new Meant(new Picky(""))).getFirst().contains("no reason given"));
        assertTrue(failures(new Meant(new BrokenDevice())).getFirst().contains("not meant to run"));
    }

    @Test
    void everyOpTypeAndCacheHasCases() {
        Set<Class<?>> ops = new HashSet<>();
        EnumSet<Cache.Type> caches = EnumSet.noneOf(Cache.Type.class);
        Set<String> products = new HashSet<>();
        Set<String> names = new HashSet<>();
        for (Case c : ConformanceKit.cases()) {
            assertTrue(names.add(c.name()), "two cases are called " + c.name());
            try (Arena arena = Arena.ofShared()) {
                Scenario scenario = c.build().apply(new RandomData(1, arena));
                for (Op op : scenario.program().ops()) {
                    ops.add(op.getClass());
                    op.cache().ifPresent(cache -> caches.add(scenario.cacheType()));
                    op.tensors().forEach(weight -> products.add(op.name() + weight.type()));
                }
            }
        }
        assertEquals(Set.of(Op.class.getPermittedSubclasses()), ops);
        assertEquals(EnumSet.allOf(Cache.Type.class), caches);
        for (QuantType type : QuantType.values()) {
            for (String op : List.of("Embed", "MatMul", "HeadMatMul", "ExpertMatMul", "GateExperts", "RmsNorm")) {
                assertTrue(products.contains(op + type), "no case of " + op + " with " + type);
            }
        }
    }

    @Test
    void tinySizeStillMeetsEveryType() {
        Set<String> names = new HashSet<>();
        new Kit(new BrokenDevice(), "") {
            @Override
            protected Size size() {
                return Size.TINY;
            }
        }.conformance().forEach(test -> names.add(test.getDisplayName().replaceAll("^(\\w+/\\w+).*", "$1")));
        for (QuantType type : QuantType.values()) {
            for (String op : List.of("Embed", "MatMul", "HeadMatMul", "ExpertMatMul")) {
                assertTrue(names.contains(op + "/" + type), "no tiny case of " + op + " with " + type);
            }
        }
    }

    @Test
    void reportHasEveryOpAndType() {
        Set<String> ops = new HashSet<>(ConformanceReport.others().keySet());
        ConformanceReport.products(QuantType.F32).forEach(op -> ops.add(op.name()));
        Set<String> all = new HashSet<>();
        for (Class<?> op : Op.class.getPermittedSubclasses()) {
            all.add(op.getSimpleName());
        }
        assertEquals(all, ops);
        String text = ConformanceReport.markdown(List.of(new BrokenDevice() {
            @Override
            public Support supports(Op op, CompileOptions options) {
                return op instanceof Op.Embed embed && embed.table().type() == QuantType.TQ1_0
                        ? Support.no("not yet ternary")
                        : super.supports(op, options);
            }
        }));
        assertTrue(text.contains("| Q4_K | yes |\n"), text);
        assertTrue(text.contains("| TQ1_0 | not Embed |\n"), text);
        assertTrue(text.contains("- reference, TQ1_0: not yet ternary\n"), text);
    }

    @Test
    void weightsAreSaneInEveryBlock() {
        try (Arena arena = Arena.ofShared()) {
            RandomData data = new RandomData(7, arena);
            for (QuantType type : QuantType.values()) {
                Weight weight = data.weight("w", type, 2, 3, 512);
                float[] row = new float[512];
                for (int matrix = 0; matrix < 2; matrix++) {
                    type.codec().decode(weight.data(), weight.offset(matrix, 2), row, 0, 512);
                    double sum = 0;
                    for (float value : row) {
                        sum += value * value;
                    }
                    double rms = Math.sqrt(sum / 512);
                    assertTrue(rms > RandomData.WEIGHT_RMS / 3 && rms < RandomData.WEIGHT_RMS * 3, type + " has " + rms);
                }
            }
        }
    }
}
