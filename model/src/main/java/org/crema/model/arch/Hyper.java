package org.crema.model.arch;

/**
 * Hyper-parameters that all transformer architectures have, by their GGUF names after the architecture's prefix.
 *
 * @param layers block_count
 * @param embedding embedding_length
 * @param heads attention.head_count
 * @param keyHeads attention.head_count_kv
 * @param keyColumns attention.key_length, or embedding / heads
 * @param valueColumns attention.value_length, or embedding / heads
 * @param epsilon attention.layer_norm_rms_epsilon
 * @param trainedContext context_length
 */
record Hyper(int layers, int embedding, int heads, int keyHeads, int keyColumns, int valueColumns, float epsilon,
        int trainedContext) {

    static Hyper of(Keys keys) {
        int embedding = keys.count("embedding_length");
        int heads = keys.count("attention.head_count");
        int head = Math.max(1, embedding / heads);
        return new Hyper(keys.count("block_count"), embedding, heads, keys.count("attention.head_count_kv", heads), keys.count(
                "attention.key_length", head), keys.count("attention.value_length", head),
                (float) keys.number(
                        "attention.layer_norm_rms_epsilon"),
                keys.count("context_length"));
    }
}
