// Runs the threads of a block as fibers: see cuda_cpu.h. Linux on x86-64.
#include "cuda_cpu.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include <sys/mman.h>
#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

extern "C" void cuda_cpu_switch(void **save, void *load);
asm(R"(.text
.globl cuda_cpu_switch
.hidden cuda_cpu_switch
.type cuda_cpu_switch,@function
cuda_cpu_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp,(%rdi)
    mov %rsi,%rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
.size cuda_cpu_switch,.-cuda_cpu_switch
)");

namespace cuda_cpu {
namespace {
constexpr int MOST_THREADS = 1024;
constexpr int MOST_GROUPS = 16;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t STACK = 256 << 10;
#else
constexpr size_t STACK = 64 << 10;
#endif
// Not a power of two, or all stacks would share the same cache lines.
constexpr size_t STRIDE = STACK + 4096 + 320;
constexpr uint64_t CANARY = 0x5AFE57ACC0FFEE11;
constexpr size_t GUARD = 256;
constexpr unsigned char NOTHING = 0xff; // NaN as a float

// A stack with what runs on it; a fiber whose thread has returned takes the next one that has not begun.
struct Fiber {
    char *base = nullptr;
    void *sp = nullptr;
    void *fake = nullptr;
};

// Lanes that meet in collectives with one mask. Two rounds of values: a lane may be one collective ahead of those that still read.
struct Group {
    uint32_t mask;
    uint32_t arrived[2];
    const char *site[2];
    unsigned char round[32];
    alignas(16) Slot slots[2][32];
};

struct Warp {
    uint32_t ready, begun, done, at_barrier;
    int groups;
    Group group[MOST_GROUPS];
};

Schedule order = Schedule::GREEDY;
Fiber fibers[MOST_THREADS];
int fibers_made;
Fiber *idle[MOST_THREADS];
int idle_count;
Fiber *running;
Fiber *fiber_of[MOST_THREADS];
uint3 index_of[MOST_THREADS];
const char *site_of[MOST_THREADS];
Warp warps[MOST_THREADS / 32];
int threads, warp_count, current, left, waiting;
const char *barrier_site;
const Entry *kernel;
void **arguments;
void *host_sp;
bool failed;
#if defined(__SANITIZE_ADDRESS__)
const void *host_stack;
size_t host_size;
void *host_fake;

// The bounds of this thread's own stack.
void know_host() {
    pthread_attr_t attributes;
    void *base;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &base, &host_size);
    pthread_attr_destroy(&attributes);
    host_stack = base;
}
#endif

void jump(Fiber &from, Fiber &to) {
    if (&from == &to) {
        return;
    }
    running = &to;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&from.fake, to.base, STACK);
#endif
    cuda_cpu_switch(&from.sp, to.sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(from.fake, nullptr, nullptr);
#endif
}

void leave(Fiber &from) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&from.fake, host_stack, host_size);
#endif
    cuda_cpu_switch(&from.sp, host_sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(from.fake, nullptr, nullptr);
#endif
}

void body();

