package org.crema.bench.jmh;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a benchmark did beside being called: shown as rates of their own. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Moved {
    /** 10⁹ bytes of weights that were read. */
    public double gigabytes;
    /** 10⁹ operations, a multiply-add counted as two. */
    public double gigaflops;

    void weights(long bytes, double operations) {
        gigabytes += bytes * 1e-9;
        gigaflops += operations * 1e-9;
    }
}
