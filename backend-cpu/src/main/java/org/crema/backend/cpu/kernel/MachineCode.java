package org.crema.backend.cpu.kernel;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Functions made of machine code, for the few instructions that Java has no word for. Linux on x86-64 only; memory is writable first and
 * executable then, never both. They are called without a change of the thread's state, so each has to return within microseconds: where weights
 * still have to be read from a disk, the collector waits for that. The JVM cannot make exceptions of faults in them: a mapped file that is cut short while it
 * is in use ends the program, where Java code would get an {@code InternalError}.
 */
final class MachineCode {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int NO_FILE = -1;
    private static final long FAILED = -1;
    private static final int NUMBERS = 6;
    /** Floats of the vectors that all code is made of. */
    private static final int LANES = 16;
    private static final long VECTOR = LANES * Float.BYTES;

    private MachineCode() {}

    /** Apart, since they are made only where there are functions. */
    private static final class Call {
        static final MethodHandle MMAP = of("mmap", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
        static final MethodHandle MPROTECT = of("mprotect", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        /** One for all functions, since it is quick only as a constant. */
        static final MethodHandle HANDLE = Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(
                Collections.nCopies(NUMBERS, ValueLayout.JAVA_LONG).toArray(MemoryLayout[]::new)), Linker.Option.critical(false));

        private static MethodHandle of(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
        }
    }

    /** The processor's, read once. */
    private static final class Flags {
        static final Set<String> ALL = flags();
    }

    /**
     * Why there can be none on this machine; empty if there can.
     *
     * @param property system property that may be {@code off}
     * @param flags of the processor, as Linux calls them
     */
    static String missing(String property, String... flags) {
        String wanted = System.getProperty(property, "on");
        if (wanted.equals("off")) {
            return property + "=off";
        }
        if (!wanted.equals("on")) {
            throw new IllegalArgumentException(property + " must be on or off, not " + wanted);
        }
        String os = System.getProperty("os.name");
        String processor = System.getProperty("os.arch");
        if (!os.equals("Linux") || !processor.equals("amd64")) {
            return "made for Linux on x86-64, not for " + os + " on " + processor;
        }
        if (Species.LANES != LANES) {
            return "vectors of " + Species.LANES * Float.SIZE + " bits";
        }
        for (String flag : flags) {
            if (!Flags.ALL.contains(flag)) {
                return "the processor has no " + flag.toUpperCase(Locale.ROOT);
            }
        }
        return "";
    }

    private static Set<String> flags() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.UTF_8).stream()
                    .filter(line -> line.startsWith("flags")).findFirst()
                    .map(line -> Set.copyOf(Arrays.asList(line.split("\\s+")))).orElse(Set.of());
        } catch (IOException e) {
            // A container may hide it; then nothing is known of the processor.
            return Set.of();
        }
    }

    /**
     * Makes functions of up to six whole numbers (rdi, rsi, rdx, rcx, r8, r9) that return nothing.
     *
     * @throws UnsupportedOperationException if the system does not allow it
     */
    static MemorySegment[] functions(List<byte[]> codes) {
        long length = codes.stream().mapToLong(MachineCode::room).sum();
        long start;
        int refused;
        try {
            start = (long) Call.MMAP.invokeExact(0L, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NO_FILE, 0L);
            if (start == FAILED) {
                throw new UnsupportedOperationException("the system gave no memory for code");
            }
            MemorySegment memory = MemorySegment.ofAddress(start).reinterpret(length);
            long at = 0;
            for (byte[] code : codes) {
                MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, at, code.length);
                at += room(code);
            }
            refused = (int) Call.MPROTECT.invokeExact(start, length, PROT_READ | PROT_EXEC);
        } catch (UnsupportedOperationException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("memory for machine code", e);
        }
        if (refused != 0) {
            throw new UnsupportedOperationException("the system lets no program make code");
        }
        MemorySegment[] functions = new MemorySegment[codes.size()];
        long at = start;
        for (int i = 0; i < functions.length; i++) {
            functions[i] = MemorySegment.ofAddress(at);
            at += room(codes.get(i));
        }
        return functions;
    }

    /** Calls a function, with as many of the numbers as it takes. */
    static void call(MemorySegment function, long first, long second, long third, long fourth, long fifth, long sixth) {
        try {
            Call.HANDLE.invokeExact(function, first, second, third, fourth, fifth, sixth);
        } catch (Throwable e) {
            throw new IllegalStateException("machine code", e);
        }
    }

    /** Bytes that a function takes: its constants are vectors at multiples of their size. */
    private static long room(byte[] code) {
        return (code.length + VECTOR - 1) / VECTOR * VECTOR;
    }
}
