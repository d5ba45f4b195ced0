package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BFloat16Test {
    @Test
    void everyPatternComesBack() {
        for (int bits = 0; bits <= 0xffff; bits++) {
            float value = BFloat16.toFloat((short) bits);
            short back = BFloat16.ofFloat(value);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(BFloat16.toFloat(back)), Integer.toHexString(bits));
            } else {
                assertEquals((short) bits, back, Integer.toHexString(bits));
            }
        }
    }

    @Test
    void halvesGoToEven() {
        assertEquals(0x3f80, BFloat16.ofFloat(1 + 0x1p-8f));
        assertEquals(0x3f82, BFloat16.ofFloat(1 + 0x3p-8f));
        assertEquals(0x3f81, BFloat16.ofFloat(Math.nextUp(1 + 0x1p-8f)));
    }

    @Test
    void theLargestFloatIsInfinite() {
        assertEquals(0x7f80, BFloat16.ofFloat(Float.MAX_VALUE));
    }

    @Test
    void aNaNWithLowBitsOnlyIsNoInfinity() {
        assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.ofFloat(Float.intBitsToFloat(0x7f800001)))));
    }
}
