package org.crema.cli;

import java.io.PrintStream;

/** Where commands write: answers to standard output, everything else to standard error. */
final class Console {
    private static PrintStream out = System.out;
    private static PrintStream err = System.err;

    private Console() {}

    static void set(PrintStream output, PrintStream errors) {
        out = output;
        err = errors;
    }

    static PrintStream out() {
        return out;
    }

    static PrintStream err() {
        return err;
    }
}
