// A deliberately wrong kernel for each kind of error that the checker must report; correct variants of some.
#include "device.cuh"

extern "C" __global__ void neighbours_without_syncwarp(int* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(int, s, 32);
  s[threadIdx.x] = int(threadIdx.x);
  out[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void neighbours_with_syncwarp(int* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(int, s, 32);
  s[threadIdx.x] = int(threadIdx.x);
  __syncwarp();
  out[threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void blocks_add_without_atomic(float* sum, const float* x) {
  dev::begin_after_previous();
  sum[0] = sum[0] + x[blockIdx.x];
}
extern "C" __global__ void blocks_add_with_atomic(float* sum, const float* x) {
  dev::begin_after_previous();
  atomicAdd(sum, x[blockIdx.x]);
}
extern "C" __global__ void misaligned_vector(float* out, const float* x) {
  dev::begin_after_previous();
  float4 v = dev::ld<float4>(x + 1);
  out[threadIdx.x] = v.x + v.w;
}
extern "C" __global__ void unwritten_shared(float* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, s, 64);
  if (threadIdx.x < 16) s[threadIdx.x] = 1.f;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
extern "C" __global__ void unwritten_global(float* out, const float* x) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[threadIdx.x];
}
extern "C" __global__ void barrier_in_two_branches(float* out) {
  dev::begin_after_previous();
  if (threadIdx.x < 48) {
    __syncthreads();
    out[threadIdx.x] = 1.f;
  } else {
    out[threadIdx.x] = 2.f;
    __syncthreads();
  }
}
extern "C" __global__ void shuffle_in_half_a_warp(float* out) {
  dev::begin_after_previous();
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.f, 1);
  __syncthreads();
}
extern "C" __global__ void read_past_the_end(float* out, const float* x, int n) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[n - int(threadIdx.x)];
}
extern "C" __global__ void write_past_the_end(float* out) {
  dev::begin_after_previous();
  out[threadIdx.x] = 1.f;
}
extern "C" __global__ void shared_past_the_end(float* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, s, 32);
  SHARED_ARRAY(float, t, 32);
  s[threadIdx.x] = t[threadIdx.x] = 0.f;
  float* p = s;
  p[threadIdx.x == 31 ? 32 : threadIdx.x] = 1.f;
  out[threadIdx.x] = s[threadIdx.x] + t[threadIdx.x];
}
extern "C" __global__ void local_array_past_the_end(float* out, int n) {
  dev::begin_after_previous();
  float r[4] = {1, 2, 3, 4}, s = 0;
  for (int i = 0; i <= n; ++i) s += r[i];
  out[threadIdx.x] = s;
}
extern "C" __global__ void copy_not_awaited(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 32);
  dev::cp_async16(s + threadIdx.x, x + 4 * threadIdx.x);
  dev::cp_async_commit();
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 1].x;
}
extern "C" __global__ void copy_awaited_without_barrier(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 32);
  dev::cp_async16(s + threadIdx.x, x + 4 * threadIdx.x);
  dev::cp_async_commit();
  dev::cp_async_wait<0>();
  out[threadIdx.x] = s[threadIdx.x ^ 1].x;
}
extern "C" __global__ void copy_awaited(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 32);
  dev::cp_async16(s + threadIdx.x, x + 4 * threadIdx.x);
  dev::cp_async_commit();
  dev::cp_async_wait<0>();
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x ^ 1].x;
}
extern "C" __global__ void bulk_copy_not_awaited(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 32);
  SHARED_ARRAY(uint64_t, bar, 1);
  if (threadIdx.x == 0) {
    dev::mbarrier_init(bar, 1);
    dev::mbarrier_arrive_expect(bar, 512);
    dev::bulk_load(s, x, 512, bar);
  }
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x].x;
}
extern "C" __global__ void bulk_copy_awaited(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 32);
  SHARED_ARRAY(uint64_t, bar, 1);
  if (threadIdx.x == 0) {
    dev::mbarrier_init(bar, 1);
    dev::mbarrier_arrive_expect(bar, 512);
    dev::bulk_load(s, x, 512, bar);
  }
  __syncthreads();
  dev::mbarrier_wait(bar, 0);
  out[threadIdx.x] = s[threadIdx.x].x;
}
extern "C" __global__ void mbarrier_never_completes(float* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(uint64_t, bar, 1);
  if (threadIdx.x == 0) dev::mbarrier_init(bar, 2);
  __syncthreads();
  if (threadIdx.x == 0) dev::mbarrier_arrive(bar);
  dev::mbarrier_wait(bar, 0);
  out[threadIdx.x] = 1.f;
}
extern "C" __global__ void read_before_the_wait(float* out, const float* x) {
  const float v = x[threadIdx.x];
  dev::begin_after_previous();
  out[threadIdx.x] = v;
}
extern "C" __global__ void atomic_before_the_wait(float* out) {
  if (threadIdx.x == 7) atomicAdd(out, 1.f);
  dev::begin_after_previous();
}
extern "C" __global__ void copy_before_the_wait(float* out, const float* x) {
  SHARED_ARRAY(float4, s, 32);
  dev::cp_async16(s + threadIdx.x, x + 4 * threadIdx.x);
  dev::begin_after_previous();
  dev::cp_async_commit();
  dev::cp_async_wait<0>();
  out[threadIdx.x] = s[threadIdx.x].x;
}
extern "C" __global__ void bulk_copy_before_the_wait(float* out, const float* x) {
  SHARED_ARRAY(float4, s, 32);
  SHARED_ARRAY(uint64_t, bar, 1);
  if (threadIdx.x == 0) {
    dev::mbarrier_init(bar, 1);
    dev::mbarrier_arrive_expect(bar, 512);
    dev::bulk_load(s, x, 512, bar);
  }
  dev::begin_after_previous();
  __syncthreads();
  dev::mbarrier_wait(bar, 0);
  out[threadIdx.x] = s[threadIdx.x].x;
}
extern "C" __global__ void return_without_the_wait(float* out) {
  if (blockIdx.x > 0) return;
  dev::begin_after_previous();
  out[threadIdx.x] = 1.f;
}
extern "C" __global__ void work_before_the_wait(float* out) {
  SHARED_ARRAY(float, s, 32);
  s[threadIdx.x] = float(threadIdx.x + 1);
  dev::begin_after_previous();
  out[threadIdx.x] = s[threadIdx.x];
}
CUDA_KERNEL(neighbours_without_syncwarp)
CUDA_KERNEL(neighbours_with_syncwarp)
CUDA_KERNEL(blocks_add_without_atomic)
CUDA_KERNEL(blocks_add_with_atomic)
CUDA_KERNEL(misaligned_vector)
CUDA_KERNEL(unwritten_shared)
CUDA_KERNEL(unwritten_global)
CUDA_KERNEL(barrier_in_two_branches)
CUDA_KERNEL(shuffle_in_half_a_warp)
CUDA_KERNEL(read_past_the_end)
CUDA_KERNEL(write_past_the_end)
CUDA_KERNEL(shared_past_the_end)
CUDA_KERNEL(local_array_past_the_end)
CUDA_KERNEL(copy_not_awaited)
CUDA_KERNEL(copy_awaited_without_barrier)
CUDA_KERNEL(copy_awaited)
CUDA_KERNEL(bulk_copy_not_awaited)
CUDA_KERNEL(bulk_copy_awaited)
CUDA_KERNEL(mbarrier_never_completes)
CUDA_KERNEL(read_before_the_wait)
CUDA_KERNEL(atomic_before_the_wait)
CUDA_KERNEL(copy_before_the_wait)
CUDA_KERNEL(bulk_copy_before_the_wait)
CUDA_KERNEL(return_without_the_wait)
CUDA_KERNEL(work_before_the_wait)
