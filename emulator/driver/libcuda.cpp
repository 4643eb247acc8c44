// A stand-in for libcuda.so.1 on top of the emulator: the program's own driver code (contexts, streams,
// copies, launches, graph capture and replay) runs on a machine without a GPU. Work runs at the call, in call
// order; a captured graph is replayed in a different order of its dependencies each time, so that a missing
// edge is found. Only the entry points that are used are here; cudarc looks symbols up at their first use.
//
// Environment variables, to test how a program behaves:
//   STAND_IN_CUDA_DEVICES     number of devices (1)
//   STAND_IN_CUDA_CAPABILITY  compute capability, two digits (80)
//   STAND_IN_CUDA_SHARED      largest shared memory of a block that the device reports, in bytes (99 KiB;
//                             227 KiB from 9.0 on)
//   STAND_IN_CUDA_DRIVER      driver version (13000)
//   STAND_IN_CUDA_MEMORY      bytes of device memory (8 GiB)
//   STAND_IN_CUDA_CHECKS      0: results only, no check of memory accesses (a check takes 48 bytes for each
//                             byte accessed)
//   STAND_IN_CUDA_RUN         0: kernels are counted and not run, for work that would take hours
//   STAND_IN_CUDA_OVERLAP     refuse: launches that may overlap with the previous one fail; refuse-capture:
//                             they fail while they are captured, which invalidates the capture;
//                             refuse-graph: a graph with one cannot be instantiated (none of these)
//   STAND_IN_CUDA_FAIL        the number of a launch that fails as an access to a wrong address does (none)
// stand_in_counts() and stand_in_launched() return the counts of calls.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>
#include "api.h"

