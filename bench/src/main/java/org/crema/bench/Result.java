package org.crema.bench;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.crema.kernels.DeviceInfo;

/**
 * One trial of one subject in one place, with the whole configuration.
 *
 * @param environment of the run
 * @param settings of the run
 * @param subject what ran; its memory may be freed
 * @param shares where: the devices, what each has of the model, and what each reached at best
 * @param placement which part of the model ran where, in words
 * @param trial what was timed
 * @param time when the first sample began
 * @param taken the samples
 * @param profile where the time goes, if that was asked for
 */
public record Result(Environment environment, Settings settings, Subject subject, List<Share> shares, String placement,
        Trial trial, Instant time, List<Sample> taken, Optional<Profile> profile) {
    public Result {
        shares = List.copyOf(shares);
        taken = List.copyOf(taken);
    }

    Result withShares(List<Share> others) {
        return new Result(environment, settings, subject, others, placement, trial, time, taken, profile);
    }

    /** Ids of the devices: {@code opencl:0+cpu}. */
    public String devices() {
        return joined(device -> device.id());
    }

    /** Names of the backends: {@code opencl+cpu}. */
    public String backends() {
        return joined(DeviceInfo::backend);
    }

    private String joined(Function<DeviceInfo, String> text) {
        return shares.stream().map(Share::device).map(text).distinct().collect(Collectors.joining("+"));
    }

    private List<Long> nanos() {
        return taken.stream().map(Sample::nanos).toList();
    }

    /** Paces of the host beside the samples, in the unit of {@link Sample#pace}. */
    public Samples paces() {
        return new Samples(taken.stream().map(Sample::pace).toList());
    }

    /** Tokens per second. */
    public Samples samples() {
        return Samples.of(trial.tokens(), nanos());
    }

    /** Tokens per second that the measured rates allow. */
    public double limit() {
        return trial.tokens() / Limit.seconds(shares, trial, settings);
    }

    /** The median's share of the limit. */
    public double share() {
        return samples().median() / limit();
    }

    /** Name and value of everything, in the order to print: llama-bench's fields under its names, then ours. */
    public Map<String, Object> fields() {
        Samples samples = samples();
        Samples times = new Samples(nanos().stream().map(Long::doubleValue).toList());
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("build_commit", environment.commit());
        fields.put("cpu_info", environment.processor());
        fields.put("gpu_info", joined(device -> device.kind() == DeviceInfo.Kind.HOST ? "" : device.name()));
        fields.put("backends", backends());
        fields.put("model_filename", subject.file());
        fields.put("model_type", subject.type());
        fields.put("model_size", subject.bytes());
        fields.put("model_n_params", subject.parameters());
        fields.put("n_batch", settings.batch());
        fields.put("n_ubatch", settings.batch());
        fields.put("n_threads", threads());
        fields.put("type_k", settings.cacheType().name().toLowerCase(Locale.ROOT));
        fields.put("type_v", settings.cacheType().name().toLowerCase(Locale.ROOT));
        fields.put("devices", devices());
        fields.put("n_prompt", trial.prompt());
        fields.put("n_gen", trial.generate());
        fields.put("n_depth", trial.depth());
        fields.put("test_time", time.truncatedTo(ChronoUnit.SECONDS).toString());
        fields.put("avg_ns", Math.round(times.mean()));
        fields.put("stddev_ns", Math.round(times.deviation()));
        fields.put("avg_ts", samples.mean());
        fields.put("stddev_ts", samples.deviation());
        fields.put("samples_ns", nanos());
        fields.put("samples_ts", samples.values());
        fields.put("engine", "crema");
        fields.put("n_streams", trial.streams());
        fields.put("median_ts", samples.median());
        fields.put("least_ts", samples.least());
        fields.put("most_ts", samples.most());
        fields.put("samples_pace", paces().values());
        fields.put("precision", settings.precision().name().toLowerCase(Locale.ROOT));
        fields.put("placement", placement);
        fields.put("device_name", joined(DeviceInfo::name));
        fields.put("device_details", each(share -> share.device().details()));
        fields.put("limit_bytes_per_second", each(share -> share.rates().bytesPerSecond()));
        fields.put("limit_flops_per_second", each(share -> share.rates().flopsPerSecond()));
        fields.put("limit_products_per_second", each(share -> share.rates().productsPerSecond()));
        fields.put("limit_ts", limit());
        fields.put("limit_share", share());
        fields.put("model_note", subject.note());
        fields.put("model_hash", subject.hash());
        Map<String, Long> types = new TreeMap<>();
        subject.types().forEach((type, bytes) -> types.put(type.name(), bytes));
        fields.put("model_types", types);
        fields.put("warm_up_ns", settings.warmUp().toNanos());
        fields.put("os", environment.os());
        fields.put("cores", environment.cores());
        fields.put("jvm", environment.jvm());
        fields.put("jvm_flags", environment.jvmFlags());
        profile.ifPresent(p -> fields.put("profile", p.pieces()));
        environment.clockMhz().ifPresent(mhz -> fields.put("clock_mhz", mhz));
        return fields;
    }

    /** Of the only device, or a list with that of each. */
    private Object each(Function<Share, Object> value) {
        return shares.size() == 1 ? value.apply(shares.getFirst()) : shares.stream().map(value).toList();
    }

    /** Of a device if it says so, else as asked for. */
    private int threads() {
        return shares.stream().map(share -> share.device().details().get("threads")).filter(Objects::nonNull).findFirst().map(
                Integer::valueOf).orElse(settings.threads());
    }
}
