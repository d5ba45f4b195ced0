package org.crema.backend.cpu.soft;

/** A vector of any element. Operations give new vectors; nobody changes one. */
public abstract sealed class Vector permits ByteVector, FloatVector, IntVector, LongVector, ShortVector {}
