package org.crema.model.arch;

import org.crema.kernels.Rotation;
import org.crema.model.gguf.GgufFile;

/** Qwen 3 with a mixture of experts in every layer, their weights normalised. arXiv 2505.09388. */
final class Qwen3Moe implements Architecture {
    @Override
    public String name() {
        return "qwen3moe";
    }

    @Override
    public ModelGraph graph(GgufFile file, ArchitectureOptions options) {
        return new GroupedQueryModel(name(), file, Rotation.Pairing.HALVES).graph();
    }
}
