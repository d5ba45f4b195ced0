package org.crema.kernels.quant;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.zip.CRC32;

/**
 * The tables that formats look their values up in, with GGML's names. A table is a list of points; a point is one or more
 * bytes in the order of the values they stand for.
 *
 * <p>The bytes are data, not code: they come from a resource (source: ggml, commit d99724f2b141fed9e1a9f402213506c081433465)
 * and are checked when a table is first used.
 */
public enum Codebook {
    /** Magnitudes 8, 25, 43 of IQ2_XXS. */
    IQ2XXS_GRID(256, 8, 0x9924ff02),
    /** Magnitudes 8, 25, 43 of IQ2_XS. */
    IQ2XS_GRID(512, 8, 0xfa1e1bfd),
    /** Magnitudes 8, 25, 43 of IQ2_S. */
    IQ2S_GRID(1024, 8, 0x25ae5bf1),
    /** Magnitudes 4 to 62 of IQ3_XXS. */
    IQ3XXS_GRID(256, 4, 0x07ba9ed0),
    /** Magnitudes 1, 3, … 15 of IQ3_S. */
    IQ3S_GRID(512, 4, 0xf576e4f3),
    /** Signed values -1, 0, 1 of IQ1_S and IQ1_M. */
    IQ1S_GRID(2048, 8, 0xb85e6ccf),
    /** The signs of 8 values for each 7-bit sign index: bit j set means value j is negative; an even number of bits is set. */
    KSIGNS_IQ2XS(128, 1, 0xffab7940),
    /** The 16 signed levels of IQ4_NL and IQ4_XS. */
    KVALUES_IQ4NL(16, 1, 0xbbe1a3fc),
    /** The 16 signed levels of FP4 E2M1, doubled so that they are whole: MXFP4 and NVFP4. */
    KVALUES_MXFP4(16, 1, 0x08e8de1e);

    private final int points;
    private final int pointBytes;
    private final int crc32;
    @SuppressWarnings("ImmutableEnumChecker") // loaded once, never changed
    private volatile byte[] table;

    Codebook(int points, int pointBytes, int crc32) {
        this.points = points;
        this.pointBytes = pointBytes;
        this.crc32 = crc32;
    }

    /** How many points the table has. */
    public int points() {
        return points;
    }

    /** Bytes, that is values, per point. */
    public int pointBytes() {
        return pointBytes;
    }

    /**
     * A copy of the table: point by point, {@link #points} × {@link #pointBytes} bytes.
     *
     * @throws IllegalStateException if the resource is missing or damaged
     */
    public byte[] bytes() {
        byte[] loaded = table;
        if (loaded == null) {
            loaded = load();
            table = loaded;
        }
        return loaded.clone();
    }

    private String resource() {
        return "tables/" + name().toLowerCase(Locale.ROOT) + ".bin";
    }

    private byte[] load() {
        try (InputStream in = Codebook.class.getResourceAsStream(resource())) {
            if (in == null) {
                throw new IllegalStateException("resource " + resource() + " of " + Codebook.class.getPackageName()
                        + " is missing: the jar is incomplete, build it again");
            }
            return check(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read resource " + resource(), e);
        }
    }

    /** The bytes given, if they are this table. */
    byte[] check(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        if (bytes.length != points * pointBytes || (int) crc.getValue() != crc32) {
            throw new IllegalStateException(String.format(
                    "resource %s has %d bytes with CRC-32 %08x, expected %d with %08x: the jar is damaged, build it again",
                    resource(), bytes.length, (int) crc.getValue(), points * pointBytes, crc32));
        }
        return bytes;
    }
}
