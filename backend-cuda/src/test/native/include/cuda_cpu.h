// Lets g++ compile .cu files: what nvcc knows by itself. Test code only. Each thread of a block is a fiber; blocks run one after
// the other, on one thread of the system, so that __shared__ arrays are plain static ones, whose bounds sanitizers know.
// The words __global__ and __shared__ are left to the build script, which finds the kernels by them.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define CUDA_CPU 1
#define __device__
#define __host__
#define __constant__
#define __restrict__ __restrict
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __grid_constant__

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
#define CUDA_CPU_VECTORS(name, type, align2, align4)                                                                           \
    struct name##1 {                                                                                                           \
        type x;                                                                                                                \
    };                                                                                                                         \
    struct alignas(align2) name##2 {                                                                                           \
        type x, y;                                                                                                             \
    };                                                                                                                         \
    struct name##3 {                                                                                                           \
        type x, y, z;                                                                                                          \
    };                                                                                                                         \
    struct alignas(align4) name##4 {                                                                                           \
        type x, y, z, w;                                                                                                       \
    };                                                                                                                         \
    inline name##1 make_##name##1(type x) { return {x}; }                                                                      \
    inline name##2 make_##name##2(type x, type y) { return {x, y}; }                                                           \
    inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }                                                \
    inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
CUDA_CPU_VECTORS(char, signed char, 2, 4)
CUDA_CPU_VECTORS(uchar, unsigned char, 2, 4)
CUDA_CPU_VECTORS(short, short, 4, 8)
CUDA_CPU_VECTORS(ushort, unsigned short, 4, 8)
CUDA_CPU_VECTORS(int, int, 8, 16)
CUDA_CPU_VECTORS(uint, unsigned, 8, 16)
CUDA_CPU_VECTORS(longlong, long long, 16, 16)
CUDA_CPU_VECTORS(ulonglong, unsigned long long, 16, 16)
CUDA_CPU_VECTORS(float, float, 8, 16)
CUDA_CPU_VECTORS(double, double, 16, 16)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_cpu {
// Waits for the threads of the block.
void barrier(const char *where);
// Waits for the lanes of a mask; the values that they brought, by lane, until the next collective.
constexpr size_t LARGEST = 64;
typedef unsigned char Slot[LARGEST];
const Slot *gather(uint32_t mask, const void *value, size_t size, const char *where);
int lane();
// Ends the kernel with an error.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// What the kernels of a unit share: dynamic and static shared memory.
struct Shared {
    unsigned char *dynamic;
    size_t most;
    unsigned char *begin, *end;
};
// A kernel with the sizes of its parameters, as its unit registers it.
struct Entry {
    const char *name;
    void (*call)(void **parameters);
    const size_t *sizes;
    int count;
    Shared shared;
    Entry *next;
    static Entry *first;
    Entry(const char *name, void (*call)(void **), const size_t *sizes, int count, Shared shared)
        : name(name), call(call), sizes(sizes), count(count), shared(shared), next(first) {
        first = this;
    }
};
// Runs a kernel; false, with a message on standard error, if its threads did something that is not allowed.
bool launch(const Entry &entry, void **parameters, dim3 grid, dim3 block, size_t dynamic);
enum class Schedule { FORWARD, REVERSE, GREEDY };
void schedule(Schedule which);

template <auto Kernel> struct Invoke;
template <class... P, void (*Kernel)(P...)> struct Invoke<Kernel> {
    static constexpr size_t sizes[] = {sizeof(P)..., 0};
    static constexpr int count = sizeof...(P);
    template <size_t... I> static void go(void **p, std::index_sequence<I...>) {
        Kernel(*static_cast<std::remove_const_t<P> *>(p[I])...);
    }
    static void call(void **p) { go(p, std::index_sequence_for<P...>{}); }
};

template <class T> T from_lane(uint32_t mask, T value, int source, const char *where) {
    static_assert(sizeof(T) <= LARGEST);
    const Slot *all = gather(mask, &value, sizeof value, where);
    if (!(mask >> source & 1)) {
        fail("%s: a shuffle reads lane %d, which its mask %08x leaves out", where, source, mask);
    }
    T result;
    memcpy(&result, all[source], sizeof result);
    return result;
}
template <class T> T shuffle_xor(const char *where, uint32_t mask, T value, int by, int width = 32) {
    const int source = lane() ^ by;
    return from_lane(mask, value, source / width > lane() / width ? lane() : source, where);
}
template <class T> T shuffle_down(const char *where, uint32_t mask, T value, unsigned by, int width = 32) {
    return from_lane(mask, value, lane() % width + (int)by < width ? lane() + (int)by : lane(), where);
}
template <class T> T shuffle_up(const char *where, uint32_t mask, T value, unsigned by, int width = 32) {
    return from_lane(mask, value, lane() % width >= (int)by ? lane() - (int)by : lane(), where);
}
template <class T> T shuffle(const char *where, uint32_t mask, T value, int source, int width = 32) {
    return from_lane(mask, value, lane() / width * width + (source & (width - 1)), where);
}
inline unsigned ballot(const char *where, uint32_t mask, int predicate) {
    const int set = predicate != 0;
    const Slot *all = gather(mask, &set, sizeof set, where);
    unsigned result = 0;
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) {
            result |= (unsigned)(all[i][0] != 0) << i;
        }
    }
    return result;
}
inline void warp_barrier(const char *where, uint32_t mask = ~0u) {
    const char nothing = 0;
    gather(mask, &nothing, 1, where);
}
template <class T, class F> T reduce(const char *where, uint32_t mask, T value, F combine) {
    const Slot *all = gather(mask, &value, sizeof value, where);
    bool first = true;
    T result = value;
    for (int i = 0; i < 32; i++) {
        if (mask >> i & 1) {
            T other;
            memcpy(&other, all[i], sizeof other);
            result = first ? other : combine(result, other);
            first = false;
        }
    }
    return result;
}
// c += a b with the fragments of PTX's mma.m16n8kK, K = 8 PER: lane 4g + t has rows g and g + 8, columns 2t and 2t + 1 of c.
template <int PER, class E, class Sum> void mma(const char *where, Sum *c, const uint32_t *a, const uint32_t *b) {
    struct Fragments {
        uint32_t a[4], b[2];
    } mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const Slot *all = gather(~0u, &mine, sizeof mine, where);
    const int g = lane() >> 2;
    const int t = lane() & 3;
    for (int i = 0; i < 4; i++) {
        const int row = g + (i >= 2 ? 8 : 0);
        const int column = 2 * t + (i & 1);
        Sum sum = c[i];
        for (int k = 0; k < 8 * PER; k++) {
            const int high = k / (4 * PER);
            const int quad = k % (4 * PER) / PER;
            const int e = k % PER;
            E x, y;
            memcpy(&x, all[(row & 7) * 4 + quad] + 4 * ((row >= 8) + 2 * high) + e * sizeof(E), sizeof x);
            memcpy(&y, all[column * 4 + quad] + 16 + 4 * high + e * sizeof(E), sizeof y);
            sum += (Sum)x * (Sum)y;
        }
        c[i] = sum;
    }
}
} // namespace cuda_cpu

