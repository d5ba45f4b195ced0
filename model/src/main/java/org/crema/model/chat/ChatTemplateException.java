package org.crema.model.chat;

/** A chat template cannot be read, or cannot render these messages. The message names the line of the template. */
public final class ChatTemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ChatTemplateException(String message) {
        super(message);
    }

    static ChatTemplateException at(int line, String problem) {
        return new ChatTemplateException("chat template, line " + line + ": " + problem);
    }
}
