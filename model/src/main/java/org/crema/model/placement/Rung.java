package org.crema.model.placement;

/**
 * A way to place a model on accelerators and a host.
 *
 * @param hostExperts layers below this one have their routed experts on the host
 * @param hostLayers layers below this one are on the host as a whole; the head too if {@link #allHost}
 * @param layers of the model
 */
record Rung(int hostExperts, int hostLayers, int layers) {
    /** No accelerator takes part, not even for the head. */
    boolean allHost() {
        return hostLayers > layers;
    }

    /**
     * In words.
     *
     * @param mixture whether the model has routed experts
     */
    String describe(boolean mixture) {
        if (allHost()) {
            return "everything on the host";
        }
        if (hostLayers == layers) {
            return "all layers on the host, the head on an accelerator";
        }
        String where = hostLayers == 0 ? "all layers on accelerators" : "layers from " + hostLayers + " on accelerators";
        if (!mixture || hostExperts == 0) {
            return where;
        }
        return where + (hostExperts >= layers
                ? ", all routed experts on the host"
                : ", routed experts of layers below " + hostExperts + " on the host");
    }
}
