package org.crema.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.GenerateOptions;
import org.crema.model.sampling.SamplingOptions;
import picocli.CommandLine.Option;

/** How tokens are chosen and when to stop; names as in llama.cpp. */
final class SamplingMixin {
    @Option(names = {"-n",
        "--predict"}, paramLabel = "N", defaultValue = "256", description = "Most tokens of the answer; -1 for as many as the context holds (${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = {"-s", "--seed"}, paramLabel = "N", description = "Seed of the draw. Default: another one each time.")
    private Long seed;

    @Option(names = "--temp", paramLabel = "T", defaultValue = "0.8", description = "Temperature; 0 takes the likeliest token (${DEFAULT-VALUE}).")
    private float temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "40", description = "Keep the K likeliest tokens; 0 for all (${DEFAULT-VALUE}).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95", description = "Keep the likeliest tokens up to this probability (${DEFAULT-VALUE}).")
    private float topP;

    @Option(names = "--min-p", paramLabel = "P", defaultValue = "0.05", description = "Keep tokens of this times the likeliest one's probability (${DEFAULT-VALUE}).")
    private float minP;

    @Option(names = "--repeat-penalty", paramLabel = "R", defaultValue = "1.0", description = "Penalty on repeated tokens; 1 for none (${DEFAULT-VALUE}).")
    private float repeat;

    @Option(names = "--repeat-last-n", paramLabel = "N", defaultValue = "64", description = "Tokens that penalties look back; -1 for all (${DEFAULT-VALUE}).")
    private int lastN;

    @Option(names = "--presence-penalty", paramLabel = "A", defaultValue = "0", description = "Penalty on tokens that occurred (${DEFAULT-VALUE}).")
    private float presence;

    @Option(names = "--frequency-penalty", paramLabel = "A", defaultValue = "0", description = "Penalty for each time a token occurred (${DEFAULT-VALUE}).")
    private float frequency;

    @Option(names = {"-l",
        "--logit-bias"}, paramLabel = "ID=BIAS", description = "Add to the logit of a token; -infinity forbids it.")
    private Map<Integer, Float> bias = new HashMap<>();

    @Option(names = "--stop", paramLabel = "TEXT", description = "End the answer before this text; may be given several times.")
    private List<String> stop = new ArrayList<>();

    GenerateOptions options() {
        SamplingOptions sampling = SamplingOptions.defaults().withTemperature(temperature).withTopK(topK).withTopP(topP)
                .withMinP(minP)
                .withPenalties(lastN, repeat, presence, frequency).withLogitBias(bias);
        if (seed != null) {
            sampling = sampling.withSeed(seed);
        }
        return GenerateOptions.DEFAULT.withSampling(sampling).withMaxTokens(maxTokens).withStop(stop);
    }
}
