package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page about the formats says what the code says. */
class FormatsPageTest {
    private static final Path PAGE = Path.of("..", "docs", "formats.md");
    private static final Pattern ROW = Pattern
            .compile("\\| (\\w+) \\| (\\d+ \\| [0-9.]+ \\| \\d+ \\| \\d+) \\|.*\\]\\(([^)]*)\\) \\|");

    @Test
    void idsAndSizesAreThoseOfTheCode() throws IOException {
        Map<String, String> page = new TreeMap<>();
        for (String line : Files.readAllLines(PAGE)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                page.put(row.group(1), row.group(2));
                assertTrue(Files.exists(PAGE.resolveSibling(row.group(3))), "no file " + row.group(3));
            }
        }
        Map<String, String> code = new TreeMap<>();
        for (QuantType type : QuantType.values()) {
            // At most four decimals, none that is zero at the end.
            String bits = String.format(Locale.ROOT, "%.4f", type.bitsPerWeight()).replaceAll("\\.?0+$", "");
            code.put(type.name(), type.id() + " | " + bits + " | " + type.blockSize() + " | " + type.blockBytes());
        }
        assertEquals(code, page);
    }
}
