package org.crema.bench;

/**
 * A sample of a trial.
 *
 * @param nanos that it took
 * @param pace of the host before and after, whichever was less: rounds per millisecond of the game in {@link Pace}
 */
public record Sample(long nanos, double pace) {}
