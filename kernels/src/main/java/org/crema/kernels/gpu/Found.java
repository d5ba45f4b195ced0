package org.crema.kernels.gpu;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;

/**
 * What a backend found: devices that can be used, GPUs before processors and else in the order of the driver, and in words why
 * others cannot.
 *
 * @param <F> what is known about a device
 */
public record Found<F extends Found.Facts>(List<F> devices, List<String> rejections) {
    /** What a device says about itself. */
    public interface Facts {
        String name();

        /** The device, for people. */
        default String label() {
            return name();
        }

        /** Why it cannot be used, in words; empty if it can. */
        String rejection();

        /** Whether it is the CPU. */
        default boolean processor() {
            return false;
        }
    }

    public Found {
        devices = List.copyOf(devices);
        rejections = List.copyOf(rejections);
    }

    /** No device at all, for one reason. */
    public static <F extends Facts> Found<F> nothing(String why) {
        return new Found<>(List.of(), List.of(why));
    }

    /**
     * Whether a driver's library is on this machine: bindings print or throw when they do not find it, so that they must not be touched
     * then.
     *
     * @param names what it may be called
     */
    public static boolean library(List<String> names) {
        return names.stream().anyMatch(Found::loads);
    }

    private static boolean loads(String name) {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup(name, arena);
            return true;
        } catch (IllegalArgumentException absent) {
            return false;
        }
    }

    /**
     * A device.
     *
     * @param kind of device, for people
     * @throws DeviceException if there is none of this number
     */
    public F get(String kind, int index) {
        if (index < 0 || index >= devices.size()) {
            throw new DeviceException("there is no " + kind + " device " + index + "; found " + devices.size()
                    + (rejections.isEmpty() ? "" : ", rejected: " + String.join("; ", rejections)));
        }
        return devices.get(index);
    }

    /** @param info of a number and a device */
    public Backend.Discovery discovery(BiFunction<Integer, F, DeviceInfo> info) {
        List<DeviceInfo> infos = new ArrayList<>();
        for (int i = 0; i < devices.size(); i++) {
            infos.add(info.apply(i, devices.get(i)));
        }
        return new Backend.Discovery(infos, rejections);
    }

    /** Looks at one device after the other. */
    public static final class Search<F extends Facts> {
        private final Class<? extends RuntimeException> failure;
        private final List<F> gpus = new ArrayList<>();
        private final List<F> processors = new ArrayList<>();
        private final List<String> rejections = new ArrayList<>();

        /** @param failure what the binding throws */
        public Search(Class<? extends RuntimeException> failure) {
            this.failure = failure;
        }

        /**
         * Looks at a device; one that does not answer does not stand in the way of others.
         *
         * @param which what is known of it before it answers
         */
        public void look(String which, Supplier<F> ask) {
            try {
                F facts = ask.get();
                if (facts.rejection().isEmpty()) {
                    (facts.processor() ? processors : gpus).add(facts);
                } else {
                    reject(facts.label() + ": " + facts.rejection());
                }
            } catch (RuntimeException e) {
                if (!failure.isInstance(e)) {
                    throw e;
                }
                reject(which + " does not answer, " + e.getMessage());
            }
        }

        /** Notes why something cannot be used. */
        public void reject(String why) {
            rejections.add(why);
        }

        public Found<F> found() {
            List<F> all = new ArrayList<>(gpus);
            all.addAll(processors);
            return new Found<>(all, rejections);
        }
    }
}
