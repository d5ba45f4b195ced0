package org.crema.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.crema.GenerateOptions;
import org.crema.Generation;
import org.crema.Model;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Continues a text. */
@Command(name = "run", description = "Continues a text, or fills in what belongs before --suffix.")
final class RunCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "PROMPT", description = "The text to continue.")
    private String text;

    @Option(names = {"-p", "--prompt"}, paramLabel = "PROMPT", description = "The same, as an option.")
    private String option;

    @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "Read the prompt from a file; - for standard input.")
    private Path promptFile;

    @Option(names = "--suffix", paramLabel = "TEXT", description = "Write what belongs between the prompt and this text.")
    private String suffix;

    @Option(names = "--special", description = "Text of control tokens in the prompt means those tokens.")
    private boolean special;

    @Option(names = "--no-display-prompt", description = "Print the answer only.")
    private boolean hidePrompt;

    @Option(names = "--json", description = "Print one JSON object when done.")
    private boolean json;

    @Mixin
    private ModelMixin model;

    @Mixin
    private SamplingMixin sampling;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        String prompt = prompt();
        if (suffix != null) {
            TextInput.argument("the suffix", suffix);
        }
        Progress progress = new Progress();
        try (Model loaded = model.load()) {
            progress.loaded(loaded);
            Answer answer = new Answer(prompt);
            GenerateOptions options = sampling.options().withSpecial(special).withListener(answer);
            Generation generation = suffix == null ? loaded.generate(prompt, options) : loaded.fillIn(prompt, suffix, options);
            if (json) {
                Console.out().println(Report.json(Report.fields(generation)));
            } else {
                answer.end();
                Console.err().println(progress.line());
                Console.err().println(Report.speed(generation));
            }
        }
        return 0;
    }

    /** Prints the answer as it comes; the prompt before it, once it is known that there is one. */
    private final class Answer implements Consumer<String> {
        private final String prompt;
        private boolean begun;

        Answer(String prompt) {
            this.prompt = prompt;
        }

        @Override
        public void accept(String piece) {
            if (!json) {
                begin();
                Console.out().print(piece);
                Console.out().flush();
            }
        }

        private void begin() {
            if (!begun && !hidePrompt) {
                Console.out().print(prompt);
            }
            begun = true;
        }

        void end() {
            begin();
            Console.out().println(suffix == null || hidePrompt ? "" : suffix);
            Console.out().flush();
        }
    }

    private String prompt() throws IOException {
        int given = (text == null ? 0 : 1) + (option == null ? 0 : 1) + (promptFile == null ? 0 : 1);
        if (given != 1) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                    given == 0
                            ? "give a prompt: as an argument, with -p or with -f"
                            : "give the prompt once: as an argument, with -p or with -f");
        }
        if (promptFile != null) {
            return promptFile.toString().equals("-") ? TextInput.stream("standard input", System.in) : TextInput.file(promptFile);
        }
        return TextInput.argument("the prompt", text == null ? option : text);
    }
}
