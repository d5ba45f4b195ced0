package org.crema.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text from the command line, files and standard input; all must be UTF-8. */
final class TextInput {
    private TextInput() {}

    /** An argument, checked. */
    static String argument(String name, String text) {
        // The JVM replaces what it cannot decode by this character before we see it.
        if (text.indexOf('\uFFFD') >= 0) {
            throw new IllegalArgumentException(name + " is not UTF-8 text; convert it, for example with iconv");
        }
        return text;
    }

    static String file(Path file) throws IOException {
        return decode(file.toString(), Files.readAllBytes(file));
    }

    static String stream(String name, InputStream in) throws IOException {
        return decode(name, in.readAllBytes());
    }

    private static String decode(String name, byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(name + " is not UTF-8 text; convert it, for example with iconv", e);
        }
    }
}
