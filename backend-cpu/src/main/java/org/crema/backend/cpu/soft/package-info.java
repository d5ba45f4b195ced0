/**
 * The part of the Vector API that kernels need, as plain loops over arrays, under the API's own names: generated kernels are
 * compiled against either. Results have the same bits. Interpreted or compiled by C1, these loops are some ten times as fast as the
 * Vector API, which only C2 turns into instructions; so a program need not wait for C2 to begin.
 */
package org.crema.backend.cpu.soft;