namespace {
enum {
  SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101, NO_BINARY = 209, INVALID_HANDLE = 400, NOT_FOUND = 500,
  NOT_READY = 600, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801, CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, CAPTURE_UNJOINED = 904
};
size_t setting(const char* name, size_t otherwise) {
  const char* value = getenv(name);
  return value ? strtoull(value, nullptr, 10) : otherwise;
}
bool refuses(const char* what) {
  const char* value = getenv("STAND_IN_CUDA_OVERLAP");
  return value && !strcmp(value, what);
}
int devices() { return int(setting("STAND_IN_CUDA_DEVICES", 1)); }
size_t shared_limit() { return setting("STAND_IN_CUDA_SHARED", setting("STAND_IN_CUDA_CAPABILITY", 80) >= 90 ? 227 << 10 : 99 << 10); }

using Work = std::function<int()>;
// KERNEL_THAT_OVERLAPS: a kernel that may begin while the previous kernel in its stream still runs.
enum Kind { OTHER, KERNEL, KERNEL_THAT_OVERLAPS };
struct Node { Work work; std::vector<int> after; Kind kind; };
struct Graph { std::vector<Node> nodes; uint64_t replays = 0; };
struct Capture { Graph* graph; void* origin; std::set<struct Stream*> joined; std::atomic<bool> spoilt{false}; };
std::mutex captures_mutex;
std::set<Capture*> captures;  // current captures
struct Stream {
  Capture* capture = nullptr;
  std::vector<int> last;  // the nodes on which the next node of this stream depends
  bool behind_kernel = false;  // outside a capture: the last operation on it is a kernel
};
struct Event { Capture* capture = nullptr; std::vector<int> nodes; Stream* stream = nullptr; };
struct Function { std::string name; size_t shared = 48 << 10; };
Stream null_stream;
Stream* stream_of(void* s) { return uintptr_t(s) <= 2 ? &null_stream : static_cast<Stream*>(s); }
// Errors of a kernel are sticky, as on a device.
std::atomic<int> sticky{SUCCESS};
std::atomic<size_t> used{0};
struct Counts { std::atomic<uint64_t> allocations, pinned, uploads, pageable_copies, launches, overlapping, direct; } counts;
std::mutex sizes_lock;  // guards the tables below
std::map<uint64_t, size_t> sizes;
std::map<uintptr_t, size_t> pinned;
std::map<std::string, uint64_t> launched;  // by kernel
void count_pageable(const void* host) {
  std::lock_guard<std::mutex> guard(sizes_lock);
  auto after = pinned.upper_bound(uintptr_t(host));
  if (after == pinned.begin() || uintptr_t(host) >= std::prev(after)->first + std::prev(after)->second) ++counts.pageable_copies;
}

int run(void* s, Work work, Kind kind = OTHER) {
  if (sticky) return sticky;
  Stream* stream = stream_of(s);
  if (!stream->capture) {
    stream->behind_kernel = kind != OTHER;
    return work();
  }
  if (stream->capture->spoilt) return CAPTURE_INVALIDATED;
  Graph* graph = stream->capture->graph;
  graph->nodes.push_back({work, stream->last, kind});
  stream->last = {int(graph->nodes.size()) - 1};
  return SUCCESS;
}
int replay(Graph& graph) {
  if (sticky) return sticky;
  uint64_t state = ++graph.replays * 0x9e3779b97f4a7c15ull | 1;
  std::vector<int> waits(graph.nodes.size()), ready;
  std::vector<std::vector<int>> before(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    waits[i] = int(graph.nodes[i].after.size());
    for (int a : graph.nodes[i].after) before[a].push_back(int(i));
    if (!waits[i]) ready.push_back(int(i));
  }
  while (!ready.empty()) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    std::swap(ready[state % ready.size()], ready.back());
    const int i = ready.back();
    ready.pop_back();
    if (int error = graph.nodes[i].work()) return error;
    for (int b : before[i])
      if (!--waits[b]) ready.push_back(b);
  }
  return SUCCESS;
}
thread_local void* current_context = nullptr;
int primary_context;
const char* error_name(int e) {
  switch (e) {
    case OUT_OF_MEMORY: return "CUDA_ERROR_OUT_OF_MEMORY";
    case NO_DEVICE: return "CUDA_ERROR_NO_DEVICE";
    case INVALID_DEVICE: return "CUDA_ERROR_INVALID_DEVICE";
    case NO_BINARY: return "CUDA_ERROR_NO_BINARY_FOR_GPU";
    case ILLEGAL_ADDRESS: return "CUDA_ERROR_ILLEGAL_ADDRESS";
    default: return "CUDA_ERROR";
  }
}
const char* error_text(int e) {
  switch (e) {
    case OUT_OF_MEMORY: return "out of memory";
    case NO_DEVICE: return "no CUDA-capable device is detected";
    case INVALID_DEVICE: return "invalid device ordinal";
    case NO_BINARY: return "no kernel image is available for execution on the device";
    case ILLEGAL_ADDRESS: return "an illegal memory access was encountered (the emulator's report is on stderr)";
    default: return "error";
  }
}
}  // namespace

