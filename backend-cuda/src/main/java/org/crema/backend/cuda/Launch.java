package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static org.crema.backend.cuda.CudaFailure.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Counts;

/** A call as a kernel with its parameters, which are written once: the driver copies them from there with each launch. */
final class Launch {
    /** Of any parameter: that of the largest vector. */
    private static final int ALIGNMENT = 16;
    private static final int DIMENSIONS = 3;

    private final Call call;
    private final CUfunction function;
    private final int sharedBytes;
    private final Pointer parameters;
    private final long[] counted = new long[DIMENSIONS];

    /** @param arena of the parameters */
    Launch(Call call, Modules modules, Binding<Memories.OnDevice> memory, Arena arena) {
        this.call = call;
        function = modules.function(call);
        sharedBytes = SharedMemory.bytes(call.entry(), call.kernels().constants());
        List<MemorySegment> values = new ArrayList<>();
        call.arguments().forEach(argument -> values.add(value(argument, memory, arena)));
        // What other drivers compile for, besides what is in the tuning and in the kernel's name.
        Set<String> tuned = CudaBackend.TUNING.constants().keySet();
        new TreeMap<>(call.kernels().constants()).forEach((name, value) -> {
            if (!tuned.contains(name) && !Modules.named(name)) {
                values.add(arena.allocateFrom(ValueLayout.JAVA_INT, value));
            }
        });
        MemorySegment table = arena.allocate(ValueLayout.JAVA_LONG, values.size());
        for (int i = 0; i < values.size(); i++) {
            table.setAtIndex(ValueLayout.JAVA_LONG, i, values.get(i).address());
        }
        parameters = Memories.pointer(table);
    }

    private static MemorySegment value(Argument argument, Binding<Memories.OnDevice> memory, Arena arena) {
        return switch (argument) {
            case Argument.Shared shared -> address(memory.shared(shared), arena);
            case Argument.Tensor tensor -> address(memory.weight(tensor.weight()), arena);
            case Argument.Pages pages -> address(memory.cache(pages.cache()), arena);
            case Argument.Ints ints -> {
                int[] words = ints.values().stream().mapToInt(Integer::intValue).toArray();
                yield arena.allocate((long) Integer.BYTES * words.length, ALIGNMENT).copyFrom(MemorySegment.ofArray(words));
            }
            case Argument.Wide wide -> arena.allocateFrom(ValueLayout.JAVA_LONG, wide.value());
            case Argument.Real real -> arena.allocateFrom(ValueLayout.JAVA_FLOAT, real.value());
        };
    }

    private static MemorySegment address(Memories.OnDevice memory, Arena arena) {
        return arena.allocateFrom(ValueLayout.JAVA_LONG, memory.address());
    }

    /** What it computes, for messages. */
    String name() {
        return call.name();
    }

    /** Writes how many blocks a step needs to three numbers from {@code at}, zeros if it needs none. */
    void count(Counts counts, int[] blocks, int at) {
        boolean any = call.groups(counts, counted);
        for (int d = 0; d < DIMENSIONS; d++) {
            blocks[at + d] = any ? Math.toIntExact(counted[d]) : 0;
        }
    }

    /** Puts it into a stream, with the three numbers of blocks from {@code at}. */
    void enqueue(CUstream stream, int[] blocks, int at) {
        check(cuLaunchKernel(function, blocks[at], blocks[at + 1], blocks[at + 2], call.group(), 1, 1, sharedBytes, stream,
                parameters, null), "cuLaunchKernel");
    }
}
