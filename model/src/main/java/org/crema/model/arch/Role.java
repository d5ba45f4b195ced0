package org.crema.model.arch;

/** What an op is for; placement moves ops of one layer and role together. */
public enum Role {
    /** Token embedding. */
    EMBEDDING,
    /** Norms, projections, cache and attention of a layer, and its residual sum. */
    ATTENTION,
    /** A dense feed-forward layer, or the router, the shared experts and the residual sum of a mixture. */
    FEED_FORWARD,
    /** The routed experts of a mixture. */
    EXPERTS,
    /** Last norm and output projection. */
    HEAD
}
