package org.crema.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlTest {
    @TempDir
    Path folder;

    @Test
    void theBrowserShowsTheBars() throws IOException, InterruptedException {
        Optional<Path> browser = browser();
        if (browser.isEmpty() && "true".equals(System.getenv("CI"))) {
            fail("no Chromium on the path; install the package chromium");
        }
        assumeTrue(browser.isPresent(), "no Chromium on the path; install the package chromium");
        Path page = Files.writeString(folder.resolve("bench.html"),
                Html.of(Fixtures.results(), List.of("a device: <no> memory")));
        Path shot = folder.resolve("shot.png");
        Path log = folder.resolve("log.txt");
        Process process = new ProcessBuilder(browser.get().toString(), "--headless", "--no-sandbox", "--disable-gpu",
                "--hide-scrollbars", "--force-device-scale-factor=1", "--user-data-dir=" + folder.resolve("profile"),
                "--window-size=1200,1200", "--screenshot=" + shot, page.toUri().toString()).redirectErrorStream(true)
                .redirectOutput(log.toFile()).start();
        assertEquals(0, process.waitFor(), () -> read(log));
        assertTrue(Files.exists(shot), () -> read(log));
        Picture picture = new Picture(ImageIO.read(shot.toFile()));
        // In either test the first device is about twice and four times as fast as the second one.
        int first = picture.longestRun(Html.COLOURS.get(0));
        int second = picture.longestRun(Html.COLOURS.get(1));
        assertTrue(first > 50 && second > 10 && first > second, () -> "bars of " + first + " and " + second + " pixels");
        assertTrue(picture.count(Html.COLOURS.get(0)) > 20 * first, "bars have a height");
    }

    @Test
    void thePageNeedsNothingElse() throws IOException {
        String page = Html.of(Fixtures.results(), List.of("a device: <no> memory"));
        assertFalse(page.contains("http"), "a link");
        assertFalse(page.contains("<script"), "a script");
        assertTrue(page.contains("&lt;no&gt; memory"), "text is escaped");
        assertEquals(4, page.split("class=\"bar\"", -1).length - 1);
        assertEquals(4, page.split("class=\"limit\"", -1).length - 1);
    }

    @Test
    void anEmptyRunIsAPageToo() {
        assertTrue(Html.of(List.of(), List.of("why")).contains("Nothing was timed"));
    }

    private static String read(Path log) {
        try {
            return Files.readString(log, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static Optional<Path> browser() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .flatMap(dir -> List.of("chromium", "chromium-browser", "google-chrome").stream().map(name -> Path.of(dir, name)))
                .filter(Files::isExecutable).findFirst();
    }
}
