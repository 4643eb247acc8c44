// Matrix products on mma.sync: linear layers, and convolutions over time as implicit products. Used for every
// projection, the strided convolutions of both encoders after the first, and the convolutions of the motion
// prior.
//
// A transposed convolution of stride 2 is such a convolution too: input rows t - 1, t and t + 1 give output
// rows 2t and 2t + 1. It is a convolution of 3 taps with padding 1 and twice the columns; its weights are
// sorted when the model is loaded, with zeros where a tap does not reach. A row-major matrix (L, 2C) is the
// matrix (2L, C).
#include "matrix.cuh"

namespace {
using namespace matrix;

// The input of a product: rows of one clip, and the rule by which windows lie on them.
struct Input {
  const __half* x;
  int stride, channels, step, padding, replicate, rows;  // rows: of this clip's input
};

// Copies 64 k values of BM windows into a tile. A piece of 8 k values lies in one tap, because channels is a
// multiple of 8.
template <int BM, int THREADS>
__device__ __forceinline__ void load_windows(unsigned char* tile, const Input& in, int first_row, int rows, int k, int K) {
  const int piece = threadIdx.x & 7;
  k += piece * 8;
  const int tap = k / in.channels;
  const __half* column = in.x + (k - tap * in.channels);
#pragma unroll
  for (int i = 0; i < BM * 8 / THREADS; ++i) {
    const int r = (i * THREADS + threadIdx.x) >> 3;
    int row = (first_row + r) * in.step + tap - in.padding;
    bool read = first_row + r < rows && k < K;
    if (in.replicate) row = min(max(row, 0), in.rows - 1);
    else read = read && row >= 0 && row < in.rows;
    dev::cp_async16(tile + swizzled(r, piece), read ? column + size_t(row) * in.stride : in.x, read);
  }
}

template <int BN, int THREADS>
__device__ __forceinline__ void load_weights(unsigned char* tile, const __half* w, int first_column, int columns, int k, int K) {
  const int piece = threadIdx.x & 7;
  k += piece * 8;
#pragma unroll
  for (int i = 0; i < BN * 8 / THREADS; ++i) {
    const int r = (i * THREADS + threadIdx.x) >> 3;
    const bool read = first_column + r < columns && k < K;
    dev::cp_async16(tile + swizzled(r, piece), read ? w + size_t(first_column + r) * K + k : w, read);
  }
}

template <int BM, int BN, int WM, int WN, int STAGES>
__device__ __forceinline__ void product(Output out, Input in, const __half* w, const int* x_offsets, const int* y_offsets, int rows, int K) {
  dev::begin_after_previous();
  constexpr int THREADS = BM / WM * (BN / WN) * 32, STAGE = (BM + BN) * ROW_BYTES;
  static_assert(BM * STAGING_PITCH<BN> * 4 <= STAGES * STAGE, "the staging tile takes the place of the stages");
  DYNAMIC_SHARED(shared);
  size_t y_row = 0;
  if (y_offsets) {
    const int clip = blockIdx.z;
    y_row = y_offsets[clip];
    rows = y_offsets[clip + 1] - y_offsets[clip];
    in.rows = x_offsets[clip + 1] - x_offsets[clip];
    in.x += size_t(x_offsets[clip]) * in.stride;
  }
  const int first_row = blockIdx.x * BM, first_column = blockIdx.y * BN;
  if (first_row >= rows) return;
  const int warp = threadIdx.x >> 5, a_row = warp / (BN / WN) * WM, b_row = warp % (BN / WN) * WN;
  const int steps = (K + STEP - 1) / STEP;

  auto load = [&](int step) {
    unsigned char* stage = shared + step % STAGES * STAGE;
    load_windows<BM, THREADS>(stage, in, first_row, rows, step * STEP, K);
    load_weights<BN, THREADS>(stage + BM * ROW_BYTES, w, first_column, out.columns, step * STEP, K);
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; ++s) {
    if (s < steps) load(s);
    dev::cp_async_commit();
  }
  float c[WM / 16][WN / 8][4] = {};
  for (int step = 0; step < steps; ++step) {
    SYNC_POINT(operands_wait, dev::cp_async_wait<STAGES - 2>());
    // Stage `step` is loaded; all warps have finished with stage `step - 1`, which is filled next.
    SYNC_POINT(operands_loaded, __syncthreads());
    if (step + STAGES - 1 < steps) load(step + STAGES - 1);
    dev::cp_async_commit();
    const unsigned char* stage = shared + step % STAGES * STAGE;
    multiply_stage<WM, WN>(c, stage, stage + BM * ROW_BYTES, a_row, b_row);
  }
  dev::cp_async_wait<0>();
  SYNC_POINT(stages_left, __syncthreads());  // all warps have finished with the stages; the staging tile replaces them
  float* staging = reinterpret_cast<float*>(shared);
  stage_fragments<WM, WN, BN>(staging, c, a_row, b_row);
  SYNC_POINT(tile_staged, __syncthreads());
  write_tile<BM, BN, THREADS>(out, staging, threadIdx.x, y_row + first_row, rows - first_row, first_column);
}
}  // namespace

// y[t][n] = activation(sum_k x[window t][k] * w[n][k] + bias[n]) + residual[t][n]
//   x (input rows, channels), w (columns, K), bias (columns), residual and y (rows, columns); K = taps *
//   channels. Window t of a clip begins at its input row t * step - padding and has `taps` rows: k = tap *
//   channels + channel. Rows before or after the clip are zeros; with `replicate` they are copies of the
//   clip's first or last row. A linear layer has one tap, step 1 and no padding.
// Requires: channels, x_stride and K multiples of 8; x and w 16-byte aligned. Results are written as vectors
//   if columns and the strides of y and residual are multiples of 8 and the pointers 16-byte aligned, else
//   element by element (slower). bias and residual may be null; residual may be y. Offsets (clips + 1) are
//   null if all rows are one run.
// Grid (row tiles of the longest clip, column tiles, clips). A block owns a tile of y and reads k once; a
//   stage of the pipeline is 64 k values of both operands in shared memory, filled by cp.async two or three
//   stages ahead. A warp owns 64x32 or 32x32 of the tile in registers: at 128x128 a value that enters shared
//   memory is used by 128 products. The order of the sum over k is the same for every tile, so a row's bytes
//   do not depend on the other rows.
// Cost: 2 * rows * columns * K FLOP; from about 300 rows on bound by the matrix units, below that by reading
//   w once.
#define MATMUL(name, BM, BN, WM, WN, STAGES)                                                                                    \
  extern "C" __global__ void __launch_bounds__(BM / WM * (BN / WN) * 32)                                                         \
      name(void* y, const __half* x, const __half* w, const __half* bias, const __half* residual, const int* x_offsets,          \
           const int* y_offsets, int rows, int columns, int K, int x_rows, int channels, int step, int padding, int replicate,   \
           int x_stride, int y_stride, int residual_stride, int activation, float slope) {                                       \
    product<BM, BN, WM, WN, STAGES>({y, bias, residual, y_stride, residual_stride, columns, activation, 0, slope},               \
                                    {x, x_stride, channels, step, padding, replicate, x_rows}, w, x_offsets, y_offsets, rows, K); \
  }                                                                                                                             \
  CUDA_KERNEL(name)
MATMUL(matmul_128x128, 128, 128, 64, 32, 3)  // 256 threads, 96 KiB
MATMUL(matmul_64x64, 64, 64, 32, 32, 3)      // 128 threads, 48 KiB
