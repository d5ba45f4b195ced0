package org.crema.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {
    private static final String BOS = "<｜begin▁of▁sentence｜>";
    private static final String EOS = "<｜end▁of▁sentence｜>";
    private static final List<ChatMessage> TALK = List.of(ChatMessage.system("Be brief."), ChatMessage.user("Hi"),
            ChatMessage.assistant(
                    "Hello."),
            ChatMessage.user("2+2?"));

    /** The form that DeepSeek-V2 and Coder-V2 publish in tokenizer_config.json. */
    private static final String DEEPSEEK_V2 = "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
            + "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ 'User: ' + message['content'] + '\n\n' }}"
            + "{% elif message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token }}"
            + "{% elif message['role'] == 'system' %}{{ message['content'] + '\n\n' }}{% endif %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

    private static String render(String template) {
        return new Interpreter(
                new java.util.LinkedHashMap<>(Map.of("xs", new ArrayList<Object>(List.of(3L, 1L, 2L)), "s", "a b", "d",
                        new java.util.LinkedHashMap<Object, Object>(Map.of("k", "v")))))
                .render(Parser.parse(template));
    }

    @Test
    void deepSeekEndsWithoutASpace() {
        String expected = BOS + "Be brief.\n\nUser: Hi\n\nAssistant: Hello." + EOS + "User: 2+2?\n\nAssistant:";
        assertEquals(expected, ChatTemplate.deepSeek(BOS, EOS).render(TALK, true));
        assertEquals(expected, ChatTemplate.of(DEEPSEEK_V2, BOS, EOS).render(TALK, true));
        assertEquals(BOS + "User: Hi\n\n", ChatTemplate.deepSeek(BOS, EOS).render(List.of(ChatMessage.user("Hi")), false));
    }

    @Test
    void deepSeekRefusesUnknownRoles() {
        ChatTemplateException e = assertThrows(ChatTemplateException.class, () -> ChatTemplate.deepSeek(BOS, EOS).render(List.of(
                new ChatMessage("tool", "x")), true));
        assertTrue(e.getMessage().contains("unknown role tool"), e.getMessage());
    }

    @Test
    void llama3() {
        String template = "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + "
                + "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
                + "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}"
                + "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
        assertEquals(
                "<B><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
                ChatTemplate.of(template, "<B>", "<E>").render(List.of(ChatMessage.user(" Hi ")), true));
    }

    @Test
    void chatMlWithToolsPart() {
        String template = """
                {%- if tools %}
                    {{- '<|im_start|>system\\n' }}
                    {%- for tool in tools %}
                        {{- "\\n" }}
                        {{- tool | tojson }}
                    {%- endfor %}
                {%- else %}
                    {%- if messages[0]['role'] == 'system' %}
                        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
                    {%- else %}
                        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
                    {%- endif %}
                {%- endif %}
                {%- for message in messages %}
                    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
                        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
                    {%- endif %}
                {%- endfor %}
                {%- if add_generation_prompt %}
                    {{- '<|im_start|>assistant\\n' }}
                {%- endif %}
                """;
        assertEquals(
                "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
                ChatTemplate.of(template, "", "").render(List.of(ChatMessage.user("Hi")), true));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '`', value = {"{{ 1 + 2 * 3 }} => 7",
        "{{ 7 // 2 }},{{ -7 // 2 }},{{ 7 % 3 }} => 3,-4,1",
        "{{ 2 ** 10 }} => 1024", "{{ 6 / 4 }} => 1.5", "{{ 'a' ~ 1 ~ none ~ true }} => a1NoneTrue",
        "{{ xs | sort | join('-') }} => 1-2-3",
        "{{ xs[1:] }} => [1, 2]", "{{ xs[::-1] }} => [2, 1, 3]", "{{ 'abc'[-1] }} => c", "{{ 'yes' if xs else 'no' }} => yes",
        "{{ s.split(' ')[1].upper() }} => B", "{{ 'a' in s and 'z' not in s }} => True", "{{ missing is defined }} => False",
        "{{ missing | default('x') }} => x", "{{ d.items() | list }} => [['k', 'v']]", "{{ d.get('q', 5) }} => 5",
        "{{ {'a': [1, 2.5, none, true]} | tojson }} => {\"a\": [1, 2.5, null, true]}", "{{ 'q\"\\n' | tojson }} => \"q\\\"\\n\"",
        "{% for x in xs if x > 1 %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %} => 13,22",
        "{% for x in [] %}{{ x }}{% else %}none{% endfor %} => none",
        "{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }} => 6",
        "{% set n = 0 %}{% for x in xs %}{% set n = 5 %}{% endfor %}{{ n }} => 0",
        "{% macro m(a, b='z') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, b=2) }} => [1z][12]",
        "{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %} => 32",
        "{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %} => k=v", "{% set t %}x{{ 1 }}{% endset %}{{ t | upper }} => X1",
        "{% filter upper %}ab{% endfilter %} => AB", "{{ xs | map('string') | join('') }} => 312",
        "{{ [1, 2] + [3] }} => [1, 2, 3]",
        "{{ 3 is odd }}{{ xs is iterable }}{{ 'a' is string }}{{ 1 is not none }} => TrueTrueTrueTrue",
        "{{ 'ab'.startswith('a') }} => True",
        "a{#- gone -#} b => ab", "{{ '%s' }} => %s", "{{ not xs == [] }} => True", "{{ ' x '.strip() }} => x"})
    void computesAsJinja(String template, String expected) {
        assertEquals(expected, render(template.replace("\\n", "\n")));
    }

    @Test
    void treatsWhiteSpaceAsHuggingFaceSetsIt() {
        assertEquals("a\nb\n", render("a\n    {% if true %}\nb\n    {% endif %}\n"));
        assertEquals("ab", render("a   {%- if true -%}   b   {%- endif -%}   "));
        assertEquals("  1\n", render("  {{ 1 }}\n\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{ ''.__class__ }}{{ ''.__class__.x }}", "{% for i in range(1000000000) %}{% endfor %}",
        "{{ 'a' * 100000000 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ 1 / 0 }}", "{{ none.x }}", "{{ unknown() }}", "{{ 1 | nofilter }}", "{% if %}", "{% unknown %}", "{{ 'abc",
        "{% for %}", "{{",
        "{{ 9223372036854775807 + 1 }}", "{% break %}", "{{ raise_exception('no') }}", "{{ 99999999999999999999 }}",
        "{% set x = namespace() %}{% set x.x = x %}{% set l = [] %}{{ l.append(l) }}{{ l }}",
        "{% set l = ['aaaaaaaaaaaaaaaa'] %}{% for i in range(60) %}{% set l2 = l.append(l[0] ~ l[-1]) %}{% endfor %}{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"})
    void endsHostileTemplatesWithAnError(String template) {
        assertThrows(ChatTemplateException.class, () -> render(template));
    }

    @Test
    void endsDeepNestingWithAnError() {
        assertThrows(ChatTemplateException.class, () -> render("{{ " + "(".repeat(100000) + "1" + ")".repeat(100000) + " }}"));
        assertThrows(ChatTemplateException.class, () -> render("{{ 1" + " + 1".repeat(100000) + " }}"));
        assertThrows(ChatTemplateException.class, () -> render("{% if true %}".repeat(100000)));
        assertThrows(ChatTemplateException.class, () -> render("{{ " + "not ".repeat(100000) + "1 }}"));
        assertThrows(ChatTemplateException.class, () -> render("{{ " + "-".repeat(100001) + "1 }}"));
        assertThrows(ChatTemplateException.class, () -> render("{{ x" + ".a".repeat(100000) + " }}"));
    }

    @Test
    void randomTemplatesGiveTextOrAnError() {
        long seed = Long.getLong("fuzz.seed", 20261123);
        SplittableRandom random = new SplittableRandom(seed);
        String[] pieces = {"{{", "}}", "{%", "%}", "{%-", "-%}", "{#", "#}", " if ", " else ", " for ", " in ", " endfor ",
            " endif ", " set ",
            "x", "xs", "messages", "loop", ".", "[", "]", "(", ")", "|", "trim", "tojson", "1", "'a'", "\"", "+", "~", "*", "==",
            ",", ":",
            " is ", " not ", "defined", "{", "}", "\n", "range(9)", "namespace()", "=", " macro m() ", " endmacro ", "m()", "-",
            "\\"};
        long end = System.nanoTime() + 2_000_000_000L;
        int rounds = 0;
        while (System.nanoTime() < end) {
            StringBuilder template = new StringBuilder();
            for (int i = random.nextInt(1, 40); i > 0; i--) {
                template.append(pieces[random.nextInt(pieces.length)]);
            }
            try {
                render(template.toString());
            } catch (ChatTemplateException expected) {
                rounds++;
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("seed " + seed + ", template " + template, e);
            }
        }
        assertTrue(rounds > 0);
    }
}