#define API extern "C" __attribute__((visibility("default"))) int
// Device allocations, allocations of page-locked memory, copies to the device, copies whose host side is not
// page-locked, launches, bytes of device memory in use now, and launches that may overlap with the previous
// one.
API stand_in_counts(uint64_t* v) {
  v[0] = counts.allocations, v[1] = counts.pinned, v[2] = counts.uploads, v[3] = counts.pageable_copies, v[4] = counts.launches;
  v[5] = used, v[6] = counts.overlapping, v[7] = counts.direct;
  return SUCCESS;
}
// The number of launches of a kernel.
API stand_in_launched(const char* kernel, uint64_t* times) {
  std::lock_guard<std::mutex> guard(sizes_lock);
  *times = launched[kernel];
  return SUCCESS;
}
API cuInit(unsigned) { return devices() ? SUCCESS : NO_DEVICE; }
API cuDriverGetVersion(int* v) { *v = int(setting("STAND_IN_CUDA_DRIVER", 13000)); return SUCCESS; }
API cuDeviceGetCount(int* n) { *n = devices(); return SUCCESS; }
API cuDeviceGet(int* d, int i) { *d = i; return i < devices() ? SUCCESS : INVALID_DEVICE; }
API cuDeviceGetName(char* s, int n, int) { snprintf(s, size_t(n), "emulated device"); return SUCCESS; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = setting("STAND_IN_CUDA_MEMORY", size_t(8) << 30); return SUCCESS; }
API cuDeviceGetAttribute(int* v, int attribute, int) {
  const int capability = int(setting("STAND_IN_CUDA_CAPABILITY", 80));
  switch (attribute) {
    case 75: *v = capability / 10; break;
    case 76: *v = capability % 10; break;
    case 97: *v = int(shared_limit()); break;  // largest shared memory of a block
    case 115: *v = 1; break;                   // memory pools
    case 16: *v = 132; break;                  // multiprocessors
    case 91: *v = 1; break;                    // registered host memory has one address for host and device
    default: *v = 0;
  }
  return SUCCESS;
}
API cuDevicePrimaryCtxRetain(void** c, int) { *c = &primary_context; return SUCCESS; }
API cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API cuCtxGetCurrent(void** c) { *c = current_context; return SUCCESS; }
API cuCtxSetCurrent(void* c) { current_context = c; return SUCCESS; }
// A wait for the device while any stream captures is refused, in every mode of capture, and invalidates the
// captures.
API cuCtxSynchronize() {
  std::lock_guard<std::mutex> lock(captures_mutex);
  for (Capture* capture : captures) capture->spoilt = true;
  return captures.empty() ? int(sticky) : CAPTURE_UNSUPPORTED;
}
API cuGetErrorName(int e, const char** s) { *s = error_name(e); return SUCCESS; }
API cuGetErrorString(int e, const char** s) { *s = error_text(e); return SUCCESS; }

