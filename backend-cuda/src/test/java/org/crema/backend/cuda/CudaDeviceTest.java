package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.GpuDeviceKit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CudaDeviceTest extends GpuDeviceKit {
    @BeforeEach
    void need() {
        Emulated.need();
    }

    @Override
    protected Backend backend() {
        return new CudaBackend();
    }

    @Override
    protected String kind() {
        return "CUDA";
    }

    @Override
    protected Set<String> details() {
        return Set.of("driver", "compute capability", "multiprocessors", "tuned as");
    }

    @Override
    protected GpuDevice open(DeviceOptions options) {
        return Emulated.open(options);
    }

    /** What the driver counts, not what the plan says: the plan must not say less. */
    @Test
    void takesWhatTheFootprintSays() {
        Program program = program(weight);
        try (GpuDevice device = open()) {
            long before = Emulated.get("allocated");
            long need = device.footprint(List.of(program), OPTIONS).total();
            try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                works(executable, program);
                long taken = Emulated.get("allocated") - before;
                assertEquals((double) need, (double) taken, 0.01 * need + 5 * 512, "bytes");
            }
            assertEquals(before, Emulated.get("allocated"));
        }
    }

    /** The card's memory is smaller than what was thought to be free: another process took it. */
    @Test
    void outOfMemoryOfTheDriverLeavesNothingBehind() {
        Program program = program(weight);
        try (GpuDevice device = open()) {
            long need = device.footprint(List.of(program), OPTIONS).total();
            long streams = Emulated.get("streams");
            long memory = Emulated.set("refuse", need / 2);
            try {
                DeviceException.OutOfMemory thrown = assertThrows(DeviceException.OutOfMemory.class, () -> device.compile(List.of(
                        program), OPTIONS).close());
                assertTrue(thrown.getMessage().contains("shorter context"), thrown.getMessage());
            } finally {
                Emulated.set("refuse", memory);
            }
            assertEquals(0, device.used());
            assertEquals(0, Emulated.get("allocated"));
            assertEquals(streams, Emulated.get("streams"));
            try (Executable again = device.compile(List.of(program), OPTIONS)) {
                works(again, program);
            }
        }
    }

    @Test
    void nothingStaysBehind() {
        Program program = program(weight);
        try (GpuDevice device = open();
                Executable executable = device.compile(List.of(program), OPTIONS.withProfile())) {
            works(executable, program);
            works(executable, program);
            assertEquals(1, executable.timings().size());
            works(executable, program);
        }
        for (String what : List.of("allocated", "pinned", "streams", "graphs", "events", "modules", "contexts")) {
            assertEquals(0, Emulated.get(what), what);
        }
    }

    /** Two products, so that there is something to capture. */
    @Test
    void graphsAreCapturedOnceAndFreed() {
        Program.Builder builder = new Program.Builder("products");
        Slot in = builder.input("in", Rows.TOKENS, COLUMNS, Element.F32);
        Slot between = builder.slot("between", Rows.TOKENS, ROWS);
        Slot out = builder.slot("out", Rows.TOKENS, ROWS);
        Program program = builder.add(new Op.MatMul(between.all(), in.all(), weight))
                .add(new Op.SwiGlu(out.all(), between.all(), between.all())).build(out);
        MemorySegment ones = arena.allocate(4L * COLUMNS * LIMITS.tokens(), 4);
        try (GpuDevice device = open(); Executable executable = device.compile(List.of(program), OPTIONS)) {
            long captures = Emulated.get("captures");
            for (int i = 0; i < 20; i++) {
                run(executable, program, ones, 1);
            }
            assertEquals(1, Emulated.get("captures") - captures);
            for (int i = 0; i < 20; i++) {
                run(executable, program, ones, 1 + i % 2);
            }
            assertEquals(2, Emulated.get("captures") - captures, "one more for steps of two tokens");
            assertEquals(2, Emulated.get("graphs"));
        }
        assertEquals(0, Emulated.get("graphs"));
    }

    private void run(Executable executable, Program program, MemorySegment input, int tokens) {
        executable.begin(step(tokens));
        executable.write(program.inputs().getFirst(), input, tokens);
        executable.run(0);
        executable.finish();
    }

    @Test
    void oldCardsAndDriversAreRefusedWithAReason() {
        refused("minor", 0, "major", 7, "compute capability is 7.0, at least 7.5");
        refused("driver", 11080, "driver", 11080, "for CUDA 11.8; CUDA 12.0 is needed, install driver 525");
        refused("devices", 0, "devices", 0, "finds no GPU");
    }

    private static void refused(String first, long firstValue, String second, long secondValue, String reason) {
        long oldFirst = Emulated.set(first, firstValue);
        long oldSecond = Emulated.set(second, secondValue);
        try {
            Backend.Discovery found = new CudaBackend().discover();
            assertEquals(List.of(), found.devices());
            assertEquals(1, found.rejections().size());
            assertTrue(found.rejections().getFirst().contains(reason), found.rejections().getFirst());
            DeviceException thrown = assertThrows(DeviceException.class, () -> new CudaBackend().open(0, DeviceOptions.DEFAULT));
            assertTrue(thrown.getMessage().contains(reason), thrown.getMessage());
        } finally {
            Emulated.set(second, oldSecond);
            Emulated.set(first, oldFirst);
        }
    }

    /** A fault answers every call from then on, until the context is closed. */
    @Test
    void aLostDeviceSaysSoAndCanBeOpenedAgain() {
        Program program = program(weight);
        GpuDevice device = open();
        Executable executable = device.compile(List.of(program), OPTIONS);
        works(executable, program);
        Emulated.set("lost", 700);
        DeviceException thrown = assertThrows(DeviceException.class, executable::finish);
        assertTrue(thrown.getMessage().contains("cuda:0") && thrown.getMessage().contains("CUDA_ERROR_ILLEGAL_ADDRESS") && thrown
                .getMessage().contains("close it and open it again"), thrown.getMessage());
        executable.close();
        device.close();
        try (GpuDevice again = open(); Executable works = again.compile(List.of(program), OPTIONS)) {
            works(works, program);
        }
    }

    /** An executable that outlives its device. */
    @Test
    void closingTheDeviceFirst() {
        Program program = program(weight);
        GpuDevice device = open();
        Executable executable = device.compile(List.of(program), OPTIONS);
        works(executable, program);
        device.close();
        executable.close();
        assertEquals(0, Emulated.get("contexts"));
        try (GpuDevice again = open(); Executable works = again.compile(List.of(program), OPTIONS)) {
            works(works, program);
        }
    }

    @Test
    void driversThatAreTooOldForThePtxShowTheLog() {
        long driver = Emulated.set("driver", 12000);
        try (GpuDevice device = open()) {
            // As if PTX of a newer version had been packed.
            Emulated.set("driver", 11080);
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(program(weight)), OPTIONS)
                    .close());
            assertTrue(thrown.getMessage().contains("cannot compile the kernels matmul_F32") && thrown.getMessage().contains(
                    "Unsupported .version"), thrown.getMessage());
            assertEquals(0, device.used());
        } finally {
            Emulated.set("driver", driver);
        }
    }
}
