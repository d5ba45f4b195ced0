package org.crema.backend.cpu.kernel;

/**
 * Vector instructions of AVX-512 in their EVEX form, as {@link Assembler} writes them: opcode map, mandatory prefix, W and opcode. Source:
 * Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
enum Evex {
    VADDPS(Map.M0F, Prefix.NONE, 0, 0x58),
    VBROADCASTI32X4(Map.M0F38, Prefix.P66, 0, 0x5a),
    VBROADCASTI64X4(Map.M0F38, Prefix.P66, 1, 0x5b),
    VBROADCASTSS(Map.M0F38, Prefix.P66, 0, 0x18),
    VCVTDQ2PS(Map.M0F, Prefix.NONE, 0, 0x5b),
    VCVTPH2PS(Map.M0F38, Prefix.P66, 0, 0x13),
    VCVTPS2DQ(Map.M0F, Prefix.P66, 0, 0x5b),
    VDIVPS(Map.M0F, Prefix.NONE, 0, 0x5e),
    VDPBF16PS(Map.M0F38, Prefix.PF3, 0, 0x52),
    VFMADD231PS(Map.M0F38, Prefix.P66, 0, 0xb8),
    VFNMADD231PS(Map.M0F38, Prefix.P66, 0, 0xbc),
    VINSERTI32X4(Map.M0F3A, Prefix.P66, 0, 0x38),
    VINSERTI64X4(Map.M0F3A, Prefix.P66, 1, 0x3a),
    VMOVD_LOAD(Map.M0F, Prefix.P66, 0, 0x6e),
    VMOVD_STORE(Map.M0F, Prefix.P66, 0, 0x7e),
    VMOVDQU32_LOAD(Map.M0F, Prefix.PF3, 0, 0x6f),
    VMOVDQU32_STORE(Map.M0F, Prefix.PF3, 0, 0x7f),
    VMOVQ_LOAD(Map.M0F, Prefix.PF3, 1, 0x7e),
    VMOVQ_STORE(Map.M0F, Prefix.P66, 1, 0xd6),
    VMOVSS_STORE(Map.M0F, Prefix.PF3, 0, 0x11),
    VMOVUPS_LOAD(Map.M0F, Prefix.NONE, 0, 0x10),
    VMOVUPS_STORE(Map.M0F, Prefix.NONE, 0, 0x11),
    VMULPS(Map.M0F, Prefix.NONE, 0, 0x59),
    VPADDB(Map.M0F, Prefix.P66, 0, 0xfc),
    VPADDD(Map.M0F, Prefix.P66, 0, 0xfe),
    VPADDW(Map.M0F, Prefix.P66, 0, 0xfd),
    VPANDD(Map.M0F, Prefix.P66, 0, 0xdb),
    VPBROADCASTD(Map.M0F38, Prefix.P66, 0, 0x58),
    VPBROADCASTQ(Map.M0F38, Prefix.P66, 1, 0x59),
    VPBROADCASTW(Map.M0F38, Prefix.P66, 0, 0x79),
    VPDPBUSD(Map.M0F38, Prefix.P66, 0, 0x50),
    VPEXTRD_STORE(Map.M0F3A, Prefix.P66, 0, 0x16),
    VPERMPS(Map.M0F38, Prefix.P66, 0, 0x16),
    VPINSRD(Map.M0F3A, Prefix.P66, 0, 0x22),
    VPINSRQ(Map.M0F3A, Prefix.P66, 1, 0x22),
    VPMAXSD(Map.M0F38, Prefix.P66, 0, 0x3d),
    /** The register is the source. */
    VPMOVSDB(Map.M0F38, Prefix.PF3, 0, 0x21),
    VPMOVSXBD(Map.M0F38, Prefix.P66, 0, 0x21),
    VPMOVWB(Map.M0F38, Prefix.PF3, 0, 0x30),
    VPMOVZXBD(Map.M0F38, Prefix.P66, 0, 0x31),
    VPMOVZXBQ(Map.M0F38, Prefix.P66, 0, 0x32),
    VPMOVZXBW(Map.M0F38, Prefix.P66, 0, 0x30),
    VPMOVZXDQ(Map.M0F38, Prefix.P66, 0, 0x35),
    VPMOVZXWQ(Map.M0F38, Prefix.P66, 0, 0x34),
    VPORD(Map.M0F, Prefix.P66, 0, 0xeb),
    VPROLVD(Map.M0F38, Prefix.P66, 0, 0x15),
    VPSHUFB(Map.M0F38, Prefix.P66, 0, 0x00),
    VPSHUFD(Map.M0F, Prefix.P66, 0, 0x70),
    /** By a number; the register operand is the opcode's extension (6: to the left), the second the target. */
    VPSRLD(Map.M0F, Prefix.P66, 0, 0x72),
    VPSLLVW(Map.M0F38, Prefix.P66, 1, 0x12),
    VPSRLVD(Map.M0F38, Prefix.P66, 0, 0x45),
    VPSRLVW(Map.M0F38, Prefix.P66, 1, 0x10),
    /** As {@link #VPSRLD}. */
    VPSRLW(Map.M0F, Prefix.P66, 0, 0x71),
    VPSUBB(Map.M0F, Prefix.P66, 0, 0xf8),
    VPSUBD(Map.M0F, Prefix.P66, 0, 0xfa),
    VPTERNLOGD(Map.M0F3A, Prefix.P66, 0, 0x25),
    VPXORD(Map.M0F, Prefix.P66, 0, 0xef),
    VSHUFF32X4(Map.M0F3A, Prefix.P66, 0, 0x23),
    VSUBPS(Map.M0F, Prefix.NONE, 0, 0x5c),
    VUNPCKHPD(Map.M0F, Prefix.P66, 1, 0x15),
    VUNPCKHPS(Map.M0F, Prefix.NONE, 0, 0x15),
    VUNPCKLPD(Map.M0F, Prefix.P66, 1, 0x14),
    VUNPCKLPS(Map.M0F, Prefix.NONE, 0, 0x14);

    /** Tables of opcodes, by their number in the prefix. */
    private static final class Map {
        private static final int M0F = 1;
        private static final int M0F38 = 2;
        private static final int M0F3A = 3;
    }

    /** Mandatory prefixes, by their number in the prefix. */
    private static final class Prefix {
        private static final int NONE = 0;
        private static final int P66 = 1;
        private static final int PF3 = 2;
    }

    /** How long a vector is. */
    enum Width {
        XMM(0),
        YMM(1),
        ZMM(2);

        /** The length's number in the prefix. */
        final int bits;

        Width(int bits) {
            this.bits = bits;
        }
    }

    final int map;
    final int prefix;
    final int w;
    final int opcode;

    Evex(int map, int prefix, int w, int opcode) {
        this.map = map;
        this.prefix = prefix;
        this.w = w;
        this.opcode = opcode;
    }
}
