package org.crema.model.arch;

import org.crema.kernels.Rotation;
import org.crema.model.gguf.GgufFile;

/** Qwen 2 and 2.5: biases on query, key and value. arXiv 2407.10671. */
final class Qwen2 implements Architecture {
    @Override
    public String name() {
        return "qwen2";
    }

    @Override
    public ModelGraph graph(GgufFile file, ArchitectureOptions options) {
        return new GroupedQueryModel(name(), file, Rotation.Pairing.HALVES).graph();
    }
}
