// Global ids: pair of columns, token. Frequencies are turns per position, as fractions of 2^64 (low word, high word): a position
// times a frequency overflows by whole turns, so the angle is exact at any position.
//
//   how    x pairs in a group, y columns from the first of a pair to the second, z columns from pair to pair, w pairs in all
PARAMETERS(uvec4 to; uvec4 from; uvec4 how; uint frequencies; float magnitude; WHERE);

// Cosine and sine of pi f for |f| <= 1/4: Taylor series, to 1e-8. Those of the language may be off by 2^-11.
vec2 turned(float f) {
    const float x = 3.14159265358979 * f;
    const float y = x * x;
    const float c = 1 + y * (-1.0 / 2 + y * (1.0 / 24 + y * (-1.0 / 720 + y * (1.0 / 40320))));
    const float s = x * (1 + y * (-1.0 / 6 + y * (1.0 / 120 + y * (-1.0 / 5040 + y * (1.0 / 362880)))));
    return vec2(c, s);
}

void main() {
    const uint p = gl_GlobalInvocationID.x;
    const uint t = gl_GlobalInvocationID.y;
    if (p >= how.w) {
        return;
    }
    const uint g = p / how.x;
    const uint i = p % how.x;
    const uvec2 frequency = wide_constants[frequencies + i];
    const uint position = step_block[where[0].y + t];
    uint carry;
    uint low;
    umulExtended(position, frequency.x, carry, low);
    // Of 2^32 for a turn; what is left over a quarter turn goes to the sign and the place.
    const uint turns = position * frequency.y + carry;
    const uint quarters = (turns + 0x20000000u) >> 30;
    const vec2 r = turned(float(int(turns - (quarters << 30))) * (1.0 / 0x80000000u));
    const vec2 cs = ((quarters & 1) == 0 ? r : vec2(-r.y, r.x)) * ((quarters & 2) == 0 ? magnitude : -magnitude);
    const uint source = from.x + t * from.y + g * from.w + i * how.z;
    const uint target = to.x + t * to.y + g * to.w + i * how.z;
    const float x = load(source);
    const float y = load(source + how.y);
    store(target, x * cs.x - y * cs.y);
    store(target + how.y, x * cs.y + y * cs.x);
}
