package org.crema.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.crema.Crema;
import org.crema.model.tokenizer.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Text to token ids, and back. */
@Command(name = "tokenize", description = "Turns text into token ids, or with --ids ids into text.")
final class TokenizeCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "TEXT", description = "The text. Default: standard input.")
    private String text;

    @Option(names = {"-m", "--model"}, paramLabel = "FILE", description = "GGUF file. Default: the embedded model.")
    private java.nio.file.Path file;

    @Option(names = "--ids", split = ",", paramLabel = "ID", description = "Print the text of these tokens instead.")
    private List<Integer> ids;

    @Option(names = "--json", description = "Print {\"ids\":[…]}, or with --ids {\"text\":…}.")
    private boolean json;

    @Option(names = "--no-bos", description = "Put no begin token in front.")
    private boolean noBos;

    @Option(names = "--no-special", description = "Read the text of control tokens as text.")
    private boolean noSpecial;

    @Override
    public Integer call() throws IOException {
        Tokenizer tokenizer = file == null
                ? Crema.withTinyCoderFile(gguf -> Tokenizer.of(gguf.metadata()))
                : Crema.tokenizer(file);
        if (ids != null) {
            String decoded = tokenizer.decode(ids.stream().mapToInt(Integer::intValue).toArray(), true);
            Console.out().println(json ? Report.compact(Map.of("text", decoded)) : decoded);
            return 0;
        }
        String input = text == null ? TextInput.stream("standard input", System.in) : TextInput.argument("the text", text);
        int[] tokens = tokenizer.encode(input, !noBos, !noSpecial);
        if (json) {
            Console.out().println(Report.compact(Map.of("ids", tokens)));
        } else {
            List<String> shown = new ArrayList<>();
            Arrays.stream(tokens).forEach(id -> shown.add(Integer.toString(id)));
            Console.out().println(String.join(" ", shown));
        }
        return 0;
    }
}
