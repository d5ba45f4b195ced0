package org.crema.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.crema.Cancellation;
import org.crema.Generation;
import org.crema.Model;
import org.crema.model.chat.ChatMessage;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A conversation. */
@Command(name = "chat", description = "Talks with the model. Ctrl-C stops an answer, Ctrl-D ends the conversation; /clear starts over.")
final class ChatCommand implements Callable<Integer> {
    @Option(names = {"-sys", "--system"}, paramLabel = "TEXT", description = "What the model is told before the conversation.")
    private String system;

    @Option(names = "--history", paramLabel = "FILE", description = "Keep the lines you type in this file.")
    private Path history;

    @Mixin
    private ModelMixin model;

    @Mixin
    private SamplingMixin sampling;

    @Override
    public Integer call() throws IOException {
        Progress progress = new Progress();
        try (Model loaded = model.load(); Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build()) {
            progress.loaded(loaded);
            Console.err().println(progress.line());
            LineReaderBuilder builder = LineReaderBuilder.builder().terminal(terminal).appName("crema");
            if (history != null) {
                builder.variable(LineReader.HISTORY_FILE, history);
            }
            AtomicReference<Cancellation> running = new AtomicReference<>(new Cancellation());
            terminal.handle(Terminal.Signal.INT, signal -> running.get().cancel());
            talk(loaded, builder.build(), terminal, running);
        }
        return 0;
    }

    private void talk(Model loaded, LineReader reader, Terminal terminal, AtomicReference<Cancellation> running) {
        List<ChatMessage> messages = start();
        while (true) {
            String line;
            try {
                line = reader.readLine("> ");
            } catch (UserInterruptException e) {
                continue;
            } catch (EndOfFileException e) {
                return;
            }
            if (line.isBlank()) {
                continue;
            }
            if (line.strip().equals("/clear")) {
                messages = start();
                continue;
            }
            messages.add(ChatMessage.user(line));
            Cancellation cancellation = new Cancellation();
            running.set(cancellation);
            Generation answer = loaded.chat(messages, sampling.options().withCancellation(cancellation).withListener(piece -> {
                terminal.writer().print(piece);
                terminal.flush();
            }));
            terminal.writer().println();
            terminal.flush();
            Console.err().println(Report.speed(answer));
            messages.add(ChatMessage.assistant(answer.text()));
        }
    }

    private List<ChatMessage> start() {
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(ChatMessage.system(TextInput.argument("the system text", system)));
        }
        return messages;
    }
}
