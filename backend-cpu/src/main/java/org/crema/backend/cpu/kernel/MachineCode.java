package org.crema.backend.cpu.kernel;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

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
     * Makes a function of four numbers (rdi, rsi, rdx, rcx) that returns nothing.
     *
     * @throws UnsupportedOperationException if the system does not allow it
     */
    static MethodHandle function(byte[] code) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup c = linker.defaultLookup();
        long length = (code.length + PAGE - 1) / PAGE * PAGE;
        try {
            MethodHandle mmap = linker.downcallHandle(c.findOrThrow("mmap"), FunctionDescriptor.of(ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
            MethodHandle mprotect = linker.downcallHandle(c.findOrThrow("mprotect"), FunctionDescriptor.of(ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
            long page = (long) mmap.invokeExact(0L, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, NO_FILE, 0L);
            if (page == -1) {
                throw new UnsupportedOperationException("the system gave no memory for code");
            }
            MemorySegment memory = MemorySegment.ofAddress(page).reinterpret(length);
            MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
            if ((int) mprotect.invokeExact(page, length, PROT_READ | PROT_EXEC) != 0) {
                throw new UnsupportedOperationException("the system lets no program make code");
            }
            return linker.downcallHandle(memory, FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG), Linker.Option.critical(false));
        } catch (UnsupportedOperationException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("machine code", e);
        }
    }
}
