package org.crema.kernels;

/** A device could not be opened, could not take a program, or failed while running one. The message says what to do. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    /** The device's memory is too small. Whatever was allocated for the request is free again. */
    public static final class OutOfMemory extends DeviceException {
        private static final long serialVersionUID = 1L;
        private final long need;
        private final long have;

        /**
         * @param device id of the device
         * @param need bytes that the request takes
         * @param have bytes that are free
         * @param remedy what the user can do
         */
        public OutOfMemory(String device, long need, long have, String remedy) {
            super("%s: needs %,d MiB, has %,d MiB free; %s".formatted(device, Math.ceilDiv(need, 1L << 20), have >> 20, remedy));
            this.need = need;
            this.have = have;
        }

        public long need() {
            return need;
        }

        public long have() {
            return have;
        }
    }
}
