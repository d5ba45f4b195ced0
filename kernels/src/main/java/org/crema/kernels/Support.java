package org.crema.kernels;

/**
 * Whether a device can do something.
 *
 * @param ok whether it can
 * @param reason why not, in words for the user; empty if it can
 */
public record Support(boolean ok, String reason) {
    private static final Support YES = new Support(true, "");

    public static Support yes() {
        return YES;
    }

    public static Support no(String reason) {
        return new Support(false, reason);
    }
}
