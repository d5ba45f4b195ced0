package org.crema.bench;

import java.awt.image.BufferedImage;

/** An image, for counting. */
record Picture(BufferedImage image) {
    /** Pixels of exactly this colour, given as in HTML. */
    int count(String colour) {
        int wanted = Integer.parseInt(colour.substring(1), 16);
        int count = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                count += (image.getRGB(x, y) & 0xffffff) == wanted ? 1 : 0;
            }
        }
        return count;
    }

    /** Pixels of this colour in the longest run within a row. */
    int longestRun(String colour) {
        int wanted = Integer.parseInt(colour.substring(1), 16);
        int longest = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            int run = 0;
            for (int x = 0; x < image.getWidth(); x++) {
                run = (image.getRGB(x, y) & 0xffffff) == wanted ? run + 1 : 0;
                longest = Math.max(longest, run);
            }
        }
        return longest;
    }
}
