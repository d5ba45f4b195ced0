// A libcuda.so.1 for tests: device memory is memory of this process, kernels are those that units have registered (cuda_cpu.h), and
// all work is done when it is put into a stream. Only what the backend calls. Values of CUresult are NVIDIA's.
#include "cuda_cpu.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <vector>

namespace {
enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    INVALID_PTX = 218,
    UNSUPPORTED_PTX_VERSION = 222,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
};
const std::map<int, std::pair<const char *, const char *>> WORDS = {
        {SUCCESS, {"CUDA_SUCCESS", "no error"}},
        {INVALID_VALUE, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
        {OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
        {NOT_INITIALIZED, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
        {NO_DEVICE, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
        {INVALID_DEVICE, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
        {INVALID_CONTEXT, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
        {NO_BINARY_FOR_GPU, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
        {INVALID_PTX, {"CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}},
        {UNSUPPORTED_PTX_VERSION, {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain"}},
        {NOT_FOUND, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
        {ILLEGAL_ADDRESS, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
        {LAUNCH_FAILED, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
        {CAPTURE_UNSUPPORTED, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
        {CAPTURE_INVALIDATED, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
};

typedef unsigned long long Pointer;
typedef std::vector<std::function<Result()>> Graph;

struct Module {
    std::string text;
    std::vector<std::unique_ptr<struct Function>> functions;
};
struct Function {
    const cuda_cpu::Entry *entry;
    long long dynamic = 48 << 10;
};
struct Stream {
    Graph *capture = nullptr;
};
struct Event {
    double at = -1;
};

std::recursive_mutex lock;
thread_local void *context;
char the_context;
Stream the_null_stream;
bool initialized;
std::map<Pointer, size_t> allocations;
// What tests set and ask, see cuda_cpu_set.
std::map<std::string, long long> state = {
        {"devices", 1},       {"driver", 12000}, {"major", 8},    {"minor", 6},      {"memory", 8LL << 30},
        {"shared", 101376},   {"units", 2},      {"lost", 0},     {"integrated", 0}, {"allocated", 0},
        {"pinned", 0},        {"streams", 0},    {"graphs", 0},   {"captures", 0},   {"launches", 0},
        {"modules", 0},       {"events", 0},     {"contexts", 0}, {"schedule", 2},   {"refuse", 1LL << 40},
};

double now() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What every call with a context begins with.
Result ready() {
    if (!initialized) {
        return NOT_INITIALIZED;
    }
    if (context == nullptr) {
        return INVALID_CONTEXT;
    }
    // A fault leaves a context that answers everything with it.
    return (Result)state["lost"];
}

Stream &stream(Stream *s) { return s == nullptr ? the_null_stream : *s; }

Result enqueue(Stream *s, std::function<Result()> work) {
    if (stream(s).capture != nullptr) {
        stream(s).capture->push_back(std::move(work));
        return SUCCESS;
    }
    return work();
}

// Whether a range is in one allocation.
bool inside(Pointer p, size_t bytes) {
    auto after = allocations.upper_bound(p);
    if (after == allocations.begin()) {
        return false;
    }
    auto at = std::prev(after);
    return p - at->first + bytes <= at->second;
}

Result run(const Function &f, void **parameters, dim3 grid, dim3 block, size_t dynamic) {
    state["launches"]++;
    return cuda_cpu::launch(*f.entry, parameters, grid, block, dynamic) ? SUCCESS : LAUNCH_FAILED;
}

void tell(unsigned count, const int *options, void **values, const std::string &log) {
    constexpr int ERROR_LOG = 5;
    constexpr int ERROR_LOG_BYTES = 6;
    char *buffer = nullptr;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        if (options[i] == ERROR_LOG) {
            buffer = (char *)values[i];
        } else if (options[i] == ERROR_LOG_BYTES) {
            bytes = (size_t)values[i];
        }
    }
    if (buffer != nullptr && bytes > 0) {
        snprintf(buffer, bytes, "%s", log.c_str());
    }
}
} // namespace

#define API extern "C" __attribute__((visibility("default"))) Result
#define CALL                                                                                                                   \
    std::lock_guard<std::recursive_mutex> guard(lock);                                                                         \
    if (Result r = ready(); r != SUCCESS) {                                                                                    \
        return r;                                                                                                              \
    }

// For tests: what the device is like, and (get) what is in use; "refuse" is from which bytes on nothing is allocated. Unknown
// names give -1.
extern "C" __attribute__((visibility("default"))) long long cuda_cpu_set(const char *name, long long value) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (!state.count(name)) {
        return -1;
    }
    const long long old = state[name];
    state[name] = value;
    cuda_cpu::schedule((cuda_cpu::Schedule)state["schedule"]);
    return old;
}
extern "C" __attribute__((visibility("default"))) long long cuda_cpu_get(const char *name) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    return state.count(name) ? state[name] : -1;
}

API cuInit(unsigned) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (!initialized) {
        initialized = true;
        if (const char *name = getenv("CUDA_CPU_ORDER")) {
            const std::string order = name;
            if (order != "forward" && order != "reverse" && order != "greedy") {
                fprintf(stderr, "CUDA_CPU_ORDER=%s: forward, reverse or greedy\n", name);
                abort();
            }
            cuda_cpu_set("schedule", order == "forward" ? 0 : order == "reverse" ? 1 : 2);
        }
    }
    return state["devices"] == 0 ? NO_DEVICE : SUCCESS;
}
API cuDriverGetVersion(int *version) {
    *version = (int)state["driver"];
    return SUCCESS;
}
API cuGetErrorName(int code, const char **text) {
    *text = WORDS.count(code) ? WORDS.at(code).first : nullptr;
    return *text ? SUCCESS : INVALID_VALUE;
}
API cuGetErrorString(int code, const char **text) {
    *text = WORDS.count(code) ? WORDS.at(code).second : nullptr;
    return *text ? SUCCESS : INVALID_VALUE;
}

API cuDeviceGetCount(int *count) {
    *count = (int)state["devices"];
    return initialized ? SUCCESS : NOT_INITIALIZED;
}
API cuDeviceGet(int *device, int index) {
    *device = index;
    return index >= 0 && index < state["devices"] ? SUCCESS : INVALID_DEVICE;
}
API cuDeviceGetName(char *text, int bytes, int) {
    snprintf(text, bytes, "emulated on the CPU");
    return SUCCESS;
}
API cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = state["memory"];
    return SUCCESS;
}
API cuDeviceGetAttribute(int *value, int attribute, int) {
    switch (attribute) {
    case 1: *value = 1024; break;                       // threads of a block
    case 8: *value = 48 << 10; break;                   // shared memory of a block
    case 10: *value = 32; break;                        // warp
    case 13: *value = 1000000; break;                   // clock, kHz
    case 16: *value = (int)state["units"]; break;       // multiprocessors
    case 18: *value = (int)state["integrated"]; break;
    case 38: *value = 4 << 20; break;                   // L2
    case 75: *value = (int)state["major"]; break;
    case 76: *value = (int)state["minor"]; break;
    case 97: *value = (int)state["shared"]; break;      // shared memory of a block, if asked for
    default: *value = 0;
    }
    return SUCCESS;
}

API cuDevicePrimaryCtxRetain(void **c, int) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    state["contexts"]++;
    *c = &the_context;
    return initialized ? SUCCESS : NOT_INITIALIZED;
}
API cuDevicePrimaryCtxRelease_v2(int) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (state["contexts"] == 0) {
        return INVALID_CONTEXT;
    }
    if (--state["contexts"] == 0) {
        // What a lost context held could not be freed one by one.
        if (state["lost"] != 0) {
            for (const char *kind : {"pinned", "streams", "graphs", "modules", "events"}) {
                state[kind] = 0;
            }
        }
        state["lost"] = 0;
        for (auto &[p, bytes] : allocations) {
            free((void *)p);
        }
        allocations.clear();
        state["allocated"] = 0;
    }
    return SUCCESS;
}
API cuCtxSetCurrent(void *c) {
    context = c;
    return SUCCESS;
}
API cuCtxGetCurrent(void **c) {
    *c = context;
    return SUCCESS;
}
API cuCtxSynchronize() { CALL return SUCCESS; }

API cuMemAlloc_v2(Pointer *p, size_t bytes) {
    CALL
    constexpr size_t GRAIN = 512;
    const size_t taken = (bytes + GRAIN - 1) / GRAIN * GRAIN;
    if (bytes == 0) {
        return INVALID_VALUE;
    }
    if ((long long)taken + state["allocated"] > std::min(state["memory"], state["refuse"])) {
        return OUT_OF_MEMORY;
    }
    // Exactly so much that sanitizers see what goes beyond.
    void *memory = nullptr;
    if (posix_memalign(&memory, 256, bytes) != 0) {
        return OUT_OF_MEMORY;
    }
    memset(memory, 0xff, bytes);
    *p = (Pointer)memory;
    allocations[*p] = bytes;
    state["allocated"] += (long long)taken;
    return SUCCESS;
}
API cuMemFree_v2(Pointer p) {
    CALL
    auto at = allocations.find(p);
    if (at == allocations.end()) {
        return INVALID_VALUE;
    }
    state["allocated"] -= (long long)((at->second + 511) / 512 * 512);
    allocations.erase(at);
    free((void *)p);
    return SUCCESS;
}
API cuMemGetInfo_v2(size_t *free, size_t *total) {
    CALL
    *total = state["memory"];
    *free = std::max(0LL, state["memory"] - state["allocated"]);
    return SUCCESS;
}
API cuMemHostAlloc(void **p, size_t bytes, unsigned) {
    CALL
    if (posix_memalign(p, 4096, std::max((size_t)1, bytes)) != 0) {
        return OUT_OF_MEMORY;
    }
    state["pinned"]++;
    return SUCCESS;
}
API cuMemFreeHost(void *p) {
    CALL
    state["pinned"]--;
    free(p);
    return SUCCESS;
}
API cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, Stream *s) {
    CALL
    if (!inside(to, bytes)) {
        return INVALID_VALUE;
    }
    return enqueue(s, [=] { return memcpy((void *)to, from, bytes), SUCCESS; });
}
API cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, Stream *s) {
    CALL
    if (!inside(from, bytes)) {
        return INVALID_VALUE;
    }
    return enqueue(s, [=] { return memcpy(to, (void *)from, bytes), SUCCESS; });
}
API cuMemcpyHtoD_v2(Pointer to, const void *from, size_t bytes) { return cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr); }
API cuMemcpyDtoH_v2(void *to, Pointer from, size_t bytes) { return cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr); }
API cuMemsetD32Async(Pointer to, unsigned word, size_t words, Stream *s) {
    CALL
    if (!inside(to, 4 * words) || to % 4 != 0) {
        return INVALID_VALUE;
    }
    return enqueue(s, [=] { return std::fill_n((unsigned *)to, words, word), SUCCESS; });
}

API cuStreamCreate(Stream **s, unsigned) {
    CALL
    *s = new Stream;
    state["streams"]++;
    return SUCCESS;
}
API cuStreamDestroy_v2(Stream *s) {
    CALL
    delete s->capture;
    delete s;
    state["streams"]--;
    return SUCCESS;
}
API cuStreamSynchronize(Stream *s) {
    CALL
    return stream(s).capture != nullptr ? CAPTURE_UNSUPPORTED : SUCCESS;
}
API cuStreamBeginCapture_v2(Stream *s, int) {
    CALL
    if (s == nullptr || s->capture != nullptr) {
        return CAPTURE_UNSUPPORTED;
    }
    s->capture = new Graph;
    state["captures"]++;
    return SUCCESS;
}
API cuStreamEndCapture(Stream *s, Graph **graph) {
    CALL
    if (s == nullptr || s->capture == nullptr) {
        return CAPTURE_INVALIDATED;
    }
    *graph = s->capture;
    s->capture = nullptr;
    state["graphs"]++;
    return SUCCESS;
}
API cuGraphInstantiateWithFlags(Graph **executable, Graph *graph, unsigned long long) {
    CALL
    *executable = new Graph(*graph);
    state["graphs"]++;
    return SUCCESS;
}
API cuGraphUpload(Graph *, Stream *) { CALL return SUCCESS; }
API cuGraphLaunch(Graph *executable, Stream *s) {
    CALL
    if (stream(s).capture != nullptr) {
        return CAPTURE_UNSUPPORTED;
    }
    for (auto &work : *executable) {
        if (Result r = work(); r != SUCCESS) {
            return r;
        }
    }
    return SUCCESS;
}
API cuGraphDestroy(Graph *graph) {
    CALL
    delete graph;
    state["graphs"]--;
    return SUCCESS;
}
API cuGraphExecDestroy(Graph *executable) { return cuGraphDestroy(executable); }

API cuEventCreate(Event **e, unsigned) {
    CALL
    *e = new Event;
    state["events"]++;
    return SUCCESS;
}
API cuEventRecord(Event *e, Stream *s) {
    CALL
    return enqueue(s, [=] { return e->at = now(), SUCCESS; });
}
API cuEventSynchronize(Event *) { CALL return SUCCESS; }
API cuEventElapsedTime(float *ms, Event *from, Event *to) {
    CALL
    if (from->at < 0 || to->at < 0) {
        return INVALID_VALUE;
    }
    *ms = (float)(to->at - from->at);
    return SUCCESS;
}
API cuEventDestroy_v2(Event *e) {
    CALL
    delete e;
    state["events"]--;
    return SUCCESS;
}

API cuModuleLoadDataEx(Module **m, const void *image, unsigned count, int *options, void **values) {
    CALL
    const std::string text = (const char *)image;
    std::smatch found;
    const std::string head = text.substr(0, 2000);
    if (!std::regex_search(head, found, std::regex("\\.version (\\d+)\\.(\\d+)"))) {
        tell(count, options, values, "ptxas fatal: missing .version directive");
        return INVALID_PTX;
    }
    // 12.0 takes 8.0 and came with 525; each minor version after it one more.
    const int most = 80 + (int)(state["driver"] - 12000) / 10;
    if (std::stoi(found[1]) * 10 + std::stoi(found[2]) > most) {
        tell(count, options, values, "ptxas application ptx input, line 9; fatal: Unsupported .version " + found[1].str() + "."
                + found[2].str() + "; current version is '" + std::to_string(most / 10) + "." + std::to_string(most % 10) + "'");
        return UNSUPPORTED_PTX_VERSION;
    }
    if (!std::regex_search(head, found, std::regex("\\.target sm_(\\d+)"))
            || std::stoi(found[1]) > state["major"] * 10 + state["minor"]) {
        return NO_BINARY_FOR_GPU;
    }
    *m = new Module{text, {}};
    state["modules"]++;
    return SUCCESS;
}
API cuModuleLoadData(Module **m, const void *image) { return cuModuleLoadDataEx(m, image, 0, nullptr, nullptr); }
API cuModuleUnload(Module *m) {
    CALL
    delete m;
    state["modules"]--;
    return SUCCESS;
}
API cuModuleGetFunction(Function **f, Module *m, const char *name) {
    CALL
    if (m->text.find(".entry " + std::string(name) + "(") == std::string::npos) {
        return NOT_FOUND;
    }
    for (const cuda_cpu::Entry *e = cuda_cpu::Entry::first; e != nullptr; e = e->next) {
        if (strcmp(e->name, name) == 0) {
            m->functions.push_back(std::make_unique<Function>(Function{e}));
            *f = m->functions.back().get();
            return SUCCESS;
        }
    }
    fprintf(stderr, "%s is in the PTX, but not among the kernels that were compiled for the emulated device\n", name);
    return NOT_FOUND;
}
API cuFuncSetAttribute(Function *f, int attribute, int value) {
    CALL
    constexpr int MAX_DYNAMIC_SHARED = 8;
    if (attribute == MAX_DYNAMIC_SHARED) {
        if (value > state["shared"]) {
            return INVALID_VALUE;
        }
        f->dynamic = value;
    }
    return SUCCESS;
}
API cuFuncGetAttribute(int *value, int, Function *) {
    CALL
    *value = 0;
    return SUCCESS;
}
API cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned dynamic,
        Stream *s, void **parameters, void **) {
    CALL
    if (gx == 0 || gy == 0 || gz == 0 || bx == 0 || by == 0 || bz == 0 || bx * by * bz > 1024 || bz > 64 || gx > 2147483647u
            || gy > 65535 || gz > 65535 || dynamic > f->dynamic || parameters == nullptr) {
        return INVALID_VALUE;
    }
    const dim3 grid(gx, gy, gz);
    const dim3 block(bx, by, bz);
    if (stream(s).capture == nullptr) {
        return run(*f, parameters, grid, block, dynamic);
    }
    // A captured launch keeps the values that its parameters have now.
    std::vector<std::vector<unsigned char>> kept;
    for (int i = 0; i < f->entry->count; i++) {
        const unsigned char *value = (const unsigned char *)parameters[i];
        kept.emplace_back(value, value + f->entry->sizes[i]);
    }
    return enqueue(s, [=] {
        std::vector<void *> pointers;
        for (auto &value : kept) {
            pointers.push_back((void *)value.data());
        }
        return run(*f, pointers.data(), grid, block, dynamic);
    });
}
