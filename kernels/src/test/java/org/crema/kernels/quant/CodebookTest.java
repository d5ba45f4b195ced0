package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.crema.kernels.conformance.OracleData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class CodebookTest {
    /** All tables of GGML are either a code book here or follow from one. */
    @Test
    void tablesAreThoseOfGgml() {
        Map<String, byte[]> tables = new TreeMap<>();
        for (Codebook codebook : Codebook.values()) {
            tables.put(codebook.name().toLowerCase(Locale.ROOT), codebook.bytes());
        }
        tables.put("kmask_iq2xs", bitMasks());
        tables.put("ksigns64", signMasks());
        tables.put("iq1s_grid_gpu", packedTernary());

        Map<String, String> expected = new TreeMap<>();
        Map<String, String> actual = new TreeMap<>();
        for (JsonNode table : new ObjectMapper().readTree(OracleData.bytes("tables/tables.json")).get("tables")) {
            expected.put(table.get("name").asString(), table.get("bytes").asInt() + " " + table.get("sha256").asString());
        }
        tables.forEach((name, bytes) -> actual.put(name, bytes.length + " " + sha256(bytes)));
        assertEquals(expected, actual);
    }

    @ParameterizedTest
    @EnumSource
    void eachCallGivesACopy(Codebook codebook) {
        byte[] bytes = codebook.bytes();
        assertEquals(codebook.points() * codebook.pointBytes(), bytes.length);
        byte first = bytes[0];
        bytes[0]++;
        assertNotSame(bytes, codebook.bytes());
        assertEquals(first, codebook.bytes()[0]);
    }

    @Test
    void damageIsFound() {
        byte[] bytes = Codebook.IQ2S_GRID.bytes();
        bytes[777] ^= 1;
        String message = assertThrows(IllegalStateException.class, () -> Codebook.IQ2S_GRID.check(bytes)).getMessage();
        assertTrue(message.contains("iq2s_grid.bin"), message);
        byte[] cut = Arrays.copyOf(Codebook.IQ2S_GRID.bytes(), 8191);
        message = assertThrows(IllegalStateException.class, () -> Codebook.IQ2S_GRID.check(cut)).getMessage();
        assertTrue(message.contains("8191 bytes") && message.contains("expected 8192"), message);
    }

    private static byte[] bitMasks() {
        byte[] masks = new byte[8];
        for (int j = 0; j < 8; j++) {
            masks[j] = (byte) (1 << j);
        }
        return masks;
    }

    private static byte[] signMasks() {
        byte[] signs = Codebook.KSIGNS_IQ2XS.bytes();
        byte[] masks = new byte[8 * signs.length];
        for (int i = 0; i < masks.length; i++) {
            masks[i] = (byte) (signs[i / 8] >> (i % 8) & 1) == 0 ? 0 : (byte) 0xff;
        }
        return masks;
    }

    /** Values plus one as nibbles: value k of the first four in the low, of the last four in the high half of byte k. */
    private static byte[] packedTernary() {
        byte[] grid = Codebook.IQ1S_GRID.bytes();
        byte[] packed = new byte[grid.length / 2];
        for (int i = 0; i < packed.length; i++) {
            int low = i / 4 * 8 + i % 4;
            packed[i] = (byte) (grid[low] + 1 | (grid[low + 4] + 1) << 4);
        }
        return packed;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
