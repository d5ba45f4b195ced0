package org.crema.backend.cpu.kernel;

import java.io.ByteArrayOutputStream;

/**
 * Writes the few instructions of x86-64 that {@link Bf16} is made of. Encodings: Intel 64 and IA-32 Architectures Software Developer's
 * Manual, volume 2; vector instructions in their EVEX form, 512 bits wide, operands in memory as base + 32-bit displacement.
 */
final class Assembler {
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RSI = 6;
    static final int RDI = 7;

    private static final int MAP_0F = 1;
    private static final int MAP_0F38 = 2;
    private static final int NO_PREFIX = 0;
    private static final int PREFIX_F3 = 2;
    private static final int NO_REGISTER = 0;

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();

    byte[] code() {
        return code.toByteArray();
    }

    /** The place that {@link #jumpIfNotZero} comes back to. */
    int here() {
        return code.size();
    }

    /** {@code vmovups zmm, [base + displacement]} */
    void load(int zmm, int base, int displacement) {
        evex(MAP_0F, NO_PREFIX, 0x10, zmm, NO_REGISTER, false, base, displacement);
    }

    /** {@code vmovups [base + displacement], zmm} */
    void store(int base, int displacement, int zmm) {
        evex(MAP_0F, NO_PREFIX, 0x11, zmm, NO_REGISTER, false, base, displacement);
    }

    /** {@code vdpbf16ps sum, x, dword [base + displacement]{1to16}} */
    void dotBf16(int sum, int x, int base, int displacement) {
        evex(MAP_0F38, PREFIX_F3, 0x52, sum, x, true, base, displacement);
    }

    /** {@code add register, number} */
    void add(int register, int number) {
        bytes(0x48, 0x81, 0xc0 | register);
        number(number);
    }

    /** {@code dec register} */
    void decrement(int register) {
        bytes(0x48, 0xff, 0xc8 | register);
    }

    /** {@code jnz target} */
    void jumpIfNotZero(int target) {
        bytes(0x0f, 0x85);
        number(target - (code.size() + Integer.BYTES));
    }

    /** {@code vzeroupper; ret} */
    void returnFromVectors() {
        bytes(0xc5, 0xf8, 0x77, 0xc3);
    }

    private void evex(int map, int prefix, int opcode, int register, int second, boolean broadcast, int base, int displacement) {
        int high = (register & 8) == 0 ? 0x80 : 0;
        int highest = (register & 16) == 0 ? 0x10 : 0;
        // X and B, which extend index and base: neither is.
        bytes(0x62, high | 0x60 | highest | map, (~second & 15) << 3 | 4 | prefix,
                0x40 | (broadcast ? 0x10 : 0) | ((second & 16) == 0 ? 8 : 0), opcode, 0x80 | (register & 7) << 3 | base);
        number(displacement);
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
