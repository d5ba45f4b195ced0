package org.crema.backend.cpu.gen;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A rough count of the bytes of bytecode that source text compiles to; a test checks the real sizes. */
final class Bytecodes {
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z_][\\w.]*\\(?|\\.\\w+\\(|0x\\w+|\\d[\\w.]*|[-+|&*]|>>>|<<");

    private Bytecodes() {}

    static int estimate(String source) {
        int bytes = 0;
        Matcher tokens = TOKEN.matcher(source);
        while (tokens.find()) {
            String token = tokens.group();
            char first = token.charAt(0);
            if (token.endsWith("(")) {
                bytes += 3;
            } else if (Character.isDigit(first)) {
                bytes += 3;
            } else if ((token.length() == 1 && !Character.isLetter(first)) || token.equals(">>>") || token.equals("<<")) {
                bytes += 1;
            } else if (token.endsWith("Vector")) {
                bytes += 2;
            } else if (Character.isUpperCase(first)) {
                bytes += 3;
            } else {
                bytes += 2;
            }
        }
        return bytes;
    }
}
