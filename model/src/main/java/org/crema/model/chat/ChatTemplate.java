package org.crema.model.chat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns a conversation into the prompt that a model was trained with. Thread-safe.
 *
 * <p>The template is the file's own ({@code tokenizer.chat_template}, Jinja as Hugging Face uses it), or DeepSeek's form where a file
 * has none. A template comes with the model and is not to be trusted: it runs in an interpreter that can reach nothing, within limits.
 */
public final class ChatTemplate {
    private final List<Node.Statement> body;
    private final String bos;
    private final String eos;

    private ChatTemplate(List<Node.Statement> body, String bos, String eos) {
        this.body = body;
        this.bos = bos;
        this.eos = eos;
    }

    /**
     * A template of a model file.
     *
     * @param template its text
     * @param bos text of the token that begins a sequence
     * @param eos text of the token that ends one
     * @throws ChatTemplateException if it cannot be read, naming the line
     */
    public static ChatTemplate of(String template, String bos, String eos) {
        return new ChatTemplate(Parser.parse(template), bos, eos);
    }

    /**
     * DeepSeek-V2's form: the system text and a blank line; then {@code User: …}, a blank line and {@code Assistant: …} with the end
     * token for each turn. After the last {@code Assistant:} comes no space: with one, the model answers badly. Source: README of
     * DeepSeek-Coder-V2.
     */
    public static ChatTemplate deepSeek(String bos, String eos) {
        return of(
                """
                        {{ bos_token }}
                        {%- for message in messages -%}
                        {%- if message.role == 'user' %}{{ 'User: ' + message.content + '\\n\\n' }}
                        {%- elif message.role == 'assistant' %}{{ 'Assistant: ' + message.content + eos_token }}
                        {%- elif message.role == 'system' %}{{ message.content + '\\n\\n' }}
                        {%- else %}{{ raise_exception('unknown role ' ~ message.role ~ ', expected system, user or assistant') }}{% endif -%}
                        {%- endfor -%}
                        {%- if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}""",
                bos, eos);
    }

    /**
     * The prompt.
     *
     * @param messages in order
     * @param addGenerationPrompt whether the model is to answer next
     * @throws ChatTemplateException if the template refuses the messages, or goes over a limit
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
        List<Object> list = new ArrayList<>();
        for (ChatMessage message : messages) {
            Map<Object, Object> map = new LinkedHashMap<>();
            map.put("role", message.role());
            map.put("content", message.content());
            list.add(map);
        }
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put("messages", list);
        variables.put("bos_token", bos);
        variables.put("eos_token", eos);
        variables.put("add_generation_prompt", addGenerationPrompt);
        // Hugging Face passes these as None when there are none.
        variables.put("tools", null);
        variables.put("documents", null);
        return new Interpreter(variables).render(body);
    }
}
