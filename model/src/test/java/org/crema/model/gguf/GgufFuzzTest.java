package org.crema.model.gguf;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.crema.kernels.conformance.OracleData;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/**
 * Mutated headers: a file opens or is refused with a {@link GgufException}, quickly and within 64 MiB. Runs for some seconds; with
 * {@code -Dfuzz.gguf=N} for N files, with {@code -Dfuzz.seed=S} from another seed.
 */
class GgufFuzzTest {
    private static final long MOST_BYTES = 64 << 20;
    private static final long MOST_NANOS = 10_000_000_000L;
    private static final long[] NASTY = {0, 1, -1, 2, 8, 31, 32, 33, 255, 256, 65535, 65536, Integer.MAX_VALUE, 1L << 31,
        0xffffffffL, 1L << 32,
        1L << 40, 1L << 61, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE - 31};

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void mutatedHeadersAreRefusedCleanly() throws IOException {
        long wanted = Long.getLong("fuzz.gguf", 0);
        long seed = Long.getLong("fuzz.seed", 20261123);
        SplittableRandom random = new SplittableRandom(seed);
        List<byte[]> sources = sources();
        long end = System.nanoTime() + 4_000_000_000L;
        long refused = 0;
        long most = 0;
        long rounds = 0;
        for (; wanted > 0 ? rounds < wanted : System.nanoTime() < end; rounds++) {
            byte[] bytes = mutate(sources, random);
            long allocated = threads.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            try (GgufFile file = GgufFile.open("fuzz.gguf", MemorySegment.ofArray(bytes))) {
                readAll(file);
            } catch (GgufException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ", round " + rounds, e);
            }
            long used = threads.getCurrentThreadAllocatedBytes() - allocated;
            most = Math.max(most, used);
            long round = rounds;
            assertTrue(used < MOST_BYTES, () -> "seed " + seed + ", round " + round + " allocated " + used + " bytes");
            assertTrue(System.nanoTime() - start < MOST_NANOS, () -> "seed " + seed + ", round " + round + " took too long");
        }
        System.out.printf("%,d mutated files, %,d refused, at most %,d bytes allocated for one%n", rounds, refused, most);
        assertTrue(refused > 0 && refused < rounds,
                "the mutations are all too harmless or all too harmful: " + refused + " of " + rounds);
    }

    /** Everything a loader may ask for: what is wrong with a value can come out as late as here. */
    private static void readAll(GgufFile file) {
        for (String key : file.metadata().keys()) {
            try {
                file.metadata().value(key);
            } catch (GgufException e) {
                assertTrue(e.getMessage().contains(key));
            }
        }
        for (GgufTensor tensor : file.tensors()) {
            assertTrue(tensor.data().byteSize() == tensor.bytes());
        }
    }

    private static List<byte[]> sources() throws IOException {
        List<byte[]> sources = new ArrayList<>();
        sources.add(new GgufWriter().put("general.architecture", "deepseek2").put("general.alignment", 32)
                .put("list", new String[] {"a", "bc",
                    ""})
                .put("numbers", new float[] {1, 2, 3}).put("flag", true)
                .tensor("x", QuantType.Q4_K, List.of(256L, 3L), new byte[432])
                .tensor("y", QuantType.F32, List.of(5L, 2L, 2L), new byte[80]).bytes());
        sources.add(new GgufWriter(2, 64).put("split.count", 1).put("d", 1.0).put("i", new int[] {1})
                .tensor("z", QuantType.Q8_0, List.of(64L), new byte[68]).bytes());
        Path vocabulary = OracleData.root().resolve("models/v2-full-IQ2_XS-split-00002-of-00003.gguf");
        byte[] real = Files.readAllBytes(vocabulary);
        // The header is what is read; a real one with its data cut to a page is enough.
        sources.add(Arrays.copyOf(real, Math.min(real.length, 8192)));
        return sources;
    }

    private static byte[] mutate(List<byte[]> sources, SplittableRandom random) {
        byte[] bytes = sources.get(random.nextInt(sources.size())).clone();
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            bytes = mutateOnce(bytes, sources, random);
        }
        return bytes;
    }

    private static byte[] mutateOnce(byte[] bytes, List<byte[]> sources, SplittableRandom random) {
        if (bytes.length < 32) {
            return bytes;
        }
        ByteBuffer view = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        // Most of a small file is header; places near the front matter most.
        int at = random.nextInt(2) == 0 ? random.nextInt(bytes.length - 8) : random.nextInt(Math.min(bytes.length - 8, 400));
        switch (random.nextInt(8)) {
            case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bytes[at] = (byte) random.nextInt();
            case 2 -> view.putLong(at, NASTY[random.nextInt(NASTY.length)]);
            case 3 -> view.putInt(at, (int) NASTY[random.nextInt(NASTY.length)]);
            case 4 -> view.putLong(at, view.getLong(at) + random.nextInt(-2, 3));
            case 5 -> {
                return Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            case 6 -> {
                byte[] other = sources.get(random.nextInt(sources.size()));
                int length = random.nextInt(1, Math.min(other.length, bytes.length - at));
                System.arraycopy(other, random.nextInt(other.length - length), bytes, at, length);
            }
            default -> {
                int length = random.nextInt(1, 16);
                byte[] longer = new byte[bytes.length + length];
                System.arraycopy(bytes, 0, longer, 0, at);
                System.arraycopy(bytes, at, longer, at + length, bytes.length - at);
                return longer;
            }
        }
        return bytes;
    }
}
