// Convolutions that are not plain matrix products: the first convolution of a front end, which has one input
// channel (with ten taps, or with many taps as windows for a matrix product), and the grouped positional
// convolutions of both encoders.
#include "matrix.cuh"

namespace {
constexpr int TAPS = 10, BLOCK_ROWS = 32, PARTS = 2, OWN = 4, UNROLLED = 2;  // constants of first_conv
}  // namespace

// y[t][c] = sum_k x[t * step + k] * w[c][k] + bias[c], clip by clip: one channel in, 10 taps, no padding
//   x (input rows) f32; w (channels, 10); bias (channels) or null; y (rows, channels); offsets (clips + 1) of
//   both.
// Requires: channels a multiple of 8; step <= 8; w 16-byte, y 8-byte aligned.
// Grid (tiles of 32 rows of the longest clip, clips), 256 threads. The samples of a tile are in shared
//   memory. A thread owns four neighbouring channels, keeps their weights in registers, and computes half of
//   the rows: a sample that is read is used four times, and a warp writes 256 consecutive bytes.
// Cost: 2 bytes for each value of y; bound by writing y.
extern "C" __global__ void __launch_bounds__(256)
first_conv(__half* __restrict__ y, const float* x, const __half* __restrict__ w, const __half* __restrict__ bias,
           const int* __restrict__ x_offsets, const int* __restrict__ y_offsets, int channels, int step) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, samples, BLOCK_ROWS * 8 + TAPS);
  const int clip = blockIdx.y, first = blockIdx.x * BLOCK_ROWS;
  const int y_begin = y_offsets[clip], rows = y_offsets[clip + 1] - y_begin;
  if (first >= rows) return;
  const int x_begin = x_offsets[clip], x_rows = x_offsets[clip + 1] - x_begin;
  for (int i = threadIdx.x; i < (BLOCK_ROWS - 1) * step + TAPS; i += 256)
    samples[i] = first * step + i < x_rows ? x[size_t(x_begin) + first * step + i] : 0.f;
  SYNC_POINT(samples_loaded, __syncthreads());
  const int part = threadIdx.x / (256 / PARTS), end = min(BLOCK_ROWS, rows - first);
  for (int c = threadIdx.x % (256 / PARTS) * OWN; c < channels; c += 256 / PARTS * OWN) {
    float weight[OWN * TAPS], offset[OWN];
#pragma unroll
    for (int i = 0; i < OWN * TAPS; i += 8) {
      const uint4 eight = dev::ld<uint4>(w + c * TAPS + i);
      const __half2* pairs = reinterpret_cast<const __half2*>(&eight);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const float2 pair = __half22float2(pairs[e]);
        weight[i + 2 * e] = pair.x;
        weight[i + 2 * e + 1] = pair.y;
      }
    }
#pragma unroll
    for (int h = 0; h < OWN; ++h) offset[h] = bias ? __half2float(bias[c + h]) : 0.f;
#pragma unroll UNROLLED
    for (int t = part * (BLOCK_ROWS / PARTS); t < min(end, (part + 1) * (BLOCK_ROWS / PARTS)); ++t) {
      float sum[OWN] = {offset[0], offset[1], offset[2], offset[3]};
#pragma unroll
      for (int k = 0; k < TAPS; ++k) {
        const float v = samples[t * step + k];
#pragma unroll
        for (int h = 0; h < OWN; ++h) sum[h] = fmaf(v, weight[h * TAPS + k], sum[h]);
      }
      dev::st(y + size_t(y_begin + first + t) * channels + c, make_uint2(dev::pack_half2(sum[0], sum[1]), dev::pack_half2(sum[2], sum[3])));
    }
  }
}
CUDA_KERNEL(first_conv)

