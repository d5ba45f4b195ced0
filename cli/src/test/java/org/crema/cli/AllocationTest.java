package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.crema.Crema;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.placement.PlacementOptions;
import org.crema.model.placement.Plan;
import org.crema.model.placement.PlanRequest;
import org.crema.model.placement.Planner;
import org.crema.model.runtime.Devices;
import org.crema.model.runtime.Engine;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What a plan says a device needs is what allocating takes, within one percent, on every device of the class path. */
class AllocationTest {
    private static final Path STATUS = Path.of("/proc/self/status");

    @TestFactory
    Stream<DynamicTest> aDeviceTakesWhatThePlanSays() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Backend backend : Devices.backends().values()) {
            for (DeviceInfo info : backend.discover().devices()) {
                // The interpreter lives on the Java heap.
                if (!info.backend().equals("reference")) {
                    tests.add(dynamicTest(info.id() + " refuses one percent less", () -> Crema.withTinyCoderFile(file -> {
                        limits(file, info.id());
                        return null;
                    })));
                    if (info.kind() == DeviceInfo.Kind.HOST && Files.exists(STATUS)) {
                        tests.add(dynamicTest(info.id() + " takes so much memory", () -> Crema.withTinyCoderFile(file -> {
                            mapped(file, info.id());
                            return null;
                        })));
                    }
                }
            }
        }
        return tests.stream();
    }

    private static Plan plan(GgufFile file, Device device, int context) {
        ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
        return new Planner(graph, List.of(device), PlacementOptions.DEFAULT.withMargin(0),
                new PlanRequest(context, 64, Precision.F32, Cache.Type.F32, bytes -> {})).plan();
    }

    private static void limits(GgufFile file, String id) {
        try (Device device = Devices.open(id, DeviceOptions.DEFAULT)) {
            Plan plan = plan(file, device, 2048);
            long need = plan.usages().getFirst().footprint().total();
            compile(plan, id, need);
            DeviceException.OutOfMemory e = assertThrows(DeviceException.OutOfMemory.class,
                    () -> compile(plan, id, need - need / 100));
            assertEquals(need, e.need());
        }
    }

    private static void compile(Plan plan, String id, long limit) {
        try (Device device = Devices.open(id, new DeviceOptions(0, limit))) {
            device.compile(plan.placement().programsOf(0), plan.compile())
                    .close();
        }
    }

    /** With as long a context as the device's buffers allow: the larger, the less anything else counts. */
    private static Plan large(GgufFile file, Device device) {
        for (int context = 1 << 17;; context /= 2) {
            try {
                return plan(file, device, context);
            } catch (DeviceException tooLong) {
                if (context <= 1 << 14) {
                    throw tooLong;
                }
            }
        }
    }

    /** By the address space that the process has, before and after. */
    private static void mapped(GgufFile file, String id) {
        try (Device device = Devices.open(id, DeviceOptions.DEFAULT)) {
            // Small first: compilers, code and threads are there afterwards.
            Plan small = plan(file, device, 512);
            new Engine(small.placement(), small.compile()).close();
            Plan plan = large(file, device);
            long need = plan.usages().getFirst().footprint().total();
            long before = allocated();
            try (Engine engine = new Engine(plan.placement(), plan.compile())) {
                long taken = allocated() - before;
                System.out.printf("%s: planned %,d bytes, took %,d in %d segments%n", id, need, taken,
                        engine.placement().segments()
                                .size());
                assertTrue(Math.abs(taken - need) <= need / 100, "planned " + need + " bytes, took " + taken);
            }
        }
    }

    /** Address space of the process: unlike what is resident, it does not change with the Java heap, which is reserved from the start. */
    private static long allocated() {
        try {
            return Files.readAllLines(STATUS).stream().filter(line -> line.startsWith("VmSize:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElseThrow() << 10;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
