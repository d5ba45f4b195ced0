package org.crema.backend.vulkan;

import java.lang.foreign.Arena;
import java.util.List;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Compiler;
import org.crema.kernels.gpu.Counts;
import org.crema.kernels.gpu.Plan;
import org.lwjgl.vulkan.VkCommandBuffer;

/** Runs two additions, of which one needs what the other wrote; prints what the validation layer says. */
final class MissingBarrier {
    private static final int COLUMNS = 64;

    private MissingBarrier() {}

    public static void main(String[] args) {
        boolean barriers = args[0].equals("with barriers");
        Program.Builder builder = new Program.Builder("additions");
        Slot in = builder.input("in", Rows.TOKENS, COLUMNS, Element.F32);
        Slot twice = builder.slot("twice", Rows.TOKENS, COLUMNS);
        Slot four = builder.slot("four", Rows.TOKENS, COLUMNS);
        Program program = builder.add(new Op.Add(twice.all(), in.all(), in.all())).add(new Op.Add(four.all(), twice.all(), twice
                .all())).build(four);
        Limits limits = Limits.single(32, 4, 1);
        Facts facts = Facts.of(Instance.get().devices().getFirst());
        try (Arena arena = Arena.ofShared();
                VulkanDriver driver = new VulkanDriver(0, facts, facts.tuning());
                VulkanQueue queue = new VulkanQueue(driver, false)) {
            Plan plan = new Plan(List.of(program), new CompileOptions(Precision.F32, Cache.Type.F16, limits), driver.capacity(),
                    driver.tuning(), driver.features());
            List<Call> calls = new Compiler(plan, driver.capacity(), driver.tuning(), driver.features()).compile(List.of(program))
                    .getFirst();
            VulkanPart part = new VulkanPart(driver, queue, calls, new Cells(queue.allocate(plan.arenaBytes())), false) {
                @Override
                void between(VkCommandBuffer commands) {
                    if (barriers) {
                        super.between(commands);
                    }
                }
            };
            Step step = new Step(limits, arena);
            step.addSequence(new int[] {0}, 1);
            step.addToken(0, 0, 0, true);
            Counts counts = new Counts();
            counts.take(step);
            part.run(counts);
            queue.finish();
            part.release();
        }
        Instance.get().messages().forEach(System.out::println);
    }

    /** Additions need the arena only. */
    private record Cells(VulkanBuffer arena) implements Binding<VulkanBuffer> {
        @Override
        public VulkanBuffer shared(Call.Argument.Shared which) {
            return arena;
        }

        @Override
        public VulkanBuffer weight(Weight weight) {
            throw new IllegalStateException("no weights here");
        }

        @Override
        public VulkanBuffer cache(Cache cache) {
            throw new IllegalStateException("no caches here");
        }
    }
}