// y[t][k] = h and y[t][width + k] = x - h, x = x[t * step + k], h = x rounded to a half, for k < taps; 0 for
//   taps <= k < width, clip by clip: each window of samples becomes a row. The two halves together keep 22
//   bits of a sample, because quiet bands of a loud window need more than the 11 bits of one half.
//   x (input rows) f32; y (rows, 2 * width); offsets (clips + 1) of both; y's offsets give the number of
//   windows.
// Requires: width a multiple of 8; y 16-byte aligned. Windows lie inside their clip.
// Grid (vectors of y's longest clip / 256, clips), 256 threads; a thread owns a vector of eight values.
// Cost: 4 bytes for each sample of a window; the samples come from the caches.
extern "C" __global__ void __launch_bounds__(256)
sample_windows(__half* __restrict__ y, const float* x, const int* __restrict__ x_offsets, const int* __restrict__ y_offsets,
               int taps, int step, int width) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, vectors = width / 4, i = blockIdx.x * 256 + threadIdx.x;
  const int begin = y_offsets[clip], rows = y_offsets[clip + 1] - begin;
  if (i >= rows * vectors) return;
  const int t = i / vectors, column = i % vectors * 8;
  const bool rest = column >= width;
  const int k = rest ? column - width : column;
  const float* from = x + size_t(x_offsets[clip]) + size_t(t) * step + k;
  float v[8];
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    v[e] = k + e < taps ? from[e] : 0.f;
    if (rest) v[e] -= __half2float(__float2half_rn(v[e]));
  }
  dev::st(y + (size_t(begin) + t) * 2 * width + column,
          make_uint4(dev::pack_half2(v[0], v[1]), dev::pack_half2(v[2], v[3]), dev::pack_half2(v[4], v[5]), dev::pack_half2(v[6], v[7])));
}
CUDA_KERNEL(sample_windows)

namespace {
constexpr int ROWS = 64, THREADS = 128, STAGES = 3;  // constants of grouped_conv

template <int WIDTH>
__device__ __forceinline__ void grouped_conv(const matrix::Output& out, const __half* x, const __half* w, const int* x_offsets,
                                             const int* y_offsets, int taps, int padding, int channels) {
  dev::begin_after_previous();
  constexpr int STAGE_TAPS = WIDTH <= 48 ? 4 : 2, PITCH = WIDTH + 8, PIECES = WIDTH / 8, STAGE = matrix::row_at<WIDTH>(STAGE_TAPS * WIDTH);
  DYNAMIC_SHARED(shared);
  __half* weights = reinterpret_cast<__half*>(shared);
  __half* window = weights + STAGES * STAGE;
  const int clip = blockIdx.z, group = blockIdx.y, first = blockIdx.x * ROWS;
  const int x_begin = x_offsets[clip], x_rows = x_offsets[clip + 1] - x_begin;
  const int y_begin = y_offsets[clip], rows = y_offsets[clip + 1] - y_begin;
  if (first >= rows) return;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const __half* x_group = x + size_t(x_begin) * channels + group * WIDTH;
  const __half* w_group = w + size_t(group) * taps * WIDTH * WIDTH;

  auto load_taps = [&](int stage) {
    constexpr int VECTORS = STAGE_TAPS * WIDTH * PIECES;
    static_assert(VECTORS % THREADS == 0);
    const __half* from = w_group + size_t(stage) * VECTORS * 8;
#pragma unroll
    for (int n = 0; n < VECTORS / THREADS; ++n) {
      const int i = n * THREADS + threadIdx.x, r = i / PIECES, c = i % PIECES * 8;  // r: a tap and an output channel
      const bool read = stage * STAGE_TAPS + r / WIDTH < taps;
      dev::cp_async16(weights + stage % STAGES * STAGE + matrix::row_at<WIDTH>(r) + c, read ? from + i * 8 : w, read);
    }
  };
  for (int i = threadIdx.x; i < (ROWS + taps - 1) * PIECES; i += THREADS) {
    const int r = i / PIECES, c = i % PIECES * 8, row = first + r - padding;
    const bool read = row >= 0 && row < x_rows;
    dev::cp_async16(window + r * PITCH + c, read ? x_group + size_t(row) * channels + c : x, read);
  }
  const int stages = (taps + STAGE_TAPS - 1) / STAGE_TAPS;
#pragma unroll
  for (int s = 0; s < STAGES - 1; ++s) {
    if (s < stages) load_taps(s);
    dev::cp_async_commit();
  }
  float sum[1][WIDTH / 8][4] = {};
  for (int s = 0; s < stages; ++s) {
    SYNC_POINT(weights_wait, dev::cp_async_wait<STAGES - 2>());
    // Stage s (and at first the window) is loaded; all warps have finished with stage s - 1.
    SYNC_POINT(weights_loaded, __syncthreads());
    if (s + STAGES - 1 < stages) load_taps(s + STAGES - 1);
    dev::cp_async_commit();
    for (int u = 0; u < min(STAGE_TAPS, taps - s * STAGE_TAPS); ++u) {
      const __half* wt = weights + s % STAGES * STAGE + u * matrix::row_at<WIDTH>(WIDTH);
      const __half* xt = window + (warp * 16 + s * STAGE_TAPS + u) * PITCH;
#pragma unroll
      for (int k = 0; k < WIDTH / 16; ++k) {
        uint32_t a[4];
        dev::ldmatrix_x4(a, xt + (lane & 15) * PITCH + k * 16 + (lane >> 4) * 8);
#pragma unroll
        for (int j = 0; j < WIDTH / 16; ++j) {
          uint32_t b[4];
          dev::ldmatrix_x4(b, wt + matrix::row_at<WIDTH>(j * 16) + matrix::row_at<WIDTH>((lane & 7) + ((lane >> 4) << 3)) + k * 16 +
                                  ((lane >> 3) & 1) * 8);
          dev::mma_m16n8k16(sum[0][2 * j], a, b[0], b[1]);
          dev::mma_m16n8k16(sum[0][2 * j + 1], a, b[2], b[3]);
        }
      }
    }
  }
  dev::cp_async_wait<0>();
  SYNC_POINT(stages_left, __syncthreads());  // all warps have finished with the stages; the staging tile replaces them
  float* staging = reinterpret_cast<float*>(shared);
  matrix::stage_fragments<16, WIDTH, WIDTH>(staging, sum, warp * 16, 0);
  SYNC_POINT(tile_staged, __syncthreads());
  matrix::Output mine = out;
  mine.y = static_cast<__half*>(out.y) + group * WIDTH;
  mine.bias = out.bias ? out.bias + group * WIDTH : nullptr;
  mine.residual = out.residual ? out.residual + group * WIDTH : nullptr;
  mine.columns = WIDTH;
  matrix::write_tile<ROWS, WIDTH, THREADS>(mine, staging, threadIdx.x, size_t(y_begin) + first, rows - first, 0);
}
}  // namespace