// ---- streams, events, graphs ----
API cuStreamCreate(void** s, unsigned) { *s = new Stream; return SUCCESS; }
API cuStreamDestroy_v2(void* s) { delete static_cast<Stream*>(s); return SUCCESS; }
API cuStreamSynchronize(void* s) { return stream_of(s)->capture ? CAPTURE_UNSUPPORTED : int(sticky); }
API cuEventCreate(void** e, unsigned) { *e = new Event; return SUCCESS; }
API cuEventDestroy_v2(void* e) { delete static_cast<Event*>(e); return SUCCESS; }
API cuEventRecord(void* e, void* s) {
  Stream* stream = stream_of(s);
  *static_cast<Event*>(e) = {stream->capture, stream->last, stream};
  stream->behind_kernel = false;
  return SUCCESS;
}
API cuEventSynchronize(void*) { return sticky; }
API cuEventQuery(void*) { return sticky; }
API cuEventElapsedTime_v2(float* ms, void*, void*) { *ms = 0; return SUCCESS; }
API cuStreamWaitEvent(void* s, void* e, unsigned) {
  Stream* stream = stream_of(s);
  Event* event = static_cast<Event*>(e);
  stream->behind_kernel = false;
  if (!event->capture) return stream->capture ? CAPTURE_INVALIDATED : SUCCESS;
  if (!stream->capture) {
    stream->capture = event->capture;
    event->capture->joined.insert(stream);
  }
  if (stream->capture != event->capture) return CAPTURE_INVALIDATED;
  stream->last.insert(stream->last.end(), event->nodes.begin(), event->nodes.end());
  return SUCCESS;
}
API cuStreamBeginCapture_v2(void* s, int) {
  Stream* stream = stream_of(s);
  if (stream == &null_stream || stream->capture) return CAPTURE_UNSUPPORTED;
  stream->capture = new Capture{new Graph, s, {}};
  std::lock_guard<std::mutex> lock(captures_mutex);
  captures.insert(stream->capture);
  stream->last.clear();
  return SUCCESS;
}
API cuStreamEndCapture(void* s, void** g) {
  Stream* stream = stream_of(s);
  Capture* capture = stream->capture;
  if (!capture || capture->origin != s) return CAPTURE_INVALIDATED;
  // Every node of a joined stream must lead back to the origin.
  std::vector<bool> leads(capture->graph->nodes.size());
  std::vector<int> open = stream->last;
  while (!open.empty()) {
    const int i = open.back();
    open.pop_back();
    if (leads[i]) continue;
    leads[i] = true;
    open.insert(open.end(), capture->graph->nodes[i].after.begin(), capture->graph->nodes[i].after.end());
  }
  bool joined = true;
  for (bool l : leads) joined &= l;
  const int error = capture->spoilt ? CAPTURE_INVALIDATED : joined ? SUCCESS : CAPTURE_UNJOINED;
  for (Stream* other : capture->joined) other->capture = nullptr, other->last.clear();
  stream->capture = nullptr;
  stream->last.clear();
  *g = error ? nullptr : capture->graph;
  std::lock_guard<std::mutex> lock(captures_mutex);
  captures.erase(capture);
  delete capture;
  return error;
}
API cuStreamIsCapturing(void* s, int* status) { *status = stream_of(s)->capture != nullptr; return SUCCESS; }
API cuGraphInstantiateWithFlags(void** e, void* g, unsigned long long) {
  for (const Node& node : static_cast<Graph*>(g)->nodes)
    if (node.kind == KERNEL_THAT_OVERLAPS && refuses("refuse-graph")) return INVALID_VALUE;
  *e = new Graph(*static_cast<Graph*>(g));
  return SUCCESS;
}
API cuGraphUpload(void*, void*) { return SUCCESS; }
API cuGraphLaunch(void* e, void* s) {
  stream_of(s)->behind_kernel = false;
  return replay(*static_cast<Graph*>(e));
}
API cuGraphDestroy(void* g) { delete static_cast<Graph*>(g); return SUCCESS; }
API cuGraphExecDestroy(void* g) { delete static_cast<Graph*>(g); return SUCCESS; }