#define CUDA_CPU_TEXT2(x) #x
#define CUDA_CPU_TEXT(x) CUDA_CPU_TEXT2(x)
#define CUDA_CPU_WHERE __FILE__ ":" CUDA_CPU_TEXT(__LINE__)
#define __syncthreads() cuda_cpu::barrier(CUDA_CPU_WHERE)
#define __syncwarp(...) cuda_cpu::warp_barrier(CUDA_CPU_WHERE __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_xor_sync(...) cuda_cpu::shuffle_xor(CUDA_CPU_WHERE, __VA_ARGS__)
#define __shfl_down_sync(...) cuda_cpu::shuffle_down(CUDA_CPU_WHERE, __VA_ARGS__)
#define __shfl_up_sync(...) cuda_cpu::shuffle_up(CUDA_CPU_WHERE, __VA_ARGS__)
#define __shfl_sync(...) cuda_cpu::shuffle(CUDA_CPU_WHERE, __VA_ARGS__)
#define __ballot_sync(mask, p) cuda_cpu::ballot(CUDA_CPU_WHERE, mask, p)
#define __any_sync(mask, p) (cuda_cpu::ballot(CUDA_CPU_WHERE, mask, p) != 0)
#define __all_sync(mask, p) (cuda_cpu::ballot(CUDA_CPU_WHERE, mask, p) == (unsigned)(mask))
#define __reduce_add_sync(mask, v)                                                                                             \
    cuda_cpu::reduce(CUDA_CPU_WHERE, mask, v, [](auto a, auto b) { return a + b; })
#define __reduce_max_sync(mask, v)                                                                                             \
    cuda_cpu::reduce(CUDA_CPU_WHERE, mask, v, [](auto a, auto b) { return a < b ? b : a; })
#define __reduce_min_sync(mask, v)                                                                                             \
    cuda_cpu::reduce(CUDA_CPU_WHERE, mask, v, [](auto a, auto b) { return b < a ? b : a; })
#define mma_f16(c, a, b) cuda_cpu::mma<2, _Float16, float>(CUDA_CPU_WHERE, c, a, b)
#define mma_s8(c, a, b) cuda_cpu::mma<4, int8_t, int>(CUDA_CPU_WHERE, c, a, b)

