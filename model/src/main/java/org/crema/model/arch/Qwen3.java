package org.crema.model.arch;

import org.crema.kernels.Rotation;
import org.crema.model.gguf.GgufFile;

/** Qwen 3, dense: norms on each head's query and key. arXiv 2505.09388. */
final class Qwen3 implements Architecture {
    @Override
    public String name() {
        return "qwen3";
    }

    @Override
    public ModelGraph graph(GgufFile file, ArchitectureOptions options) {
        return new GroupedQueryModel(name(), file, Rotation.Pairing.HALVES).graph();
    }
}
