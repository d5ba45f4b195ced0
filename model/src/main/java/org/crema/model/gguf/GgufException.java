package org.crema.model.gguf;

/**
 * A file is not a GGUF file that can be used. Unchecked, because a metadata value can turn out to be of the wrong kind long after the
 * file was opened, wherever it is asked for.
 */
public final class GgufException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file where
     * @param offset byte offset in the file, or -1 if it is not about one place
     * @param field what was being read
     * @param problem what was found and what was expected
     */
    public GgufException(String file, long offset, String field, String problem) {
        super(file + (offset >= 0 ? ", byte " + offset : "") + ", " + field + ": " + problem);
    }
}
