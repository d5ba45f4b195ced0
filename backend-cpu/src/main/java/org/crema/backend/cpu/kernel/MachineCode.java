package org.crema.backend.cpu.kernel;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * Functions made of machine code, for the few instructions that Java has no word for. Linux on x86-64 only; memory is writable first and
 * executable then, never both. They are called without a change of the thread's state, so each has to return within microseconds.
 */
final class MachineCode {
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int NO_FILE = -1;
    private static final long PAGE = 4096;

    private MachineCode() {}

    /** Why there can be none on this machine; empty if there can. */
    static String missing() {
        String os = System.getProperty("os.name");
        String processor = System.getProperty("os.arch");
        return os.equals("Linux") && processor.equals("amd64")
                ? ""
                : "made for Linux on x86-64, not for " + os + " on " + processor;
    }

    /**
     * Makes functions of four numbers (rdi, rsi, rdx, rcx) that return nothing.
     *
     * @throws UnsupportedOperationException if the system does not allow it
     */
    static MethodHandle[] functions(List<byte[]> codes) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup c = linker.defaultLookup();
        long length = codes.stream().mapToLong(MachineCode::room).sum();
        try {
            MethodHandle mmap = linker.downcallHandle(c.findOrThrow("mmap"), FunctionDescriptor.of(ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
            MethodHandle mprotect = linker.downcallHandle(c.findOrThrow("mprotect"), FunctionDescriptor.of(ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
            long start = (long) mmap.invokeExact(0L, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NO_FILE, 0L);
            if (start == -1) {
                throw new UnsupportedOperationException("the system gave no memory for code");
            }
            MemorySegment memory = MemorySegment.ofAddress(start).reinterpret(length);
            MethodHandle[] functions = new MethodHandle[codes.size()];
            long at = 0;
            for (int i = 0; i < functions.length; i++) {
                byte[] code = codes.get(i);
                MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, at, code.length);
                functions[i] = linker.downcallHandle(memory.asSlice(at), FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG), Linker.Option.critical(false));
                at += room(code);
            }
            if ((int) mprotect.invokeExact(start, length, PROT_READ | PROT_EXEC) != 0) {
                throw new UnsupportedOperationException("the system lets no program make code");
            }
            return functions;
        } catch (UnsupportedOperationException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("machine code", e);
        }
    }

    /** Bytes that a function takes: whole pages, as the system gives them. */
    private static long room(byte[] code) {
        return (code.length + PAGE - 1) / PAGE * PAGE;
    }
}