using std::isfinite;
using std::isinf;
using std::isnan;
using std::max;
using std::min;
inline unsigned min(unsigned a, int b) { return std::min(a, (unsigned)b); }
inline unsigned min(int a, unsigned b) { return std::min((unsigned)a, b); }
inline unsigned max(unsigned a, int b) { return std::max(a, (unsigned)b); }
inline unsigned max(int a, unsigned b) { return std::max((unsigned)a, b); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __brev(unsigned x) {
    unsigned result = 0;
    for (int i = 0; i < 32; i++) {
        result |= (x >> i & 1) << (31 - i);
    }
    return result;
}
inline int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 32; i += 8) {
        c += (int)(int8_t)(a >> i) * (int)(int8_t)(b >> i);
    }
    return c;
}
inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
    for (int i = 0; i < 32; i += 8) {
        c += (a >> i & 255) * (b >> i & 255);
    }
    return c;
}
// Bytes of two words by number, bit 3 of a number repeats the sign.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned how) {
    const uint64_t both = (uint64_t)b << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        const unsigned which = how >> 4 * i & 15;
        const unsigned byte = (unsigned)(both >> 8 * (which & 7)) & 255;
        result |= (which & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * i;
    }
    return result;
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) {
    return (unsigned)(((uint64_t)high << 32 | low) >> (by & 31));
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) {
    return (unsigned)((((uint64_t)high << 32 | low) << (by & 31)) >> 32);
}
// SIMD within a word, byte by byte.
template <class F> unsigned cuda_cpu_bytes(unsigned a, unsigned b, F f) {
    unsigned result = 0;
    for (int i = 0; i < 32; i += 8) {
        result |= (unsigned)(uint8_t)f((uint8_t)(a >> i), (uint8_t)(b >> i)) << i;
    }
    return result;
}
inline unsigned __vadd4(unsigned a, unsigned b) {
    return cuda_cpu_bytes(a, b, [](int x, int y) { return x + y; });
}
inline unsigned __vsub4(unsigned a, unsigned b) {
    return cuda_cpu_bytes(a, b, [](int x, int y) { return x - y; });
}
inline unsigned __vsubss4(unsigned a, unsigned b) {
    return cuda_cpu_bytes(a, b, [](int x, int y) { return std::clamp((int8_t)x - (int8_t)y, -128, 127); });
}
inline unsigned __vcmpeq4(unsigned a, unsigned b) {
    return cuda_cpu_bytes(a, b, [](int x, int y) { return x == y ? 255 : 0; });
}
inline unsigned __vcmpne4(unsigned a, unsigned b) {
    return cuda_cpu_bytes(a, b, [](int x, int y) { return x != y ? 255 : 0; });
}

inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
inline int __float2int_rn(float x) { return (int)std::nearbyint(x); }
inline int __float2int_rz(float x) { return (int)x; }
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float exp10f(float x) { return std::pow(10.0f, x); }
inline float sinpif(float x) { return (float)std::sin(M_PI * std::remainder((double)x, 2.0)); }
inline float cospif(float x) { return (float)std::cos(M_PI * std::remainder((double)x, 2.0)); }
inline void sincospif(float x, float *s, float *c) {
    *s = sinpif(x);
    *c = cospif(x);
}
inline double sinpi(double x) { return std::sin(M_PI * std::remainder(x, 2.0)); }
inline double cospi(double x) { return std::cos(M_PI * std::remainder(x, 2.0)); }

template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T> T __ldcs(const T *p) { return *p; }
template <class T> T __ldca(const T *p) { return *p; }
template <class T> void __stcs(T *p, T v) { *p = v; }
template <class T> void __stcg(T *p, T v) { *p = v; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __nanosleep(unsigned) {}
inline size_t __cvta_generic_to_shared(const void *p) { return (size_t)p; }

// One thread of the system runs them all.
template <class T> T atomicAdd(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = old + v;
    return old;
}
inline unsigned atomicInc(unsigned *p, unsigned most) {
    const unsigned old = *p;
    *p = old >= most ? 0 : old + 1;
    return old;
}
template <class T> T atomicMax(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = std::max(old, v);
    return old;
}
template <class T> T atomicMin(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = std::min(old, v);
    return old;
}
template <class T> T atomicOr(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = old | v;
    return old;
}
template <class T> T atomicAnd(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = old & v;
    return old;
}
template <class T> T atomicExch(T *p, std::type_identity_t<T> v) {
    const T old = *p;
    *p = v;
    return old;
}
template <class T> T atomicCAS(T *p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
    const T old = *p;
    if (old == expected) {
        *p = v;
    }
    return old;
}
