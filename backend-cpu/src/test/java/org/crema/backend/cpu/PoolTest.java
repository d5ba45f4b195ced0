package org.crema.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.crema.kernels.DeviceException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PoolTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void runsEveryChunkOnceBeforeItReturns(int threads) {
        try (Pool pool = new Pool(threads)) {
            Random random = new Random(threads);
            AtomicIntegerArray runs = new AtomicIntegerArray(40);
            AtomicIntegerArray busy = new AtomicIntegerArray(threads);
            AtomicInteger clashes = new AtomicInteger();
            Pool.Job job = (chunk, thread) -> {
                if (busy.incrementAndGet(thread) != 1) {
                    clashes.incrementAndGet();
                }
                runs.incrementAndGet(chunk);
                busy.decrementAndGet(thread);
            };
            for (int i = 0; i < 20_000; i++) {
                int chunks = random.nextInt(40);
                pool.run(job, chunks);
                for (int c = 0; c < 40; c++) {
                    assertEquals(c < chunks ? 1 : 0, runs.getAndSet(c, 0), "job " + i + ", chunk " + c + " of " + chunks);
                }
            }
            assertEquals(0, clashes.get());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void showsTheCallerWhatAWorkerThrew(int threads) {
        try (Pool pool = new Pool(threads)) {
            for (int failing = 0; failing < 8; failing++) {
                int bad = failing;
                AtomicInteger ran = new AtomicInteger();
                RuntimeException thrown = assertThrows(RuntimeException.class, () -> pool.run((chunk, thread) -> {
                    ran.incrementAndGet();
                    if (chunk == bad) {
                        throw new IllegalStateException("chunk " + chunk);
                    }
                }, 8));
                if (threads > 1) {
                    assertInstanceOf(DeviceException.class, thrown);
                    assertInstanceOf(IllegalStateException.class, thrown.getCause());
                    assertEquals(8, ran.get());
                }
                assertTrue(thrown.getMessage().contains("chunk " + bad), thrown.getMessage());
            }
            AtomicInteger ran = new AtomicInteger();
            pool.run((chunk, thread) -> ran.incrementAndGet(), 100);
            assertEquals(100, ran.get());
        }
    }

    @Test
    void sleepsWhenIdleAndWakesAgain() throws InterruptedException {
        try (Pool pool = new Pool(4)) {
            for (int i = 0; i < 3; i++) {
                AtomicInteger ran = new AtomicInteger();
                pool.run((chunk, thread) -> ran.incrementAndGet(), 64);
                assertEquals(64, ran.get());
                long end = System.nanoTime() + 20_000_000_000L;
                while (workers().stream().anyMatch(worker -> worker.getState() != Thread.State.WAITING)) {
                    assertTrue(System.nanoTime() < end, "still awake: " + workers());
                    Thread.sleep(1);
                }
            }
        }
        assertEquals(List.of(), workers());
    }

    @Test
    void refusesAfterItIsClosed() {
        Pool pool = new Pool(2);
        pool.close();
        assertThrows(DeviceException.class, pool::enter);
        assertFalse(Thread.currentThread().isInterrupted());
    }

    @Test
    void refusesMoreChunksThanItCanCount() {
        try (Pool pool = new Pool(2)) {
            assertThrows(IllegalArgumentException.class, () -> pool.run((chunk, thread) -> {}, Pool.MOST_CHUNKS + 1));
        }
    }

    static List<Thread> workers() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("crema-cpu-")).toList();
    }
}
