package org.crema.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.model.placement.Placement;

/**
 * What a device has of a model.
 *
 * @param device which
 * @param programs what runs there for a token
 * @param rates what it reaches at best, in the same run
 */
public record Share(DeviceInfo device, List<Program> programs, Rates rates) {
    public Share {
        programs = List.copyOf(programs);
    }

    /** Of each device of a placement. */
    static List<Share> of(Placement placement, Map<Device, Rates> rates) {
        List<Share> shares = new ArrayList<>();
        for (int d = 0; d < placement.devices().size(); d++) {
            Device device = placement.devices().get(d);
            shares.add(new Share(device.info(), placement.segmentsOf(d).stream().map(Segment::program).toList(), rates.get(
                    device)));
        }
        return shares;
    }
}
