package org.crema.model.arch;

import org.crema.kernels.Rotation;
import org.crema.model.gguf.GgufFile;

/** Llama 2 and 3 and what shares their layout (Mistral, Mixtral with its softmax over the chosen experts). arXiv 2302.13971. */
final class Llama implements Architecture {
    @Override
    public String name() {
        return "llama";
    }

    @Override
    public ModelGraph graph(GgufFile file, ArchitectureOptions options) {
        return new GroupedQueryModel(name(), file, Rotation.Pairing.ADJACENT).graph();
    }
}
