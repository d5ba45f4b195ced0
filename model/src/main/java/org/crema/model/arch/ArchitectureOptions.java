package org.crema.model.arch;

/**
 * What a user may change about a model.
 *
 * @param groupedRouting whether experts are chosen within groups as the DeepSeek papers say, also where an older file does not name
 *     the groups; off, the best experts are taken over all groups, as llama.cpp does with such files
 */
public record ArchitectureOptions(boolean groupedRouting) {
    public static final ArchitectureOptions DEFAULT = new ArchitectureOptions(true);
}
