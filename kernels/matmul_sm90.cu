// Matrix products on wgmma with operands from the bulk copy engine, for Hopper (compute capability 9.0): the
// products of `matmul.cu` whose windows lie inside their clip. Used on Hopper for every linear layer and for
// the convolutions of the front ends.
//
//     producer:  for step:  wait until its stage is empty;  copy 64 k values of BM windows and BN weights
//     consumers: for step:  wait until its stage is full;  c += a b^T, asynchronously;  the stage before is
//                           now empty
//                then:      tile through shared memory, epilogue, whole rows out
#include "matrix.cuh"

namespace {
using namespace matrix;

__device__ __forceinline__ void wgmma(float (&c)[1][8][4], uint64_t a, uint64_t b) {
  dev::wgmma_m64n64k16(reinterpret_cast<float(&)[32]>(c), a, b);
}
__device__ __forceinline__ void wgmma(float (&c)[1][16][4], uint64_t a, uint64_t b) {
  dev::wgmma_m64n128k16(reinterpret_cast<float(&)[64]>(c), a, b);
}
__device__ __forceinline__ void wgmma(float (&c)[1][32][4], uint64_t a, uint64_t b) {
  dev::wgmma_m64n256k16(reinterpret_cast<float(&)[128]>(c), a, b);
}

// SEGMENTS: the sum may have several segments. Without it there are no registers for a second sum.
template <int GROUPS, int BN, int STAGES, bool SEGMENTS>
__device__ __forceinline__ void product(const Output& out, const CUtensorMap* x, const CUtensorMap* w, const int* x_offsets,
                                        const int* y_offsets, int rows, int K, int channels, int step, int segment) {
  constexpr int BM = GROUPS * 64, A_BYTES = BM * ROW_BYTES, STAGE = A_BYTES + BN * ROW_BYTES, CONSUMERS = GROUPS * 128;
  static_assert(BM * STAGING_PITCH<BN> * 4 <= STAGES * STAGE, "the staging tile takes the place of the stages");
  DYNAMIC_SHARED(shared);
  SHARED_ARRAY(uint64_t, full, STAGES);
  SHARED_ARRAY(uint64_t, empty, STAGES);
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, first_row = blockIdx.x * BM, first_column = blockIdx.y * BN;
  const bool produces = warp == GROUPS * 4 && lane == 0;
  // A tap's last k values may be fewer than 64 where there is one tap: the copy engine fills zeros behind the
  // row.
  const int steps_per_tap = (channels + STEP - 1) / STEP;
  int begin = 0, end = K / channels * steps_per_tap;
  if (out.y_is_f32) {  // only this block's segment
    begin = int(blockIdx.z) * segment;
    end = min(begin + segment, end);
  }
  // The weights of the first stages are requested before the wait for the previous launch. Not with offsets:
  // then a block may have no rows, and would request weights that it does not use.
  const int early = y_offsets ? 0 : min(STAGES, end - begin);
  auto load_weights = [&](int i) {
    const int s = i % STAGES, tap = (begin + i) / steps_per_tap, k = (begin + i) % steps_per_tap * STEP;
    dev::mbarrier_arrive_expect(full + s, STAGE);
    dev::tma_load_constant(shared + s * STAGE + A_BYTES, w, full + s, tap * channels + k, first_column);
  };
  if (produces) {
    dev::prefetch_map(x);
    dev::prefetch_map(w);
    for (int s = 0; s < STAGES; ++s) {
      dev::mbarrier_init(full + s, 1);
      dev::mbarrier_init(empty + s, GROUPS * 4);
    }
    dev::mbarrier_init_fence();
    for (int i = 0; i < early; ++i) load_weights(i);
  }
  dev::begin_after_previous();
  size_t y_row = 0;
  int x_row = 0;
  if (y_offsets) {
    y_row = y_offsets[blockIdx.z];
    rows = y_offsets[blockIdx.z + 1] - y_offsets[blockIdx.z];
    x_row = x_offsets[blockIdx.z];
  } else if (out.y_is_f32) {
    y_row = size_t(blockIdx.z) * rows;
  }
  if (first_row >= rows) return;
  SYNC_POINT(mbarriers_initialized, __syncthreads());  // the mbarriers are initialised

  if (warp == GROUPS * 4) {
    if (produces)
      for (int i = 0; i < end - begin; ++i) {
        const int s = i % STAGES, tap = (begin + i) / steps_per_tap, k = (begin + i) % steps_per_tap * STEP;
        if (i >= STAGES) SYNC_POINT(stage_empty, dev::mbarrier_wait(empty + s, (i / STAGES - 1) & 1));
        if (i >= early) load_weights(i);
        dev::tma_load(shared + s * STAGE, x, full + s, k, x_row + first_row * step + tap);
      }
    return;
  }

  float c[1][BN / 8][4] = {}, total[1][SEGMENTS ? BN / 8 : 1][4] = {};
  const int group = warp >> 2;
  for (int i = 0, stop = 0; i < end - begin;) {
    stop = SEGMENTS ? min(stop + segment, end - begin) : end - begin;
    for (; i < stop; ++i) {
      const int s = i % STAGES;
      SYNC_POINT(stage_full, dev::mbarrier_wait(full + s, (i / STAGES) & 1));
      const uint64_t a = dev::wgmma_descriptor(shared + s * STAGE + group * 64 * ROW_BYTES);
      const uint64_t b = dev::wgmma_descriptor(shared + s * STAGE + A_BYTES);
      dev::wgmma_fence();
#pragma unroll
      for (int k = 0; k < STEP / 16; ++k) wgmma(c, a + 2 * k, b + 2 * k);  // 32 bytes on, in units of 16
      dev::wgmma_commit();
      SYNC_POINT(stage_multiplied, dev::wgmma_wait<1>());  // the products of the previous stage are complete
      if (i > 0 && lane == 0) dev::mbarrier_arrive(empty + (i - 1) % STAGES);
    }
    SYNC_POINT(sum_complete, dev::wgmma_wait<0>());
    if constexpr (SEGMENTS) {
#pragma unroll
      for (int j = 0; j < BN / 8; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          total[0][j][e] += c[0][j][e];
          c[0][j][e] = 0.f;
        }
    }
  }
  // All consumers have finished with the stages; the staging tile replaces them.
  SYNC_POINT(stages_left, dev::named_barrier(1, CONSUMERS));
  float* staging = reinterpret_cast<float*>(shared);
  if constexpr (SEGMENTS) stage_fragments<16, BN, BN>(staging, total, warp * 16, 0);
  else stage_fragments<16, BN, BN>(staging, c, warp * 16, 0);
  SYNC_POINT(tile_staged, dev::named_barrier(1, CONSUMERS));
  write_tile<BM, BN, CONSUMERS>(out, staging, threadIdx.x, y_row + first_row, rows - first_row, first_column);
}
}  // namespace

