package org.crema.backend.vulkan;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Call.Argument;

/** Arguments of calls as uniform blocks, by the rules of std140. Buffers are bound; a tensor is the address of its first byte. */
final class Parameters {
    /** Of a block: the most that a device may ask for. */
    private static final int ALIGNMENT = 256;
    private static final int WORD = Integer.BYTES;
    /** A vector of four, also in an array. */
    private static final int VECTOR = 4 * WORD;

    private Parameters() {}

    /** A field of one word or more. */
    private record Field(long at, List<Integer> words) {}

    /** The parameters of a call, `bytes` at `at`. */
    record Block(long at, long bytes, List<Field> fields) {
        long end() {
            return Math.ceilDiv(at + bytes, ALIGNMENT) * ALIGNMENT;
        }

        void write(MemorySegment memory) {
            for (Field field : fields) {
                for (int i = 0; i < field.words().size(); i++) {
                    memory.set(ValueLayout.JAVA_INT, field.at() + (long) WORD * i, field.words().get(i));
                }
            }
        }
    }

    /** The block of a call whose place is `at`. */
    static Block of(Call call, long at, Binding<VulkanBuffer> binding) {
        List<Field> fields = new ArrayList<>();
        long end = at;
        for (Argument argument : call.arguments()) {
            end = switch (argument) {
                case Argument.Shared _,Argument.Pages _ -> end;
                case Argument.Tensor tensor -> add(fields, end, Long.BYTES, wide(binding.weight(tensor.weight()).address()));
                case Argument.Wide wide -> add(fields, end, Long.BYTES, wide(wide.value()));
                case Argument.Real real -> add(fields, end, WORD, List.of(Float.floatToRawIntBits(real.value())));
                case Argument.Ints ints -> add(fields, end, Math.min(VECTOR, WORD * ints.values().size()), ints.values());
            };
        }
        // A block's size is that of whole vectors.
        return new Block(at, Math.ceilDiv(end - at, VECTOR) * VECTOR, fields);
    }

    private static List<Integer> wide(long value) {
        return List.of((int) value, (int) (value >>> 32));
    }

    /** Adds a field behind the others; returns where it ends. */
    private static long add(List<Field> fields, long end, int alignment, List<Integer> words) {
        long at = Math.ceilDiv(end, alignment) * alignment;
        fields.add(new Field(at, words));
        return at + (long) WORD * words.size();
    }
}
