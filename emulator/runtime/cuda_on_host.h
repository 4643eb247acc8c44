// The host side of `kernels/device.cuh`: every CUDA thread is a fiber, and each synchronisation, copy and
// matrix product calls the emulator with the file and line of the call.
#pragma once
#include <tuple>
#include <utility>
#include "host_types.h"

// The place of the call: the last two parameters of every function that a kernel can call.
#define PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define HERE file, line

namespace emulator {
struct Indices { uint3 threadIdx, blockIdx; dim3 blockDim, gridDim; };
extern thread_local Indices indices;

enum Collective { SYNCWARP, SHUFFLE_INDEX, SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR, BALLOT, LDMATRIX, LDMATRIX_TRANSPOSED, MMA, WGMMA, WGMMA_COMMIT };
void load(void* to, const void* p, size_t bytes, size_t align, const char* file, int line);
void store(void* p, const void* from, size_t bytes, size_t align, const char* file, int line);
uint64_t atomic(void* p, int bytes, uint64_t (*combine)(uint64_t, uint64_t), uint64_t v);
unsigned char* dynamic_shared();
void* shared_array(size_t bytes, const char* file, int line);

void barrier(int id, int count, const char* file, int line);
void syncwarp(unsigned mask, const char* file, int line);
uint64_t shuffle(Collective kind, unsigned mask, uint64_t v, int operand, int width, const char* file, int line);
unsigned ballot(unsigned mask, bool p, const char* file, int line);
void ldmatrix_x4(bool transposed, uint32_t* r, const void* row, const char* file, int line);
void mma_m16n8k16(float* d, const uint32_t* a, uint32_t b0, uint32_t b1, const char* file, int line);

void begin_after_previous();

void cp_async(void* to, const void* from, bool read, const char* file, int line);
void cp_async_commit();
void cp_async_wait(int pending);

void mbarrier_init(uint64_t* barrier, uint32_t count, const char* file, int line);
void mbarrier_arrive(uint64_t* barrier, uint32_t expected_bytes, const char* file, int line);
void mbarrier_wait(uint64_t* barrier, uint32_t parity, const char* file, int line);
void tma_load(void* to, const void* map, uint64_t* barrier, int x, int y, bool constant, const char* file, int line);
void bulk_load(void* to, const void* from, uint32_t bytes, uint64_t* barrier, const char* file, int line);
uint64_t wgmma_descriptor(const void* p, const char* file, int line);
void wgmma(float* d, int n, uint64_t a, uint64_t b, const char* file, int line);
void wgmma_commit(const char* file, int line);
void wgmma_wait(int pending);

// ---- the kernels of a program, by name, with cuLaunchKernel's argument convention ----
struct Kernel {
  void (*call)(void** arguments) = nullptr;
  const size_t* argument_sizes = nullptr;
  size_t arguments = 0;
};
void register_kernel(const char* name, Kernel kernel);
#define EMULATOR_UNCHECKED __attribute__((noinline, no_sanitize("thread")))
template <auto F> struct Call;
template <class... A, void (*F)(A...)> struct Call<F> {
  template <size_t... I> EMULATOR_UNCHECKED static void unpack(void** a, std::index_sequence<I...>) {
    (void)a;
    F(*static_cast<std::remove_cv_t<A>*>(a[I])...);
  }
  EMULATOR_UNCHECKED static void call(void** a) { unpack(a, std::index_sequence_for<A...>{}); }
  static Kernel kernel() {
    static const size_t sizes[] = {sizeof(A)..., 0};
    return {&call, sizes, sizeof...(A)};
  }
};
struct Registration { Registration(const char* name, Kernel kernel) { register_kernel(name, kernel); } };

template <class T> inline T shuffle_any(Collective kind, unsigned mask, T v, int operand, int width, const char* file, int line) {
  static_assert(sizeof(T) <= 8, "shuffle operand");
  uint64_t u = 0;
  memcpy(&u, &v, sizeof(T));
  u = shuffle(kind, mask, u, operand, width, HERE);
  memcpy(&v, &u, sizeof(T));
  return v;
}
template <class T, class F> inline T atomic_any(T* p, T v, F) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "atomic operand");
  uint64_t u = 0;
  memcpy(&u, &v, sizeof(T));
  auto combine = [](uint64_t old, uint64_t operand) {
    T a, b;
    memcpy(&a, &old, sizeof(T));
    memcpy(&b, &operand, sizeof(T));
    T c = F::apply(a, b);
    uint64_t r = 0;
    memcpy(&r, &c, sizeof(T));
    return r;
  };
  u = atomic(p, sizeof(T), combine, u);
  memcpy(&v, &u, sizeof(T));
  return v;
}
struct Add { template <class T> static T apply(T a, T b) { return a + b; } };
struct Max { template <class T> static T apply(T a, T b) { return a > b ? a : b; } };
}  // namespace emulator