Fiber &fresh() {
    if (idle_count > 0) {
        return *idle[--idle_count];
    }
    Fiber &f = fibers[fibers_made];
    if (f.base == nullptr) {
        static char *stacks;
        if (stacks == nullptr) {
            stacks = (char *)mmap(nullptr, MOST_THREADS * STRIDE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (stacks == MAP_FAILED) {
                perror("stacks of fibers");
                abort();
            }
            madvise(stacks, MOST_THREADS * STRIDE, MADV_HUGEPAGE);
        }
        f.base = stacks + fibers_made * STRIDE;
    }
    fibers_made++;
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(f.base, STACK);
#endif
    f.fake = nullptr;
    *(uint64_t *)f.base = CANARY;
    void **top = (void **)(f.base + (STACK & ~(size_t)15)) - 2;
    *top = (void *)body;
    f.sp = top - 6;
    return f;
}

// The thread to run next, -1 if none can.
int next() {
    switch (order) {
    case Schedule::GREEDY:
        // A warp goes on to its next barrier before another does anything.
        for (int i = 0, w = current / 32; i < warp_count; i++, w = w + 1 == warp_count ? 0 : w + 1) {
            if (warps[w].ready != 0) {
                return 32 * w + __builtin_ctz(warps[w].ready);
            }
        }
        return -1;
    case Schedule::FORWARD: {
        int w = current / 32;
        uint32_t lanes = warps[w].ready & (current % 32 == 31 ? 0 : ~0u << (current % 32 + 1));
        for (int i = 0; i <= warp_count; i++) {
            if (lanes != 0) {
                return 32 * w + __builtin_ctz(lanes);
            }
            w = w + 1 == warp_count ? 0 : w + 1;
            lanes = warps[w].ready;
        }
        return -1;
    }
    case Schedule::REVERSE: {
        int w = current / 32;
        uint32_t lanes = warps[w].ready & ((1u << current % 32) - 1);
        for (int i = 0; i <= warp_count; i++) {
            if (lanes != 0) {
                return 32 * w + 31 - __builtin_clz(lanes);
            }
            w = w == 0 ? warp_count - 1 : w - 1;
            lanes = warps[w].ready;
        }
        return -1;
    }
    }
    return -1;
}

void deadlock() {
    fprintf(stderr, "%s: deadlock in block %u,%u,%u: %d of %d threads have returned\n", kernel->name, blockIdx.x, blockIdx.y,
            blockIdx.z, threads - left, threads);
    int told = 0;
    for (int t = 0; t < threads && told < 8; t++) {
        const Warp &w = warps[t / 32];
        if (!(w.done >> t % 32 & 1)) {
            told++;
            fprintf(stderr, "  thread %u,%u,%u waits at %s (%s)\n", index_of[t].x, index_of[t].y, index_of[t].z, site_of[t],
                    w.at_barrier >> t % 32 & 1 ? "__syncthreads" : "warp collective");
        }
    }
    failed = true;
}

// Goes on with another thread, on the stack where it waits or, if it has not begun, on a stack of its own.
void go_on() {
    Fiber &from = *running;
    const int t = next();
    if (t < 0) {
        deadlock();
        leave(from);
    }
    current = t;
    threadIdx = index_of[t];
    Warp &w = warps[t / 32];
    const uint32_t bit = 1u << t % 32;
    if (w.begun & bit) {
        jump(from, *fiber_of[t]);
    } else {
        jump(from, fresh());
    }
}

void body() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    for (;;) {
        {
            Warp &w = warps[current / 32];
            const uint32_t bit = 1u << current % 32;
            w.begun |= bit;
            fiber_of[current] = running;
        }
        kernel->call(arguments);
        Warp &w = warps[current / 32];
        const uint32_t bit = 1u << current % 32;
        w.done |= bit;
        w.ready &= ~bit;
        if (--left == 0) {
            idle[idle_count++] = running;
            leave(*running);
            continue;
        }
        const int t = next();
        if (t < 0) {
            deadlock();
            leave(*running);
            continue;
        }
        current = t;
        threadIdx = index_of[t];
        if (warps[t / 32].begun >> t % 32 & 1) {
            Fiber &from = *running;
            idle[idle_count++] = &from;
            jump(from, *fiber_of[t]);
        }
    }
}

// Runs the block until all threads have returned or one has failed.
void enter() {
    current = order == Schedule::REVERSE ? threads - 1 : 0;
    threadIdx = index_of[current];
    Fiber &first = fresh();
    running = &first;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&host_fake, first.base, STACK);
#endif
    cuda_cpu_switch(&host_sp, first.sp);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(host_fake, nullptr, nullptr);
#endif
}

// Memory that nothing has written holds NaN, so that reading it shows.
void forget_shared(const Shared &shared, size_t dynamic) {
#if defined(__SANITIZE_ADDRESS__)
    // The block before may have had less.
    ASAN_UNPOISON_MEMORY_REGION(shared.dynamic, dynamic);
#endif
    memset(shared.dynamic, NOTHING, dynamic);
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(shared.dynamic + dynamic, shared.most + GUARD - dynamic);
#else
    memset(shared.dynamic + dynamic, NOTHING, GUARD);
#endif
    if (shared.begin != nullptr) {
        memset(shared.begin, NOTHING, shared.end - shared.begin);
    }
}

bool sound(const Shared &shared, size_t dynamic) {
#if !defined(__SANITIZE_ADDRESS__)
    for (size_t i = 0; i < GUARD; i++) {
        if (shared.dynamic[dynamic + i] != NOTHING) {
            fprintf(stderr, "%s: block %u,%u,%u writes behind its %zu bytes of dynamic shared memory\n", kernel->name, blockIdx.x,
                    blockIdx.y, blockIdx.z, dynamic);
            return false;
        }
    }
#endif
    for (int i = 0; i < fibers_made; i++) {
        if (*(uint64_t *)fibers[i].base != CANARY) {
            fprintf(stderr, "%s: a thread takes more than %zu bytes of stack\n", kernel->name, STACK);
            return false;
        }
    }
    return true;
}

