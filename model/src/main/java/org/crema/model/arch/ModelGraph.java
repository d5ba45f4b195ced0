package org.crema.model.arch;

import java.util.List;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;

/**
 * A model as an {@link Architecture} gives it.
 *
 * @param program from token ids to logits
 * @param tags layer and role of each op of the program
 * @param logits the program's output, OUTPUTS × vocabulary
 * @param vocabulary rows of the output projection
 * @param layers transformer layers
 * @param embedding columns of the residual stream
 * @param trainedContext tokens that the model was trained for, as the file says
 */
public record ModelGraph(Program program, List<Tag> tags, Slot logits, int vocabulary, int layers, int embedding,
        int trainedContext) {
    public ModelGraph {
        tags = List.copyOf(tags);
        if (tags.size() != program.ops().size()) {
            throw new IllegalArgumentException(tags.size() + " tags for " + program.ops().size() + " ops");
        }
    }

    /**
     * Where an op belongs.
     *
     * @param layer from 0; -1 for the embedding, {@link #layers} for the head
     * @param role what it is for
     */
    public record Tag(int layer, Role role) {}
}
