// Puts the parts of attend together. Global ids: column, head, token.
PARAMETERS(uvec4 to; uint heads; uint partials;);

void main() {
    const uint c = gl_GlobalInvocationID.x;
    const uint h = gl_GlobalInvocationID.y;
    const uint t = gl_GlobalInvocationID.z;
    if (c >= VALUE) {
        return;
    }
    const uint parts = load_word(partials);
    const uint partial = partials + 4 + (t * heads + h) * parts * (VALUE + 2);
    float most = -INFINITE;
    for (uint s = 0; s < parts; s++) {
        most = max(most, load(partial + s * (VALUE + 2)));
    }
    float sum = 0;
    float total = 0;
    for (uint s = 0; s < parts; s++) {
        const float w = exp(load(partial + s * (VALUE + 2)) - most);
        total += w * load(partial + s * (VALUE + 2) + 1);
        sum += w * load(partial + s * (VALUE + 2) + 2 + c);
    }
    store(to.x + t * to.y + h * to.w + c, sum / total);
}