// ---- memory ----
API cuMemAlloc_v2(uint64_t* p, size_t n) {
  if (sticky) return sticky;
  if (used + n > setting("STAND_IN_CUDA_MEMORY", size_t(8) << 30)) return OUT_OF_MEMORY;
  *p = reinterpret_cast<uint64_t>(emulator_malloc(n));
  if (!*p) return OUT_OF_MEMORY;
  std::lock_guard<std::mutex> guard(sizes_lock);
  sizes[*p] = n;
  used += n;
  ++counts.allocations;
  return SUCCESS;
}
API cuMemFree_v2(uint64_t p) {
  if (!p) return SUCCESS;
  {
    std::lock_guard<std::mutex> guard(sizes_lock);
    used -= sizes[p];
    sizes.erase(p);
  }
  emulator_free(reinterpret_cast<void*>(p));
  return SUCCESS;
}
API cuMemAllocAsync(uint64_t* p, size_t n, void*) { return cuMemAlloc_v2(p, n); }
API cuMemFreeAsync(uint64_t p, void*) { return cuMemFree_v2(p); }
API cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
  *total = setting("STAND_IN_CUDA_MEMORY", size_t(8) << 30);
  *free_bytes = *total - std::min(used.load(), *total);
  return SUCCESS;
}
API cuMemHostAlloc(void** p, size_t n, unsigned) {
  const size_t bytes = (n + 4095) / 4096 * 4096;
  *p = aligned_alloc(4096, bytes);
  std::lock_guard<std::mutex> guard(sizes_lock);
  pinned[uintptr_t(*p)] = bytes;
  ++counts.pinned;
  return SUCCESS;
}
API cuMemFreeHost(void* p) {
  std::lock_guard<std::mutex> guard(sizes_lock);
  pinned.erase(uintptr_t(p));
  free(p);
  return SUCCESS;
}
API cuMemHostRegister_v2(void*, size_t, unsigned) { return SUCCESS; }
API cuMemcpyHtoDAsync_v2(uint64_t d, const void* h, size_t n, void* s) {
  ++counts.uploads;
  count_pageable(h);
  return run(s, [=] { emulator_upload(reinterpret_cast<void*>(d), h, n); return SUCCESS; });
}
API cuMemcpyDtoHAsync_v2(void* h, uint64_t d, size_t n, void* s) {
  count_pageable(h);
  return run(s, [=] { emulator_download(h, reinterpret_cast<void*>(d), n); return SUCCESS; });
}
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void* s) {
  return run(s, [=] { emulator_copy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), n); return SUCCESS; });
}
API cuMemcpyHtoD_v2(uint64_t d, const void* h, size_t n) { return cuMemcpyHtoDAsync_v2(d, h, n, nullptr); }
API cuMemcpyDtoH_v2(void* h, uint64_t d, size_t n) { return cuMemcpyDtoHAsync_v2(h, d, n, nullptr); }
API cuMemsetD8Async(uint64_t d, unsigned char v, size_t n, void* s) {
  return run(s, [=] {
    std::vector<unsigned char> bytes(n, v);
    emulator_upload(reinterpret_cast<void*>(d), bytes.data(), n);
    return SUCCESS;
  });
}
// Rank 2, fp16, 128-byte swizzle: the only kind of map that the kernels use.
API cuTensorMapEncodeTiled(void* map, int type, uint32_t rank, void* base, const uint64_t* dims, const uint64_t* strides,
                           const uint32_t* box, const uint32_t* element_strides, int interleave, int swizzle, int, int fill) {
  if (type != 6 || rank != 2 || interleave || swizzle != 3 || fill) return INVALID_VALUE;
  if (uintptr_t(base) % 16 || strides[0] % 16 || strides[0] < dims[0] * 2 || !dims[0] || !dims[1]) return INVALID_VALUE;
  if (box[0] * 2 != 128 || !box[1] || box[1] > 256 || element_strides[0] != 1 || !element_strides[1] || element_strides[1] > 8) return INVALID_VALUE;
  emulator_tensor_map(map, base, dims[0], dims[1], strides[0], box[0], box[1], element_strides[1]);
  return SUCCESS;
}

// The types of cuda.h. One launch attribute is used, 6: programmatic stream serialization, whose value is an
// int.
struct LaunchAttribute { int id; char pad[4]; union { char room[64]; int on; }; };
struct LaunchConfig { unsigned grid[3], block[3], shared; void* stream; LaunchAttribute* attributes; unsigned count; };
static_assert(sizeof(LaunchAttribute) == 72 && offsetof(LaunchConfig, stream) == 32 && offsetof(LaunchConfig, count) == 48);

