package org.crema.backend.cpu.kernel;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.crema.backend.cpu.kernel.Evex.Width;

/**
 * Writes the machine code of x86-64 that {@link Bf16} and {@link Int8} are made of: {@linkplain Evex vector instructions} and what a loop needs.
 * Operands in memory are a base and a 32-bit displacement. Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
final class Assembler {
    /** Registers of numbers: those in which functions take theirs, in that order, and others that they may change. */
    static final int RDI = 7;
    static final int RSI = 6;
    static final int RDX = 2;
    static final int RCX = 1;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int RAX = 0;
    static final int R10 = 10;
    static final int R11 = 11;
    /** The stack; 128 bytes below it are free. */
    static final int RSP = 4;
    /** Registers that they must give back as they were. */
    static final int RBX = 3;
    static final int RBP = 5;

    private static final int NONE = 0;
    private static final int VECTOR = 64;
    private static final int NO_INDEX = 4;

    /** Bytes of memory: at a register's address, one of a table at a register's address, or of a constant. */
    record Memory(int base, int index, int scale, int displacement, boolean constant) {}

    /** A displacement at {@code at} that leads to a constant, so many bytes behind the code. */
    private record Fixup(int at, int constant) {}

    /** A jump ahead whose displacement at {@code at} leads to {@code target}. */
    private record Landing(int at, int target) {}

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private final List<byte[]> constants = new ArrayList<>();
    private final List<Fixup> fixups = new ArrayList<>();
    private final List<Landing> landings = new ArrayList<>();
    private int constantBytes;
    private int mask;

    static Memory at(int base, int displacement) {
        return new Memory(base, NO_INDEX, 0, displacement, false);
    }

    /** {@code [base + index << scale]}, both of the first eight registers. */
    static Memory entry(int base, int index, int scale) {
        return new Memory(base, index, scale, 0, false);
    }

    /** Bytes behind the code, at a multiple of 64. */
    Memory constant(byte[] bytes) {
        Memory memory = new Memory(NONE, NO_INDEX, 0, constantBytes, true);
        constants.add(bytes);
        constantBytes += (bytes.length + VECTOR - 1) / VECTOR * VECTOR;
        return memory;
    }

    /** Loads a vector of constant lanes of 32 bits. */
    void fill(int register, int... lanes) {
        ByteBuffer bytes = ByteBuffer.allocate(VECTOR).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; bytes.hasRemaining(); i++) {
            bytes.putInt(lanes[i % lanes.length]);
        }
        op(Evex.VMOVDQU32_LOAD, Width.ZMM, register, constant(bytes.array()));
    }

    /** The code and its constants. */
    byte[] code() {
        byte[] instructions = code.toByteArray();
        int data = (instructions.length + VECTOR - 1) / VECTOR * VECTOR;
        byte[] all = new byte[data + constantBytes];
        System.arraycopy(instructions, 0, all, 0, instructions.length);
        int next = data;
        for (byte[] constant : constants) {
            System.arraycopy(constant, 0, all, next, constant.length);
            next += (constant.length + VECTOR - 1) / VECTOR * VECTOR;
        }
        for (Fixup fixup : fixups) {
            // Relative to the end of the instruction, which may still have one byte: that is counted in the number written there.
            write(all, fixup.at, data + fixup.constant - (fixup.at + Integer.BYTES) - all[fixup.at]);
        }
        for (Landing landing : landings) {
            write(all, landing.at, landing.target - (landing.at + Integer.BYTES));
        }
        return all;
    }

    private static void write(byte[] to, int at, int number) {
        for (int i = 0; i < Integer.BYTES; i++) {
            to[at + i] = (byte) (number >> Byte.SIZE * i);
        }
    }

    /** The place that jumps come back to. */
    int here() {
        return code.size();
    }

    /** The next instruction writes only the lanes of this mask register. */
    Assembler masked(int k) {
        mask = k;
        return this;
    }

    /** {@code op register, second, third} */
    void op(Evex op, Width width, int register, int second, int third) {
        prefix(op, width, register, second, third >> 3 & 1, third >> 4 & 1, false);
        bytes(0xc0 | (register & 7) << 3 | third & 7);
    }

    /** The same with a number at the end. */
    void op(Evex op, Width width, int register, int second, int third, int number) {
        op(op, width, register, second, third);
        bytes(number);
    }

    /** {@code op register, third} */
    void op(Evex op, Width width, int register, int third) {
        op(op, width, register, NONE, third);
    }

    /** {@code op register, second, [memory]} */
    void op(Evex op, Width width, int register, int second, Memory memory) {
        prefix(op, width, register, second, memory.base >> 3 & 1, 0, false);
        address(register, memory, 0);
    }

    /** The same with a number at the end. */
    void op(Evex op, Width width, int register, int second, Memory memory, int number) {
        prefix(op, width, register, second, memory.base >> 3 & 1, 0, false);
        address(register, memory, 1);
        bytes(number);
    }

    /** {@code op register, [memory]} */
    void op(Evex op, Width width, int register, Memory memory) {
        op(op, width, register, NONE, memory);
    }

    /** {@code op register, second, dword [memory]{1to16}} */
    void broadcast(Evex op, Width width, int register, int second, Memory memory) {
        prefix(op, width, register, second, memory.base >> 3 & 1, 0, true);
        address(register, memory, 0);
    }

    /** {@code vpsrld register, third, bits} */
    void shiftRight(Width width, int register, int third, int bits) {
        op(Evex.VPSRLD, width, 2, register, third, bits);
    }

    private void prefix(Evex op, Width width, int register, int second, int base, int high, boolean broadcast) {
        bytes(0x62,
                not(register, 3) << 7 | (high ^ 1) << 6 | (base ^ 1) << 5 | not(register, 4) << 4 | op.map,
                op.w << 7 | (~second & 15) << 3 | 4 | op.prefix,
                width.bits << 5 | (broadcast ? 0x10 : 0) | not(second, 4) << 3 | mask,
                op.opcode);
        mask = 0;
    }

    private static int not(int register, int bit) {
        return ~register >> bit & 1;
    }

    private void address(int register, Memory memory, int behind) {
        int field = (register & 7) << 3;
        if (memory.constant) {
            bytes(field | 5);
            fixups.add(new Fixup(code.size(), memory.displacement));
            number(behind);
            return;
        }
        if (memory.index != NO_INDEX || memory.base == RSP) {
            bytes(0x80 | field | 4, memory.scale << 6 | memory.index << 3 | memory.base);
        } else {
            bytes(0x80 | field | memory.base & 7);
        }
        number(memory.displacement);
    }

    /** {@code kmovq k, [memory]}, without an index */
    void loadMask64(int k, Memory memory) {
        bytes(0xc4, 0xe1 & ~((memory.base >> 3 & 1) << 5), 0xf8, 0x90);
        address(k, memory, 0);
    }

    /** {@code movzx register, byte [memory]}, of the first eight registers */
    void loadByte(int register, Memory memory) {
        bytes(0x0f, 0xb6);
        address(register, memory, 0);
    }

    /** {@code movzx register, word [memory]}, of the first eight registers */
    void loadWord(int register, Memory memory) {
        bytes(0x0f, 0xb7);
        address(register, memory, 0);
    }

    /** {@code mov register, qword [memory]}, of the first eight registers */
    void load(int register, Memory memory) {
        bytes(0x48, 0x8b);
        address(register, memory, 0);
    }

    /** {@code lea register, [memory]}, of the first eight registers */
    void addressOf(int register, Memory memory) {
        bytes(0x48, 0x8d);
        address(register, memory, 0);
    }

    /** {@code pext register, register, qword [memory]}, of the first eight registers */
    void extractBits(int register, Memory memory) {
        bytes(0xc4, 0xe2, 0x82 | (~register & 15) << 3, 0xf5);
        address(register, memory, 0);
    }

    /** {@code vmovd xmm, register}, of the first eight registers */
    void toVector(int xmm, int register) {
        op(Evex.VMOVD_LOAD, Width.XMM, xmm, register);
    }

    /** {@code push register}, of the first eight registers */
    void push(int register) {
        bytes(0x50 | register);
    }

    /** {@code pop register}, of the first eight registers */
    void pop(int register) {
        bytes(0x58 | register);
    }

    /** {@code vpslld register, third, bits} */
    void shiftLeft(Width width, int register, int third, int bits) {
        op(Evex.VPSRLD, width, 6, register, third, bits);
    }

    /** {@code vpsrlw register, third, bits} */
    void shiftWordsRight(Width width, int register, int third, int bits) {
        op(Evex.VPSRLW, width, 2, register, third, bits);
    }

    /** {@code kmovd k, [base + displacement]} */
    void loadMask32(int k, int base, int displacement) {
        bytes(0xc4, 0xe1 & ~((base >> 3 & 1) << 5), 0xf9, 0x90, 0x80 | k << 3 | base & 7);
        number(displacement);
    }

    /** {@code kunpckdq k, high, low} */
    void joinMasks(int k, int high, int low) {
        bytes(0xc4, 0xe1, 0x80 | (~high & 15) << 3 | 4, 0x4b, 0xc0 | k << 3 | low);
    }

    /** {@code mov rax, lanes; kmovq k, rax} */
    void setMask(int k, long lanes) {
        bytes(0x48, 0xb8);
        number((int) lanes);
        number((int) (lanes >> Integer.SIZE));
        bytes(0xc4, 0xe1, 0xfb, 0x92, 0xc0 | k << 3 | RAX);
    }

    /** {@code mov register, from} */
    void move(int register, int from) {
        bytes(0x48 | from >> 3 << 2 | register >> 3, 0x89, 0xc0 | (from & 7) << 3 | register & 7);
    }

    /** {@code add register, number} */
    void add(int register, int number) {
        bytes(0x48 | register >> 3, 0x81, 0xc0 | register & 7);
        number(number);
    }

    /** {@code add register, other} */
    void addRegister(int register, int other) {
        bytes(0x48 | other >> 3 << 2 | register >> 3, 0x01, 0xc0 | (other & 7) << 3 | register & 7);
    }

    /** {@code sub register, number} */
    void subtract(int register, int number) {
        bytes(0x48 | register >> 3, 0x81, 0xe8 | register & 7);
        number(number);
    }

    /** {@code jnz target} */
    void jumpIfNotZero(int target) {
        jumpBack(0x85, target);
    }

    /** {@code jge target}, after a {@link #subtract} */
    void jumpIfNotNegative(int target) {
        jumpBack(0x8d, target);
    }

    private void jumpBack(int condition, int target) {
        bytes(0x0f, condition);
        number(target - (code.size() + Integer.BYTES));
    }

    /** {@code jl} after a {@link #subtract}, to where {@link #land} is told its result. */
    int jumpAheadIfNegative() {
        return jumpAhead(0x8c);
    }

    /** {@code jz} after an {@link #add}, to where {@link #land} is told its result. */
    int jumpAheadIfZero() {
        return jumpAhead(0x84);
    }

    private int jumpAhead(int condition) {
        bytes(0x0f, condition);
        number(0);
        return code.size() - Integer.BYTES;
    }

    /** The place that a jump ahead comes to. */
    void land(int jump) {
        landings.add(new Landing(jump, code.size()));
    }

    /** {@code vzeroupper; ret} */
    void returnFromVectors() {
        bytes(0xc5, 0xf8, 0x77, 0xc3);
    }

    private void bytes(int... bytes) {
        for (int each : bytes) {
            code.write(each);
        }
    }

    private void number(int number) {
        bytes(number, number >> 8, number >> 16, number >> 24);
    }
}