// y[t][n] = activation(sum_k x[window t][k] * w[n][k] + bias[n]) + residual[t][n], as matmul.cu without
//   padding
//   x: tensor map of (input rows, channels), boxes of 64 channels by BM rows, every `step`-th of BM * step;
//   w: tensor map of (columns, K), boxes of 64 by BN; both with 128-byte swizzle and zeros outside.
//   The sum over k is the sum of segments of `segment` steps of 64 values; each segment's sum starts at zero.
//   With `parts`, block z computes the sum of segment z alone, in f32: y (segments, rows, columns), without
//   bias, activation, residual and offsets. `layer_norm_of_parts` adds the segments and gets the same bits.
// Requires: channels a multiple of 64, or one tap; BM * step <= 256; one segment at 128x256; the rest as
//   matmul.cu.
// Grid (row tiles of the longest clip, column tiles, clips or segments). One producer thread (of the last
//   warp) fills the ring of stages, and requests weights before the previous launch has ended. Each consumer
//   warpgroup owns 64 rows and all columns of the tile in registers and leaves one product in flight, so that
//   the matrix units do not wait for a barrier. Windows that reach beyond the clip give rows that are not
//   stored.
// Cost: 2 * rows * columns * K FLOP; bound by reading operands from the second-level cache, BM + BN rows of K
//   for each tile, then by the matrix units; for few rows by reading w once.
#define MATMUL_SM90(name, GROUPS, BN, STAGES, SEGMENTS)                                                                           \
  extern "C" __global__ void __launch_bounds__(GROUPS * 128 + 32)                                                                 \
      name(void* y, const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap w, const __half* bias,             \
           const __half* residual, const int* x_offsets, const int* y_offsets, int rows, int columns, int K, int channels,        \
           int step, int y_stride, int residual_stride, int activation, float slope, int segment, int parts) {                    \
    product<GROUPS, BN, STAGES, SEGMENTS>({y, bias, residual, y_stride, residual_stride, columns, activation, parts, slope},      \
                                          &x, &w, x_offsets, y_offsets, rows, K, channels, step, segment);                        \
  }                                                                                                                               \
  CUDA_KERNEL(name)
MATMUL_SM90(matmul_sm90_128x256, 2, 256, 4, false)  // 288 threads, 192 KiB
MATMUL_SM90(matmul_sm90_128x128, 2, 128, 5, true)   // 288 threads, 160 KiB
MATMUL_SM90(matmul_sm90_64x64, 1, 64, 6, true)      // 160 threads, 96 KiB
