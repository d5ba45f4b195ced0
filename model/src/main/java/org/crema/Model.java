package org.crema;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantLock;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.chat.ChatMessage;
import org.crema.model.chat.ChatTemplate;
import org.crema.model.gguf.GgufFile;
import org.crema.model.placement.Plan;
import org.crema.model.placement.Planner;
import org.crema.model.runtime.Background;
import org.crema.model.runtime.Devices;
import org.crema.model.runtime.Engine;
import org.crema.model.runtime.Session;
import org.crema.model.sampling.Sampler;
import org.crema.model.sampling.StopMatcher;
import org.crema.model.tokenizer.TextDecoder;
import org.crema.model.tokenizer.Tokenizer;

/**
 * A loaded model. Thread-safe: requests run one after the other, in the order in which they came. What a request has in common with
 * the start of the one before is not computed again.
 */
public final class Model implements AutoCloseable {
    private final GgufFile file;
    private final ModelOptions options;
    private final AutoCloseable memory;
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final ModelGraph graph;
    private final List<Device> devices;
    private final Plan plan;
    private final Engine engine;
    private final Session session;
    private final ReentrantLock lock = new ReentrantLock(true);
    private boolean closed;

    private Model(GgufFile file, ModelOptions options, AutoCloseable memory, Tokenizer tokenizer, ModelGraph graph,
            List<Device> devices, Plan plan, Engine engine) {
        this.file = file;
        this.options = options;
        this.memory = memory;
        this.tokenizer = tokenizer;
        this.graph = graph;
        this.devices = devices;
        this.plan = plan;
        this.engine = engine;
        this.session = new Session(engine, plan.context());
        String bos = tokenizer.bos().isPresent() ? tokenizer.piece(tokenizer.bos().getAsInt()) : "";
        String eos = tokenizer.eos().isPresent() ? tokenizer.piece(tokenizer.eos().getAsInt()) : "";
        this.template = file.metadata().string("tokenizer.chat_template").map(text -> ChatTemplate.of(text, bos, eos)).orElseGet(
                () -> ChatTemplate.deepSeek(bos, eos));
    }

    /** Takes over the file and whatever memory it is in; both are closed with the model, or at once if this fails. */
    static Model load(GgufFile file, ModelOptions options, AutoCloseable memory, Devices.Search search) {
        List<Device> devices = List.of();
        try {
            Background<Tokenizer> background = Background.start("tokenizer", () -> Tokenizer.of(file.metadata()));
            ModelGraph graph;
            try {
                graph = Architecture.of(file, new ArchitectureOptions(options.groupedRouting()));
            } catch (RuntimeException e) {
                // The tokenizer reads the file: that must be over before the file is closed.
                background.join(e);
                throw e;
            }
            Tokenizer tokenizer = background.get();
            if (tokenizer.size() > graph.vocabulary()) {
                throw file.metadata().error("tokenizer.ggml.tokens",
                        "found " + tokenizer.size() + " tokens, but the model gives logits for "
                                + graph.vocabulary());
            }
            devices = search.open(new DeviceOptions(options.threads(), options.memoryLimit()));
            Planner planner = new Planner(graph, devices, options.placement(), options.request());
            Allocated allocated = allocate(planner);
            if (devices.size() > 1 || !allocated.plan.reasons().isEmpty()) {
                allocated.plan.summary().forEach(options.placement().log());
            }
            try {
                return new Model(file, options, memory, tokenizer, graph, devices, allocated.plan, allocated.engine);
            } catch (RuntimeException e) {
                closeAll(e, List.of(allocated.engine));
                throw e;
            }
        } catch (RuntimeException e) {
            closeAll(e, devices);
            closeAll(e, List.of(memory));
            throw e;
        }
    }

    private record Allocated(Plan plan, Engine engine) {}

    /** Allocates the best plan that the devices really take. */
    private static Allocated allocate(Planner planner) {
        Plan plan = planner.plan();
        while (true) {
            try {
                return new Allocated(plan, new Engine(plan.placement(), plan.compile()));
            } catch (DeviceException.OutOfMemory refusal) {
                plan = planner.below(plan, refusal);
            }
        }
    }

