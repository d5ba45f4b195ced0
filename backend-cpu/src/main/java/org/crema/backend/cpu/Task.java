package org.crema.backend.cpu;

/** A piece of a compiled program. Made once; a step runs it with nothing allocated. */
interface Task {
    void run(Batch batch, Pool pool);

    /**
     * A task with the ops that it does, for messages and measurements.
     *
     * @param name of the ops and what they write
     * @param task does them
     */
    record Named(String name, Task task) {}
}
