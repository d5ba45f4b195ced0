package org.crema.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import org.crema.ContextException;
import org.crema.kernels.DeviceException;
import org.crema.model.chat.ChatTemplateException;
import org.crema.model.gguf.GgufException;
import org.crema.model.sampling.SamplingException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The {@code crema} command. Exit codes: 0 done, 1 it failed, 2 wrong usage. */
@Command(name = "crema", mixinStandardHelpOptions = true, versionProvider = Main.Version.class, scope = ScopeType.INHERIT, description = "Runs GGUF language models on any GPU, from Java.", subcommands = {
    RunCommand.class, ChatCommand.class,
    PlanCommand.class, ChooseCommand.class, InspectCommand.class, TokenizeCommand.class, LogitsCommand.class,
    DoctorCommand.class, BenchCommand.class})
public final class Main implements Runnable {
    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Show where an error comes from.")
    private boolean verbose;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** Not for callers: the command line makes it. */
    public Main() {}

    /** What {@code --version} prints. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"crema " + (version == null ? "(development)" : version)};
        }
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(),
                "which command? Try: crema run \"public static int gcd(int a, int b) {\"");
    }

    public static void main(String[] args) {
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false,
                StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.err), true, StandardCharsets.UTF_8);
        int code = run(out, err, args);
        out.flush();
        err.flush();
        System.exit(code);
    }

    /** Runs a command with these streams, and gives the exit code. */
    static int run(PrintStream out, PrintStream err, String... args) {
        Main main = new Main();
        Console.set(out, err);
        CommandLine command = new CommandLine(main);
        command.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
        command.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
        command.setCaseInsensitiveEnumValuesAllowed(true);
        command.setParameterExceptionHandler((e, arguments) -> {
            err.println("crema: " + oneLine(e.getMessage()) + " (crema " + name(e.getCommandLine()) + "--help shows the usage)");
            return 2;
        });
        command.setExecutionExceptionHandler((e, line, result) -> {
            out.flush();
            err.println("crema: " + message(e));
            if (main.verbose) {
                e.printStackTrace(err);
            }
            return 1;
        });
        try {
            return command.execute(args);
        } catch (ExceptionInInitializerError e) {
            // A setting that a class reads when it is first used.
            if (!(e.getCause() instanceof IllegalArgumentException setting)) {
                throw e;
            }
            err.println("crema: " + message(setting));
            return 1;
        }
    }

    private static String name(CommandLine line) {
        return line.getParent() == null ? "" : line.getCommandName() + " ";
    }

    /** One line for people. What is not expected keeps its kind, so that it can be reported. */
    private static String message(Throwable e) {
        String text = e.getMessage() == null ? e.getClass().getSimpleName() : oneLine(e.getMessage());
        return switch (e) {
            case NoSuchFileException n -> "no such file: " + n.getFile();
            case AccessDeniedException a -> "no permission to read: " + a.getFile();
            case UncheckedIOException u -> message(u.getCause());
            case GgufException g -> text;
            case DeviceException d -> text;
            case ContextException c -> text;
            case SamplingException s -> text;
            case ChatTemplateException t -> text;
            case IllegalArgumentException i -> text;
            case UnsupportedOperationException u -> text;
            case IOException i -> text;
            default -> e.getClass().getSimpleName() + ": " + text + " (--verbose shows where)";
        };
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}