// The variants that `build.rs` makes define EMULATOR_WITHOUT: the synchronisation point that their kernels
// leave out.
#ifdef EMULATOR_WITHOUT
#define EMULATOR_KERNEL_SUFFIX "_without_" EMULATOR_WITHOUT
#else
#define EMULATOR_WITHOUT ""
#define EMULATOR_KERNEL_SUFFIX ""
#endif
namespace emulator {
constexpr bool is_left_out(const char* name, const char* without) {
  while (*name && *name == *without) ++name, ++without;
  return *name == *without;
}
}  // namespace emulator
#define SYNC_POINT(name, ...) \
  do { \
    if constexpr (!emulator::is_left_out(#name, EMULATOR_WITHOUT)) __VA_ARGS__; \
  } while (false)
#define CUDA_KERNEL(name) \
  static emulator::Registration emulator_registration_##name(#name EMULATOR_KERNEL_SUFFIX, emulator::Call<&name>::kernel());
#define DYNAMIC_SHARED(name) unsigned char* const name = emulator::dynamic_shared()
#define SHARED_ARRAY(T, name, n) \
  T(&name)[n] = *static_cast<T(*)[n]>(emulator::shared_array(sizeof(T[n]), __FILE__, __LINE__))

#define threadIdx (emulator::indices.threadIdx)
#define blockIdx (emulator::indices.blockIdx)
#define blockDim (emulator::indices.blockDim)
#define gridDim (emulator::indices.gridDim)

inline void __syncthreads(PLACE) { emulator::barrier(0, 0, HERE); }
inline void __syncwarp(unsigned mask = 0xffffffffu, PLACE) { emulator::syncwarp(mask, HERE); }
inline unsigned __ballot_sync(unsigned mask, int p, PLACE) { return emulator::ballot(mask, p != 0, HERE); }
inline int __any_sync(unsigned mask, int p, PLACE) { return emulator::ballot(mask, p != 0, HERE) != 0; }
inline int __all_sync(unsigned mask, int p, PLACE) { return emulator::ballot(mask, p == 0, HERE) == 0; }
template <class T> inline T __shfl_sync(unsigned m, T v, int lane, int width = 32, PLACE) {
  return emulator::shuffle_any(emulator::SHUFFLE_INDEX, m, v, lane, width, HERE);
}
template <class T> inline T __shfl_up_sync(unsigned m, T v, int by, int width = 32, PLACE) {
  return emulator::shuffle_any(emulator::SHUFFLE_UP, m, v, by, width, HERE);
}
template <class T> inline T __shfl_down_sync(unsigned m, T v, int by, int width = 32, PLACE) {
  return emulator::shuffle_any(emulator::SHUFFLE_DOWN, m, v, by, width, HERE);
}
template <class T> inline T __shfl_xor_sync(unsigned m, T v, int bits, int width = 32, PLACE) {
  return emulator::shuffle_any(emulator::SHUFFLE_XOR, m, v, bits, width, HERE);
}
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T atomicAdd(T* p, T v) { return emulator::atomic_any(p, v, emulator::Add()); }
template <class T> inline T atomicMax(T* p, T v) { return emulator::atomic_any(p, v, emulator::Max()); }

// The host side of the namespace that device.cuh documents.
namespace dev {
template <class T> inline T ld(const void* p, PLACE) {
  T v;
  emulator::load(&v, p, sizeof(T), alignof(T), HERE);
  return v;
}
template <class T> inline void st(void* p, T v, PLACE) { emulator::store(p, &v, sizeof(T), alignof(T), HERE); }
inline void begin_after_previous() { emulator::begin_after_previous(); }
inline void cp_async16(void* to, const void* from, bool read = true, PLACE) { emulator::cp_async(to, from, read, HERE); }
inline void cp_async_commit() { emulator::cp_async_commit(); }
template <int N> inline void cp_async_wait() { emulator::cp_async_wait(N); }
inline void ldmatrix_x4(uint32_t (&r)[4], const void* row, PLACE) { emulator::ldmatrix_x4(false, r, row, HERE); }
inline void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row, PLACE) { emulator::ldmatrix_x4(true, r, row, HERE); }
inline void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1, PLACE) {
  emulator::mma_m16n8k16(d, a, b0, b1, HERE);
}
inline float exp2_approx(float x) { return exp2f(x); }
inline uint32_t pack_half2(float low, float high) {
  return __float2half_rn(low).bits | uint32_t(__float2half_rn(high).bits) << 16;
}
inline void named_barrier(int id, int threads, PLACE) { emulator::barrier(id, threads, HERE); }

inline void mbarrier_init(uint64_t* b, uint32_t count, PLACE) { emulator::mbarrier_init(b, count, HERE); }
inline void mbarrier_init_fence() {}
inline void mbarrier_arrive(uint64_t* b, PLACE) { emulator::mbarrier_arrive(b, 0, HERE); }
inline void mbarrier_arrive_expect(uint64_t* b, uint32_t bytes, PLACE) { emulator::mbarrier_arrive(b, bytes, HERE); }
inline void mbarrier_wait(uint64_t* b, uint32_t parity, PLACE) { emulator::mbarrier_wait(b, parity, HERE); }
inline void prefetch_map(const void*) {}
inline void tma_load(void* to, const void* map, uint64_t* b, int x, int y, PLACE) { emulator::tma_load(to, map, b, x, y, false, HERE); }
inline void tma_load_constant(void* to, const void* map, uint64_t* b, int x, int y, PLACE) { emulator::tma_load(to, map, b, x, y, true, HERE); }
inline void bulk_load(void* to, const void* from, uint32_t bytes, uint64_t* b, PLACE) {
  emulator::bulk_load(to, from, bytes, b, HERE);
}
inline uint64_t wgmma_descriptor(const void* p, PLACE) { return emulator::wgmma_descriptor(p, HERE); }
inline void wgmma_fence() {}
inline void wgmma_commit(PLACE) { emulator::wgmma_commit(HERE); }
template <int N> inline void wgmma_wait() { emulator::wgmma_wait(N); }
inline void wgmma_m64n64k16(float (&d)[32], uint64_t a, uint64_t b, PLACE) { emulator::wgmma(d, 64, a, b, HERE); }
inline void wgmma_m64n128k16(float (&d)[64], uint64_t a, uint64_t b, PLACE) { emulator::wgmma(d, 128, a, b, HERE); }
inline void wgmma_m64n256k16(float (&d)[128], uint64_t a, uint64_t b, PLACE) { emulator::wgmma(d, 256, a, b, HERE); }
template <int N> inline void registers_increase() {}
template <int N> inline void registers_decrease() {}
}  // namespace dev
