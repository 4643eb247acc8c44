// Kernels whose memory accesses can be counted by hand.
#include "device.cuh"

extern "C" __global__ void neighbours_read_neighbours(float* out, const float* x) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[threadIdx.x];
}
extern "C" __global__ void every_lane_a_sector(float* out, const float* x) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[threadIdx.x * 8];
}
extern "C" __global__ void one_word_for_all(float* out, const float* x) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[0];
}
extern "C" __global__ void off_by_one_word(float* out, const float* x) {
  dev::begin_after_previous();
  out[threadIdx.x] = x[threadIdx.x + 1];
}
extern "C" __global__ void sixteen_bytes_a_lane(float4* out, const float4* x) {
  dev::begin_after_previous();
  dev::st(out + threadIdx.x, dev::ld<float4>(x + threadIdx.x));
}
// Lane 3 skips the first read; its only read is part of the second request of the other lanes.
extern "C" __global__ void a_lane_stays_away_once(float* out, const float* x) {
  dev::begin_after_previous();
  float sum = 0.f;
  for (int i = 0; i < 2; ++i) {
    if (i || threadIdx.x != 3) sum += x[i * 32 + threadIdx.x];
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
  }
  out[threadIdx.x] = sum;
}
extern "C" __global__ void half_of_a_warp_leaves(float* out, const float* x) {
  dev::begin_after_previous();
  if (threadIdx.x >= 16) return;
  out[threadIdx.x] = x[threadIdx.x];
}

template <int PITCH> __device__ void rows_then_columns(float* out) {
  SHARED_ARRAY(float, s, 32 * PITCH);
  for (int i = 0; i < 32; ++i) s[i * PITCH + threadIdx.x] = float(i);
  __syncwarp();
  float sum = 0.f;
  for (int i = 0; i < 32; ++i) sum += s[threadIdx.x * PITCH + i];
  out[threadIdx.x] = sum;
}
extern "C" __global__ void columns(float* out) {
  dev::begin_after_previous();
  rows_then_columns<32>(out);
}
extern "C" __global__ void padded_columns(float* out) {
  dev::begin_after_previous();
  rows_then_columns<33>(out);
}
extern "C" __global__ void one_shared_word_for_all(float* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, s, 1);
  if (threadIdx.x == 0) s[0] = 1.f;
  __syncwarp();
  out[threadIdx.x] = s[0];
}
extern "C" __global__ void shared_halves(float* out) {
  dev::begin_after_previous();
  SHARED_ARRAY(__half, s, 32);
  s[threadIdx.x] = __float2half_rn(1.f);
  __syncwarp();
  out[threadIdx.x] = __half2float(s[threadIdx.x]);
}
// Accesses of vectors, `STEP` vectors from lane to lane.
template <class T, int STEP> __device__ void shared_vectors(float* out) {
  SHARED_ARRAY(T, s, 32 * STEP);
  dev::st(s + threadIdx.x * STEP, T{});
  out[threadIdx.x] = dev::ld<T>(s + threadIdx.x * STEP).x;
}
extern "C" __global__ void vectors_of_8(float* out) {
  dev::begin_after_previous();
  shared_vectors<float2, 1>(out);
}
extern "C" __global__ void every_second_vector_of_8(float* out) {
  dev::begin_after_previous();
  shared_vectors<float2, 2>(out);
}
extern "C" __global__ void vectors_of_16(float* out) {
  dev::begin_after_previous();
  shared_vectors<float4, 1>(out);
}
extern "C" __global__ void every_second_vector_of_16(float* out) {
  dev::begin_after_previous();
  shared_vectors<float4, 2>(out);
}

// cp.async of 32 rows of 16 bytes that lie `PITCH` bytes apart in shared memory, and ldmatrix of them.
template <int PITCH> __device__ void copied_matrix(float* out, const float4* x) {
  SHARED_ARRAY(unsigned char, s, 32 * PITCH);
  dev::cp_async16(s + threadIdx.x * PITCH, x + threadIdx.x);
  dev::cp_async_commit();
  dev::cp_async_wait<0>();
  __syncwarp();
  uint32_t r[4];
  dev::ldmatrix_x4(r, s + threadIdx.x * PITCH);
  float d[4] = {};
  dev::mma_m16n8k16(d, r, r[0], r[1]);
  out[threadIdx.x] = d[0];
}
extern "C" __global__ void matrix_of_short_rows(float* out, const float4* x) {
  dev::begin_after_previous();
  copied_matrix<16>(out, x);
}
extern "C" __global__ void matrix_of_rows_of_128_bytes(float* out, const float4* x) {
  dev::begin_after_previous();
  copied_matrix<128>(out, x);
}
extern "C" __global__ void bulk_copy_of_48_bytes(float* out, const float* x) {
  dev::begin_after_previous();
  SHARED_ARRAY(float4, s, 3);
  SHARED_ARRAY(uint64_t, bar, 1);
  if (threadIdx.x == 0) {
    dev::mbarrier_init(bar, 1);
    dev::mbarrier_arrive_expect(bar, 48);
    dev::bulk_load(s, x + 4, 48, bar);
  }
  __syncthreads();
  dev::mbarrier_wait(bar, 0);
  out[threadIdx.x] = s[0].x;
}
CUDA_KERNEL(neighbours_read_neighbours)
CUDA_KERNEL(every_lane_a_sector)
CUDA_KERNEL(one_word_for_all)
CUDA_KERNEL(off_by_one_word)
CUDA_KERNEL(sixteen_bytes_a_lane)
CUDA_KERNEL(a_lane_stays_away_once)
CUDA_KERNEL(half_of_a_warp_leaves)
CUDA_KERNEL(columns)
CUDA_KERNEL(padded_columns)
CUDA_KERNEL(one_shared_word_for_all)
CUDA_KERNEL(shared_halves)
CUDA_KERNEL(vectors_of_8)
CUDA_KERNEL(every_second_vector_of_8)
CUDA_KERNEL(vectors_of_16)
CUDA_KERNEL(every_second_vector_of_16)
CUDA_KERNEL(matrix_of_short_rows)
CUDA_KERNEL(matrix_of_rows_of_128_bytes)
CUDA_KERNEL(bulk_copy_of_48_bytes)