// y[t][g * W + n] = activation(sum_tap sum_m x[t + tap - padding][g * W + m] * w[g][tap][n][m] + bias) +
//   residual[t][g * W + n]
//   x (input rows, channels), w (groups, taps, W, W), bias (channels) or null, residual (rows, channels) or
//   null, may be y. Rows outside the clip are zeros; y's offsets give the number of rows.
// Requires: W = channels / groups of 16, 32, 48 or 64; all pointers 16-byte aligned.
// Grid (tiles of 64 rows of the longest clip, groups, clips), 128 threads. The 64 + taps - 1 input rows of a
//   tile are in shared memory once, and every tap multiplies a shifted view of them. The weights pass through
//   three stages of four taps (two at W = 64). A warp owns 16 rows and all W columns.
// Cost: 2 * rows * channels * taps * W FLOP; bound by the weights (taps * channels * W * 2 bytes), which each
//   row tile reads from the second-level cache.
#define GROUPED_CONV(name, WIDTH)                                                                                                  \
  extern "C" __global__ void __launch_bounds__(THREADS, 3)                                                                         \
      name(__half* y, const __half* x, const __half* w, const __half* bias, const __half* residual, const int* x_offsets,         \
           const int* y_offsets, int taps, int padding, int channels, int activation) {                                           \
    grouped_conv<WIDTH>({y, bias, residual, channels, channels, channels, activation, 0, 0.f}, x, w, x_offsets, y_offsets, taps,   \
                        padding, channels);                                                                                        \
  }                                                                                                                                \
  CUDA_KERNEL(name)
GROUPED_CONV(grouped_conv_16, 16)
GROUPED_CONV(grouped_conv_32, 32)
GROUPED_CONV(grouped_conv_48, 48)
GROUPED_CONV(grouped_conv_64, 64)
