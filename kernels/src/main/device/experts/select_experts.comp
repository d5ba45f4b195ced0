// Probabilities of all experts, the groups that are kept, the best experts of those, their weights. A work-group for a token.
//
//   EXPERTS    experts there are
//   how        x experts used, y groups, z groups used, w: 1 softmax (else sigmoid), 2 groups by their two best (else by the
//              best), 4 weights divided by their sum
//
// Built with FP64 too: probabilities that are equal in F32 need not be.
// variants: FP64
PARAMETERS(uint logits; uvec4 ids; uvec4 weights; int bias; uvec4 how; float scale;);

#ifdef FP64
#define real double
// The language has no exp of doubles: powers of 2 times a Taylor series of what is left, below 0.35.
double exponential(double x) {
    if (x < -745) {
        return 0;
    }
    if (x > 709) {
        return double(INFINITE);
    }
    const int n = int(round(clamp(float(x) * 1.44269504, -1022.0, 1022.0)));
    const double r = x - n * 0.693147180559945309417lf;
    double sum = 1;
    for (int k = 13; k > 0; k--) {
        sum = 1 + r * sum / k;
    }
    return sum * packDouble2x32(uvec2(0, uint(n + 1023) << 20));
}
#else
#define real float
#define exponential exp
#endif

shared real probability[EXPERTS];
shared real score[EXPERTS];
shared real group_score[EXPERTS];
// 0 free, 1 in a group that is not kept, 2 + j chosen as number j
shared uint taken[EXPERTS];
shared int candidate[GROUP];

// Whether a score goes before another: the better, of equal ones the lower number; NaN only if there is nothing else.
bool better(real x, real y, int a, int b) {
    if (isnan(x) || isnan(y)) {
        return isnan(x) == isnan(y) ? a < b : isnan(y);
    }
    return x > y || (x == y && a < b);
}

// Whether candidate a goes before b, which may be none.
bool before(int a, int b) {
    return b < 0 ? a >= 0 : a >= 0 && better(score[a], score[b], a, b);
}

// The best of the experts from..to - 1 other than one.
int best_of(int from, int to, int other) {
    int best = -1;
    for (int e = from; e < to; e++) {
        if (e != other && before(e, best)) {
            best = e;
        }
    }
    return best;
}

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint t = gl_WorkGroupID.x;
    const uint x = logits + t * EXPERTS;
    const bool softmax = (how.w & 1) != 0;
    float most = -INFINITE;
    if (softmax) {
        for (uint e = 0; e < EXPERTS; e++) {
            const float logit = load(x + e);
            most = logit > most ? logit : most;
        }
    }
    for (uint e = item; e < EXPERTS; e += GROUP) {
        const real logit = load(x + e);
        probability[e] = softmax ? exponential(logit - most) : 1 / (1 + exponential(-logit));
    }
    barrier();
    real sum = 0;
    for (uint e = 0; e < EXPERTS; e++) {
        sum += probability[e];
    }
    barrier();
    for (uint e = item; e < EXPERTS; e += GROUP) {
        if (softmax) {
            probability[e] /= sum;
        }
        score[e] = probability[e] + (bias < 0 ? 0.0 : constants[uint(bias) + e]);
        taken[e] = how.y > 1 ? 1 : 0;
    }
    barrier();
    if (how.y > 1) {
        const int size = int(EXPERTS / how.y);
        for (int g = int(item); g < how.y; g += int(GROUP)) {
            const int best = best_of(g * size, g * size + size, -1);
            group_score[g] = score[best];
            if ((how.w & 2) != 0 && size > 1) {
                group_score[g] += score[best_of(g * size, g * size + size, best)];
            }
        }
        barrier();
        for (int g = int(item); g < how.y; g += int(GROUP)) {
            uint rank = 0;
            for (int other = 0; other < how.y; other++) {
                rank += better(group_score[other], group_score[g], other, g) ? 1 : 0;
            }
            if (rank < how.z) {
                for (int e = g * size; e < g * size + size; e++) {
                    taken[e] = 0;
                }
            }
        }
        barrier();
    }
    real chosen = 0;
    for (uint j = 0; j < how.x; j++) {
        int best = -1;
        for (int e = int(item); e < EXPERTS; e += int(GROUP)) {
            if (taken[e] == 0 && before(e, best)) {
                best = e;
            }
        }
        candidate[item] = best;
        for (uint half_items = GROUP / 2; half_items > 0; half_items /= 2) {
            barrier();
            if (item < half_items && before(candidate[item + half_items], candidate[item])) {
                candidate[item] = candidate[item + half_items];
            }
        }
        barrier();
        best = candidate[0];
        chosen += probability[best];
        barrier();
        if (item == 0) {
            taken[best] = 2 + j;
        }
        barrier();
    }
    for (int e = int(item); e < EXPERTS; e += int(GROUP)) {
        if (taken[e] >= 2) {
            const uint j = taken[e] - 2;
            store_word(ids.x + t * ids.y + j, uint(e));
            const real p = probability[e];
            store(weights.x + t * weights.y + j, float(((how.w & 4) != 0 ? p / chosen : p) * scale));
        }
    }
}