    private static void closeAll(Exception cause, List<? extends AutoCloseable> parts) {
        for (AutoCloseable part : parts) {
            try {
                part.close();
            } catch (Exception e) {
                cause.addSuppressed(e);
            }
        }
    }

    /** Continues a text, with the default options. */
    public Generation generate(String prompt) {
        return generate(prompt, GenerateOptions.DEFAULT);
    }

    /**
     * Continues a text.
     *
     * @throws ContextException if the prompt leaves no room for an answer
     * @throws DeviceException if the device fails
     */
    public Generation generate(String prompt, GenerateOptions how) {
        return generate(tokenizer.encode(prompt, true, how.special()), how);
    }

    /**
     * Fills in what belongs between two texts.
     *
     * @throws UnsupportedOperationException if the model has no fill-in-the-middle tokens
     */
    public Generation fillIn(String prefix, String suffix, GenerateOptions how) {
        int first = fimToken(tokenizer.fimPrefix(), "prefix");
        int hole = fimToken(tokenizer.fimSuffix(), "suffix");
        int end = fimToken(tokenizer.fimMiddle(), "middle");
        List<Integer> ids = new ArrayList<>();
        if (tokenizer.addsBos()) {
            tokenizer.bos().ifPresent(ids::add);
        }
        ids.add(first);
        addAll(ids, tokenizer.encode(prefix, false, how.special()));
        ids.add(hole);
        addAll(ids, tokenizer.encode(suffix, false, how.special()));
        ids.add(end);
        return generate(ids.stream().mapToInt(Integer::intValue).toArray(), how);
    }

    private static int fimToken(OptionalInt token, String which) {
        return token.orElseThrow(() -> new UnsupportedOperationException("the model has no token for the " + which
                + " of fill-in-the-middle; use a model that was trained for it (a Base model of DeepSeek-Coder, say)"));
    }

    private static void addAll(List<Integer> list, int[] values) {
        for (int value : values) {
            list.add(value);
        }
    }

    /** Answers the last of these messages, in the model's own prompt format. */
    public Generation chat(List<ChatMessage> messages, GenerateOptions how) {
        return generate(chatTokens(messages), how);
    }

    /** The prompt of a conversation, as {@link #chat} gives it to the model. */
    public String chatPrompt(List<ChatMessage> messages) {
        return template.render(messages, true);
    }

    private int[] chatTokens(List<ChatMessage> messages) {
        String prompt = chatPrompt(messages);
        // Most templates write the beginning of the sequence themselves.
        boolean has = tokenizer.bos().isPresent() && prompt.startsWith(tokenizer.piece(tokenizer.bos().getAsInt()));
        return tokenizer.encode(prompt, !has, true);
    }

    /**
     * Continues a sequence of tokens, given as it is.
     *
     * @param prompt at least one token
     */
    public Generation generate(int[] prompt, GenerateOptions how) {
        checkTokens(prompt);
        lock.lock();
        try {
            open();
            if (prompt.length >= session.context()) {
                throw new ContextException(prompt.length, session.context(), graph.trainedContext());
            }
            return new Answer(prompt.clone(), how).run();
        } finally {
            lock.unlock();
        }
    }

    /**
     * The logits of every position of a sequence.
     *
     * @param sink gets them in order; the array is used again for the next position
     */
    public void logits(int[] tokens, Session.LogitsSink sink) {
        checkTokens(tokens);
        lock.lock();
        try {
            open();
            if (tokens.length > session.context()) {
                throw new ContextException(tokens.length, session.context(), graph.trainedContext());
            }
            session.truncate(0);
            session.append(tokens, 0, tokens.length, Session.Wanted.ALL, sink);
        } finally {
            lock.unlock();
        }
    }

