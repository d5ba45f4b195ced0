package org.crema.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.crema.Model;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes logits, for comparing engines. */
@Command(name = "logits", description = "Writes the logits of every position of a token sequence: raw little-endian f32, positions × vocabulary.")
final class LogitsCommand implements Callable<Integer> {
    @Option(names = "--tokens", required = true, split = ",", paramLabel = "ID", description = "The tokens, as they are: 1,2,3.")
    private List<Integer> tokens;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", description = "Where to write.")
    private Path output;

    @Mixin
    private ModelMixin model;

    @Override
    public Integer call() throws IOException {
        try (Model loaded = model.load()) {
            // Written beside the target first, so that a failure leaves nothing half done.
            Path part = output.resolveSibling(output.getFileName() + ".part");
            try {
                try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(part))) {
                    ByteBuffer bytes = ByteBuffer.allocate(4 * loaded.graph().vocabulary()).order(ByteOrder.LITTLE_ENDIAN);
                    loaded.logits(tokens.stream().mapToInt(Integer::intValue).toArray(), (position, logits) -> {
                        bytes.clear();
                        bytes.asFloatBuffer().put(logits);
                        try {
                            out.write(bytes.array());
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    });
                }
                Files.move(part, output, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(part);
            }
            Console.err().println("[" + tokens.size() + " × " + loaded.graph().vocabulary() + " logits in " + output + "]");
        }
        return 0;
    }
}
