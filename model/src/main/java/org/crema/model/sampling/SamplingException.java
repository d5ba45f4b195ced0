package org.crema.model.sampling;

/** No token can be chosen from these logits. Ends the request that they belong to, no other. */
public final class SamplingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SamplingException(String message) {
        super(message);
    }
}
