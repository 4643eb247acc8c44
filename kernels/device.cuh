// The base header of all kernels: thin wrappers of the PTX instructions that they use. For nvcc the wrappers
// are below; for a host compiler the emulator defines the same names, runs the kernels on the CPU and checks
// every memory access. Therefore kernels have no inline assembly and no #ifdef, declare shared memory with
// DYNAMIC_SHARED and SHARED_ARRAY (a bare __shared__ does not compile on the host, on purpose), and move
// vectors with dev::ld and dev::st.
#pragma once

#ifndef __CUDACC__
#include "cuda_on_host.h"
#else

#include <cuda.h>
#include <cuda_fp16.h>
#include <stdint.h>

#define CUDA_KERNEL(name)  // registers the kernel with the emulator; nothing under nvcc
// A barrier or a wait, by a name of its own in the file. The emulator's tests leave each of them out and
// require a report.
#define SYNC_POINT(name, ...) __VA_ARGS__
#define DYNAMIC_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#define SHARED_ARRAY(T, name, n) __shared__ T name[n]

namespace dev {
__device__ __forceinline__ uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

// One access of sizeof(T) bytes; p must be aligned to it.
template <class T> __device__ __forceinline__ T ld(const void* p) { return *static_cast<const T*>(p); }
template <class T> __device__ __forceinline__ void st(void* p, T v) { *static_cast<T*>(p) = v; }

// ---- launches that overlap: programmatic dependent launch (sm_90) ----
// Waits until the previous kernel of the stream has ended and its writes are visible. Every thread of every
// kernel calls this before any return and before its first access to device memory (only tma_load_constant
// may come earlier). A kernel launched to overlap begins while the previous kernel still runs: when every
// block of the previous kernel has reached this line.
// - No deadlock: blocks of this kernel begin only when all blocks of the previous kernel are on a
//   multiprocessor.
// - A kernel comes after all earlier kernels, not only after the previous one: each kernel ends after its
//   threads have waited for its predecessor. Therefore blocks without work must wait too.
// - `const __restrict__` promises that no one writes the memory while the kernel runs, and a kernel runs
//   while it waits. So it is allowed for weights and tables, not for memory that an earlier kernel may write.
// - A kernel launched without overlap begins after the previous one has ended, and this call returns at once.
//   Code below sm_90 lacks the instructions and does not wait: the launcher must not let it overlap.
__device__ __forceinline__ void begin_after_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;\ngriddepcontrol.wait;" ::: "memory");
#endif
}

// ---- asynchronous 16-byte copies, global to shared (sm_80) ----
// Without `read` the destination is filled with zeros and the source is not touched.
__device__ __forceinline__ void cp_async16(void* to, const void* from, bool read = true) {
  int bytes = read ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until at most N of the committed groups are still in flight.
template <int N> __device__ __forceinline__ void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// ---- matrix fragments (sm_80) ----
// Loads four 8x8 matrices of halves; lane l passes the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_transposed(uint32_t (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
// d += a (16x16, rows) * b (16x8, columns): fp16 products, f32 sums.
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ __forceinline__ uint32_t pack_half2(float low, float high) {
  __half2 h = __floats2half2_rn(low, high);
  return *reinterpret_cast<uint32_t*>(&h);
}
// A barrier among `threads` threads of the block; id 1 to 15 (0 is __syncthreads).
__device__ __forceinline__ void named_barrier(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
// ---- mbarriers and the bulk copy engine (sm_90) ----
__device__ __forceinline__ void mbarrier_init(uint64_t* b, uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(count) : "memory");
}
// Makes the initialisation visible to the copy engine; a block barrier makes it visible to the other threads.
__device__ __forceinline__ void mbarrier_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;\nfence.proxy.async.shared::cta;" ::: "memory");
}
__device__ __forceinline__ void mbarrier_arrive(uint64_t* b) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(b)) : "memory");
}
// Arrives, and makes the phase wait for `bytes` more bytes from the copy engine.
__device__ __forceinline__ void mbarrier_arrive_expect(uint64_t* b, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(b)), "r"(bytes) : "memory");
}
// Waits for the end of the phase of this parity.
__device__ __forceinline__ void mbarrier_wait(uint64_t* b, uint32_t parity) {
  asm volatile(
      "{\n.reg .pred done;\nagain: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@done bra over;\nbra again;\nover:\n}"
      ::"r"(shared_address(b)), "r"(parity) : "memory");
}
// Prefetches a tensor map, which is a parameter of the kernel.
__device__ __forceinline__ void prefetch_map(const void* map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }
// Copies the box of the tensor map whose first element is (x, y); zeros outside the tensor.
__device__ __forceinline__ void tma_load(void* to, const void* map, uint64_t* b, int x, int y) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
               ::"r"(shared_address(to)), "l"(map), "r"(shared_address(b)), "r"(x), "r"(y) : "memory");
}
// The same for memory that no kernel writes, such as weights: this call may stand before
// `begin_after_previous`.
__device__ __forceinline__ void tma_load_constant(void* to, const void* map, uint64_t* b, int x, int y) { tma_load(to, map, b, x, y); }
// Copies `bytes` (a multiple of 16) from global to shared memory.
__device__ __forceinline__ void bulk_load(void* to, const void* from, uint32_t bytes, uint64_t* b) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
               ::"r"(shared_address(to)), "l"(from), "r"(bytes), "r"(shared_address(b)) : "memory");
}
#endif

#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
// ---- warpgroup products (sm_90a) ----
// Descriptor of a K-major tile in shared memory: rows of 128 bytes (64 halves), 128-byte swizzle.
__device__ __forceinline__ uint64_t wgmma_descriptor(const void* p) {
  uint64_t d = (shared_address(p) & 0x3FFFF) >> 4;
  d |= uint64_t(1) << 16;          // leading offset: not used by a swizzled K-major tile
  d |= uint64_t(1024 >> 4) << 32;  // stride offset: eight rows of 128 bytes
  d |= uint64_t(1) << 62;          // 128-byte swizzle
  return d;
}
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> __device__ __forceinline__ void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
#define D8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
// d (64xN, f32) += a (64x16) * b (N rows of 16)^T, both from shared memory.
__device__ __forceinline__ void wgmma_m64n64k16(float (&d)[32], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, %32, %33, 1, 1, 1, 0, 0;"
      : D8(0), D8(8), D8(16), D8(24) : "l"(a), "l"(b));
}
__device__ __forceinline__ void wgmma_m64n128k16(float (&d)[64], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
      "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"
      "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, %64, %65, 1, 1, 1, 0, 0;"
      : D8(0), D8(8), D8(16), D8(24), D8(32), D8(40), D8(48), D8(56) : "l"(a), "l"(b));
}
__device__ __forceinline__ void wgmma_m64n256k16(float (&d)[128], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 "
      "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
      "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
      "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,"
      "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63,"
      "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,"
      "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95,"
      "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,"
      "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127}, %128, %129, 1, 1, 1, 0, 0;"
      : D8(0), D8(8), D8(16), D8(24), D8(32), D8(40), D8(48), D8(56), D8(64), D8(72), D8(80), D8(88), D8(96), D8(104), D8(112), D8(120)
      : "l"(a), "l"(b));
}
#undef D8
// Increases the registers of a warpgroup, or gives some back to the block; every warp of the warpgroup must
// call it.
template <int N> __device__ __forceinline__ void registers_increase() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> __device__ __forceinline__ void registers_decrease() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }
#endif
}  // namespace dev
#endif