void block_of(dim3 block) {
    threads = (int)(block.x * block.y * block.z);
    warp_count = (threads + 31) / 32;
    for (int t = 0; t < threads; t++) {
        index_of[t] = {t % block.x, t / block.x % block.y, t / (block.x * block.y)};
    }
}

void all_ready() {
    left = threads;
    waiting = 0;
    barrier_site = nullptr;
    for (int w = 0; w < warp_count; w++) {
        const int lanes = std::min(32, threads - 32 * w);
        warps[w].ready = lanes == 32 ? ~0u : (1u << lanes) - 1;
        warps[w].begun = warps[w].done = warps[w].at_barrier = 0;
        warps[w].groups = 0;
    }
}
} // namespace

Entry *Entry::first;

int lane() { return current % 32; }

void fail(const char *format, ...) {
    fprintf(stderr, "%s: block %u,%u,%u, thread %u,%u,%u: ", kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x,
            threadIdx.y, threadIdx.z);
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    failed = true;
    leave(*running);
    abort();
}

void barrier(const char *where) {
    if (barrier_site == nullptr) {
        barrier_site = where;
    } else if (barrier_site != where && strcmp(barrier_site, where) != 0) {
        fail("threads of a block meet in different barriers: %s and %s", barrier_site, where);
    }
    Warp &w = warps[current / 32];
    const uint32_t bit = 1u << current % 32;
    site_of[current] = where;
    w.at_barrier |= bit;
    w.ready &= ~bit;
    if (++waiting == threads) {
        for (int i = 0; i < warp_count; i++) {
            warps[i].ready = warps[i].at_barrier;
            warps[i].at_barrier = 0;
        }
        waiting = 0;
        barrier_site = nullptr;
        // All go on in the order of the schedule.
        current = order == Schedule::FORWARD ? threads - 1 : 0;
    }
    go_on();
}

const Slot *gather(uint32_t mask, const void *value, size_t size, const char *where) {
    Warp &w = warps[current / 32];
    const int mine = current % 32;
    const uint32_t bit = 1u << mine;
    if (!(mask & bit)) {
        fail("%s: lane %d calls a collective whose mask %08x leaves it out", where, mine, mask);
    }
    int g = 0;
    while (g < w.groups && w.group[g].mask != mask) {
        g++;
    }
    Group &group = w.group[g];
    if (g == w.groups) {
        if (g == MOST_GROUPS) {
            fail("%s: more than %d different masks in one warp", where, MOST_GROUPS);
        }
        w.groups++;
        group.mask = mask;
        group.arrived[0] = group.arrived[1] = 0;
        memset(group.round, 0, sizeof group.round);
    }
    const int round = group.round[mine]++ & 1;
    if (group.arrived[round] == 0) {
        group.site[round] = where;
    } else if (group.site[round] != where && strcmp(group.site[round], where) != 0) {
        fail("lanes of a warp meet in different collectives: %s and %s", group.site[round], where);
    }
    memcpy(group.slots[round][mine], value, size);
    group.arrived[round] |= bit;
    if (group.arrived[round] == mask) {
        // Whoever comes to the other round has read this one's values.
        group.arrived[1 - round] = 0;
        w.ready |= mask;
    } else {
        site_of[current] = where;
        w.ready &= ~bit;
        go_on();
    }
    return group.slots[round];
}

void schedule(Schedule which) { order = which; }

bool launch(const Entry &entry, void **parameters, dim3 grid, dim3 block, size_t dynamic) {
    kernel = &entry;
    arguments = parameters;
    blockDim = block;
    gridDim = grid;
    block_of(block);
#if defined(__SANITIZE_ADDRESS__)
    know_host();
#endif
    const bool reverse = order == Schedule::REVERSE;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                // Whichever block comes last, results must be the same.
                blockIdx = reverse ? uint3{grid.x - 1 - x, grid.y - 1 - y, grid.z - 1 - z} : uint3{x, y, z};
                failed = false;
                all_ready();
                forget_shared(entry.shared, dynamic);
                enter();
                if (!failed && !sound(entry.shared, dynamic)) {
                    failed = true;
                }
                if (failed) {
                    // What waits on the stacks is given up.
                    fibers_made = 0;
                    idle_count = 0;
                    return false;
                }
            }
        }
    }
    return true;
}
} // namespace cuda_cpu
