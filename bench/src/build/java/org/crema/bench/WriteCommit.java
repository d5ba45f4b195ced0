package org.crema.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Run by the build: writes the commit that is built, with "-dirty" if files were changed since, so that every record of a measurement
 * can name it. Argument: the file to write. Where there is no Git or no repository the commit is "unknown".
 */
final class WriteCommit {
    private WriteCommit() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        Path target = Path.of(args[0]);
        Files.createDirectories(target.getParent());
        Files.writeString(target, "commit=" + commit() + "\n");
    }

    private static String commit() throws IOException, InterruptedException {
        Process git;
        try {
            git = new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        } catch (IOException e) {
            // An archive of the sources is built where no Git is installed.
            return "unknown";
        }
        String answer = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        return git.waitFor(1, TimeUnit.MINUTES) && git.exitValue() == 0 && !answer.isEmpty() ? answer : "unknown";
    }
}
