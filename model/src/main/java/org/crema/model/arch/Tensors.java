package org.crema.model.arch;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.Set;
import org.crema.kernels.Weight;
import org.crema.model.gguf.GgufException;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufTensor;

/** A file's tensors as weights of the shapes that an architecture expects. Remembers what was asked for. */
final class Tensors {
    private final GgufFile file;
    private final Set<String> unused = new TreeSet<>();

    Tensors(GgufFile file) {
        this.file = file;
        file.tensors().forEach(tensor -> unused.add(tensor.name()));
    }

    boolean has(String name) {
        return file.tensor(name).isPresent();
    }

    /** A vector. */
    Weight vector(String name, int columns) {
        return weight(name, 1, 1, columns);
    }

    /** A matrix of rows × columns. */
    Weight matrix(String name, int rows, int columns) {
        return weight(name, 1, rows, columns);
    }

    /** A matrix with the given columns and as many rows as it has. */
    Weight matrix(String name, int columns) {
        GgufTensor tensor = require(name);
        long rows = tensor.dims().size() == 2 ? tensor.dims().get(1) : 0;
        if (rows < 1 || rows > Integer.MAX_VALUE) {
            throw wrong(tensor, "[" + columns + ", any]");
        }
        return weight(name, 1, (int) rows, columns);
    }

    /** Several matrices of rows × columns: experts or heads. */
    Weight matrices(String name, int count, int rows, int columns) {
        return weight(name, count, rows, columns);
    }

    /** A vector that only some models have. */
    Optional<Weight> optionalVector(String name, int columns) {
        return has(name) ? Optional.of(vector(name, columns)) : Optional.empty();
    }

    /** Tensors of the file that nothing asked for. */
    Set<String> unused() {
        return unused;
    }

    private Weight weight(String name, int count, int rows, int columns) {
        GgufTensor tensor = require(name);
        // Trailing dimensions of one may be left out of the file or written into it.
        long[] want = {columns, rows, count};
        List<Long> dims = tensor.dims();
        for (int d = 0; d < Math.max(3, dims.size()); d++) {
            if ((d < dims.size() ? dims.get(d) : 1) != (d < 3 ? want[d] : 1)) {
                throw wrong(tensor, Arrays.toString(want));
            }
        }
        unused.remove(name);
        return new Weight(name, tensor.type(), count, rows, columns, tensor.data());
    }

    private GgufTensor require(String name) {
        return file.tensor(name).orElseThrow(() -> new GgufException(file.name(), -1, "tensor " + name,
                "is not in the file, but its architecture needs it"));
    }

    private GgufException wrong(GgufTensor tensor, String expected) {
        return new GgufException(file.name(), -1, "tensor " + tensor.name(), "found dimensions " + tensor.dims() + ", expected "
                + expected);
    }
}
