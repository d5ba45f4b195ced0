package org.crema.bench;

import java.util.List;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Support;

/** Another device that can do nothing. */
record RefusingDevice(Device other) implements Device {
    @Override
    public DeviceInfo info() {
        return other.info();
    }

    @Override
    public Support supports(Op op, CompileOptions options) {
        return Support.no("only for this test");
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions options) {
        return other.footprint(parts, options);
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions options) {
        return other.compile(parts, options);
    }

    @Override
    public Rates measure() {
        return other.measure();
    }

    @Override
    public void close() {}
}
