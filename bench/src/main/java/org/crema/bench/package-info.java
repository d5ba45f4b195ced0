/** Backend benchmarks: whole models and single ops on every device, held against what the device reaches at best. */
package org.crema.bench;
