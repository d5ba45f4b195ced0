package org.crema.backend.cpu;

import java.util.List;
import org.crema.kernels.Op;

/** A piece of a compiled program. Made once; a step runs it with nothing allocated. */
interface Task {
    void run(Batch batch, Pool pool);

    /**
     * A task with the ops that it does, for messages and measurements.
     *
     * @param name of the ops and what they write
     * @param ops what it does
     * @param task does them
     */
    record Named(String name, List<Op> ops, Task task) {}
}