// ---- modules and launches: the kernels come from the registry, for any image ----
API cuModuleLoadData(void** m, const void*) { *m = malloc(1); return SUCCESS; }
API cuModuleUnload(void* m) { free(m); return SUCCESS; }
API cuModuleGetFunction(void** f, void*, const char* name) {
  if (!emulator_has_kernel(name)) return NOT_FOUND;
  *f = new Function{name};
  return SUCCESS;
}
API cuFuncSetAttribute(void* f, int attribute, int v) {
  if (attribute != 8) return SUCCESS;  // 8: dynamic shared memory; 48 KiB are available without this call
  if (v < 0 || size_t(v) > shared_limit()) return INVALID_VALUE;
  static_cast<Function*>(f)->shared = size_t(v);
  return SUCCESS;
}
// 5: the PTX version from which the code was compiled: that of the generation, or that of 8.0 if no machine
// code fits.
API cuFuncGetAttribute(int* v, int attribute, void*) {
  const int generation = int(setting("STAND_IN_CUDA_CAPABILITY", 80)) / 10;
  *v = attribute != 5 ? 0 : generation == 9 || generation == 10 || generation == 12 ? generation * 10 : 80;
  return SUCCESS;
}
static int launch_kernel(void* f, const LaunchConfig& config, void** arguments, Kind kind) {
  auto* function = static_cast<Function*>(f);
  const unsigned shared = config.shared;
  void* s = config.stream;
  auto launch = [=](void** values) {
    char error[2048];
    counts.overlapping += kind == KERNEL_THAT_OVERLAPS;
    emulator_shared_limit(shared_limit());
    emulator_checks(setting("STAND_IN_CUDA_CHECKS", 1) != 0);
    {
      std::lock_guard<std::mutex> guard(sizes_lock);
      ++launched[function->name];
    }
    if (++counts.launches == setting("STAND_IN_CUDA_FAIL", 0)) return sticky = ILLEGAL_ADDRESS, int(ILLEGAL_ADDRESS);
    if (!setting("STAND_IN_CUDA_RUN", 1)) return int(SUCCESS);
    if (!emulator_launch(function->name.c_str(), config.grid, config.block, shared, values, error, sizeof error)) return int(SUCCESS);
    fprintf(stderr, "emulated device: %s\n", error);
    sticky = ILLEGAL_ADDRESS;
    return int(ILLEGAL_ADDRESS);
  };
  if (sticky) return sticky;
  if (shared > function->shared) return INVALID_VALUE;
  if (!stream_of(s)->capture) {
    ++counts.direct;
    return run(s, [&] { return launch(arguments); }, kind);
  }
  // Capture keeps the values of the arguments, as the driver does.
  std::vector<size_t> bytes(emulator_argument_sizes(function->name.c_str(), nullptr, 0));
  emulator_argument_sizes(function->name.c_str(), bytes.data(), bytes.size());
  std::vector<std::string> values;
  for (size_t i = 0; i < bytes.size(); ++i) values.emplace_back(static_cast<char*>(arguments[i]), bytes[i]);
  return run(s, [=] {
    std::vector<std::vector<std::max_align_t>> storage;
    std::vector<void*> pointers;
    for (auto& v : values) {
      storage.emplace_back(v.size() / sizeof(std::max_align_t) + 5);
      void* p = storage.back().data();
      size_t space = storage.back().size() * sizeof(std::max_align_t);
      pointers.push_back(memcpy(std::align(64, v.size(), p, space), v.data(), v.size()));
    }
    return launch(pointers.data());
  }, kind);
}
API cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void* s, void** arguments, void**) {
  return launch_kernel(f, {{gx, gy, gz}, {bx, by, bz}, shared, s, nullptr, 0}, arguments, KERNEL);
}
API cuLaunchKernelEx(const LaunchConfig* config, void* f, void** arguments, void**) {
  Kind kind = KERNEL;
  for (unsigned i = 0; i < config->count; ++i) {
    if (config->attributes[i].id != 6) return INVALID_VALUE;
    if (config->attributes[i].on) kind = KERNEL_THAT_OVERLAPS;
  }
  if (kind == KERNEL || sticky) return launch_kernel(f, *config, arguments, kind);
  Stream* stream = stream_of(config->stream);
  Capture* capture = stream->capture;
  if (refuses("refuse")) return NOT_SUPPORTED;
  if (capture && refuses("refuse-capture")) return capture->spoilt = true, int(INVALID_HANDLE);
  // Only an edge between two kernels may overlap. The driver may ignore the attribute anywhere else; here it
  // is an error.
  const bool behind_kernel =
      capture ? stream->last.size() == 1 && capture->graph->nodes[stream->last[0]].kind != OTHER : stream->behind_kernel;
  if (!behind_kernel) {
    fprintf(stderr, "emulated device: a launch that may overlap with the kernel before it, where the last thing on its stream is no kernel\n");
    return sticky = ILLEGAL_ADDRESS;
  }
  return launch_kernel(f, *config, arguments, kind);
}