    private void checkTokens(int[] tokens) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("the prompt has no tokens; give at least one");
        }
        for (int token : tokens) {
            if (token < 0 || token >= graph.vocabulary()) {
                throw new IllegalArgumentException("token " + token + " is not one of the model's " + graph.vocabulary());
            }
        }
    }

    private void open() {
        if (closed) {
            throw new IllegalStateException("the model " + file.name() + " is closed");
        }
    }

    /** Text to tokens and back. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The file that the model is from. */
    public GgufFile file() {
        return file;
    }

    /** Most tokens of a prompt and its answer together. */
    public int context() {
        return session.context();
    }

    /** The model's program and sizes. */
    public ModelGraph graph() {
        return graph;
    }

    /** Where the model runs, and why there. */
    public Plan plan() {
        return plan;
    }

    /** The devices that run it. */
    public List<Device> devices() {
        return plan.placement().devices();
    }

    public ModelOptions options() {
        return options;
    }

    /** Waits for the request that runs, then frees all memory. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            IllegalStateException problem = new IllegalStateException("the model could not be closed cleanly");
            closeAll(problem, List.of(session, engine));
            closeAll(problem, devices);
            closeAll(problem, List.of(memory));
            if (problem.getSuppressed().length > 0) {
                throw problem;
            }
        } finally {
            lock.unlock();
        }
    }

    /** One request. */
    private final class Answer {
        private final int[] prompt;
        private final GenerateOptions how;
        private final Sampler sampler;
        private final StopMatcher stops;
        private final TextDecoder decoder;
        private final StringBuilder text = new StringBuilder();
        private final List<Integer> tokens = new ArrayList<>();
        private int next;

        Answer(int[] prompt, GenerateOptions how) {
            this.prompt = prompt;
            this.how = how;
            this.sampler = new Sampler(how.sampling(), graph.vocabulary());
            this.stops = new StopMatcher(how.stop());
            this.decoder = tokenizer.decoder(false);
            for (int token : prompt) {
                sampler.accept(token);
            }
        }

        Generation run() {
            long start = System.nanoTime();
            // The last token is always computed, for its logits.
            int cached = session.keepPrefix(prompt, prompt.length - 1);
            FinishReason reason = readPrompt(cached);
            long middle = System.nanoTime();
            if (reason == null) {
                reason = write();
            }
            show(stops.next(decoder.flush()));
            show(stops.flush());
            long end = System.nanoTime();
            return new Generation(text.toString(), tokens, reason, prompt.length, cached, sampler.seed(),
                    Duration.ofNanos(middle - start),
                    Duration.ofNanos(end - middle));
        }

        private FinishReason readPrompt(int cached) {
            int batch = engine.options().limits().tokens();
            for (int at = cached; at < prompt.length; at += batch) {
                if (how.cancellation().cancelled()) {
                    return FinishReason.CANCELLED;
                }
                int to = Math.min(prompt.length, at + batch);
                if (to == prompt.length) {
                    next(prompt, at, to);
                } else {
                    session.append(prompt, at, to, Session.Wanted.NONE, this::choose);
                }
            }
            return null;
        }

        private FinishReason write() {
            int[] one = new int[1];
            while (true) {
                if (tokenizer.isEndOfGeneration(next)) {
                    return FinishReason.STOP;
                }
                if (how.maxTokens() >= 0 && tokens.size() >= how.maxTokens()) {
                    return FinishReason.LENGTH;
                }
                tokens.add(next);
                sampler.accept(next);
                show(stops.next(decoder.next(next)));
                if (stops.stopped()) {
                    return FinishReason.STOP;
                }
                if (how.cancellation().cancelled()) {
                    return FinishReason.CANCELLED;
                }
                if (session.length() >= session.context() || tokens.size() == how.maxTokens()) {
                    return FinishReason.LENGTH;
                }
                one[0] = next;
                next(one, 0, 1);
            }
        }

        /** Appends tokens and chooses the one that follows. */
        private void next(int[] input, int from, int to) {
            if (!sampler.greedy()) {
                session.append(input, from, to, Session.Wanted.LAST, this::choose);
                return;
            }
            int best = session.appendBest(input, from, to, this::choose);
            next = best < 0 ? next : best;
        }

        private void choose(int position, float[] logits) {
            next = sampler.sample(logits);
        }

        private void show(String piece) {
            if (!piece.isEmpty()) {
                text.append(piece);
                how.listener().accept(piece);
            }
        }
    }
}
