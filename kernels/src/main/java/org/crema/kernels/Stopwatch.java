package org.crema.kernels;

import java.util.ArrayList;
import java.util.List;

/** Sums the times of an executable's pieces; for backends. */
public final class Stopwatch {
    private final List<Piece> pieces = new ArrayList<>();

    private static final class Piece {
        private final int part;
        private final List<Op> ops;
        private long runs;
        private long nanos;

        private Piece(int part, List<Op> ops) {
            this.part = part;
            this.ops = List.copyOf(ops);
        }
    }

    /** Makes an empty one. */
    public Stopwatch() {}

    /** Adds a piece, in the order in which they will run; returns its number. */
    public int piece(int part, List<Op> ops) {
        pieces.add(new Piece(part, ops));
        return pieces.size() - 1;
    }

    /** A piece ran once. */
    public void add(int piece, long nanos) {
        add(piece, 1, nanos);
    }

    /** A piece ran several times, all together so long. */
    public void add(int piece, long runs, long nanos) {
        pieces.get(piece).runs += runs;
        pieces.get(piece).nanos += nanos;
    }

    /** The sums since the last call, of pieces that ran. */
    public List<Timing> take() {
        List<Timing> taken = new ArrayList<>();
        for (Piece piece : pieces) {
            if (piece.runs > 0) {
                taken.add(new Timing(piece.part, piece.ops, piece.runs, piece.nanos));
                piece.runs = 0;
                piece.nanos = 0;
            }
        }
        return taken;
    }
}
