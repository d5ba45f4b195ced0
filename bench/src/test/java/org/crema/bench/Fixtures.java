package org.crema.bench;

import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Rates;

/** Results with numbers that are known. */
final class Fixtures {
    static final Trial PROMPT = new Trial(512, 0, 0, 1);
    static final Trial ANSWER = new Trial(0, 128, 0, 1);
    static final double PACE = 18;
    static final Rates RATES = new Rates(20e9, 200e9);

    private Fixtures() {}

    static DeviceInfo device(String backend, DeviceInfo.Kind kind) {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("threads", "2");
        details.put("driver", "<1.2> & \"more\"");
        return new DeviceInfo(backend, 0, "Test " + backend, kind, 1L << 34, 1L << 33, details);
    }

    private static Share share(DeviceInfo info, Subject subject, Rates limits) {
        return new Share(info, List.of(subject.graph().program()), limits);
    }

    /** A result of the embedded model with these tokens per second. */
    static Result result(String backend, Trial trial, double... rates) throws IOException {
        return result(backend, RATES, trial, rates);
    }

    static Result result(String backend, Rates limits, Trial trial, double... rates) throws IOException {
        return result(backend, limits, PACE, trial, rates);
    }

    static Result result(String backend, Rates limits, double pace, Trial trial, double... rates) throws IOException {
        Environment environment = new Environment("0123456789", "Test CPU", 2, "Linux", "JVM 25", List.of("-Xmx1g"),
                OptionalDouble.of(2600));
        List<Sample> timings = Arrays.stream(rates).mapToObj(rate -> new Sample(Math.round(trial.tokens() * 1e9 / rate), pace))
                .toList();
        DeviceInfo info = device(backend, backend.equals("cpu") ? DeviceInfo.Kind.HOST : DeviceInfo.Kind.DISCRETE);
        try (Subject subject = Subject.embedded()) {
            return new Result(environment, Settings.DEFAULT, subject, List.of(share(info, subject, limits)),
                    "all on " + info.id(), trial,
                    Instant.parse("2026-01-02T03:04:05.678Z"), timings, Optional.empty());
        }
    }

    /** Two devices, two tests. */
    static List<Result> results() throws IOException {
        return List.of(result("cpu", PROMPT, 4000, 4100, 4050), result("cpu", ANSWER, 500, 510, 490),
                result("opencl", PROMPT, 1000, 1010, 990), result("opencl", ANSWER, 250, 251, 249));
    }
}
