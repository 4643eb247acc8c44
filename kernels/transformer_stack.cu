// Stacks of narrow transformer layers in one launch, for attention that sees only near rows. Used by the
// predictor and the motion prior.
//
// A block owns some rows of a clip. Layer by layer it also computes the rows beside them that they see, as
// the neighbouring block does:
//     for layer:  q, k, v = x w^T + b
//                 mixed = softmax(q k^T * scale, over |i - j| < window) v, stored over q
//                 x = norm1(x + mixed w^T + b);  hidden = activation(x w^T + b)
//                 x = norm2(x + hidden w^T + b)
// If a row sees only itself (window 1), mixed = v, and q and k are not computed.
#include "matrix.cuh"
#include "stack.cuh"

namespace {
using namespace stacks;
constexpr int DEPTH = 32;   // k values of a step
constexpr float LOG2_E = 1.4426950408889634f;

// The ring of a warp's weights, copied in the order in which the warp uses them, across products and layers
// without a pause. A tile of a stage is eight columns by 32 k values: four pieces of 16 bytes for each
// column. STAGES: steps of weights that are loaded or in flight.
template <int TILES, int STAGES> struct Weights {
  const Layer* layers;
  Columns columns;
  int count, first_product;
  unsigned char* ring;
  int layer, product, pass, k, tiles;  // position of the next copy
  const __half* from;
  int fill, read;  // stages that are filled and read next

  __device__ __forceinline__ int stage_bytes() const { return WARPS * columns.most * 512; }
  __device__ __forceinline__ static int place(int row, int piece) { return (piece * 8 + ((row + 2 * piece) & 7)) * 16; }

  __device__ __forceinline__ void begin_pass() {
    const Layer& l = layers[layer];
    const __half* w = product <= V ? l.qkv + size_t(product) * columns.width * columns.width
                      : product == OUT ? l.out : product == UP ? l.up : l.down;
    const int2 own = columns.own(product, pass);
    const int lane = threadIdx.x & 31;
    tiles = own.y;
    from = w + size_t(own.x * 8 + (lane >> 2)) * columns.depth(product) + (lane & 3) * 8;
    k = 0;
  }
  __device__ __forceinline__ void begin() {
    layer = pass = fill = read = 0;
    product = first_product;
    begin_pass();
#pragma unroll
    for (int s = 0; s < STAGES - 1; ++s) copy();
  }
  __device__ __forceinline__ void copy() {
    if (layer < count) {
      const int lane = threadIdx.x & 31, depth = columns.depth(product);
      unsigned char* to = ring + fill * stage_bytes() + place(lane >> 2, lane & 3);
#pragma unroll
      for (int j = 0; j < TILES; ++j)
        if (j < tiles) dev::cp_async16(to + j * 512, from + size_t(j) * 8 * depth + k);
      fill = fill + 1 == STAGES ? 0 : fill + 1;
      k += DEPTH;
      if (k == depth) {
        if (++pass == columns.passes(product)) {
          pass = 0;
          if (++product > DOWN) {
            product = first_product;
            ++layer;
          }
        }
        if (layer < count) begin_pass();
      }
    }
    dev::cp_async_commit();
  }
  // Waits for the oldest stage and returns it; starts the copy into the stage before it, with which all lanes
  // have finished.
  __device__ __forceinline__ const unsigned char* next() {
    SYNC_POINT(weights_wait, dev::cp_async_wait<STAGES - 2>());
    SYNC_POINT(weights_loaded, __syncwarp());  // the copies of all lanes have arrived
    copy();
    const unsigned char* stage = ring + read * stage_bytes();
    read = read + 1 == STAGES ? 0 : read + 1;
    return stage;
  }
};

// c = a w^T for the row tiles from `low` to `high` and the next `mine` column tiles of the ring.
template <int MT, int TILES, int STAGES>
__device__ __forceinline__ void multiply(float (&c)[MT][TILES][4], Weights<TILES, STAGES>& weights, const unsigned char* a, int pitch, int depth,
                                         int mine, int low, int high) {
  const int lane = threadIdx.x & 31;
  a += (lane & 15) * pitch + (lane >> 4) * 16;
#pragma unroll
  for (int i = 0; i < MT; ++i)
#pragma unroll
    for (int j = 0; j < TILES; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) c[i][j][e] = 0.f;
#pragma unroll 1
  for (int k = 0; k < depth; k += DEPTH) {
    const unsigned char* stage = weights.next() + weights.place(lane & 7, lane >> 3);
    uint32_t fb[TILES][4];
#pragma unroll
    for (int j = 0; j < TILES; ++j)
      if (j < mine) dev::ldmatrix_x4(fb[j], stage + j * 512);
#pragma unroll
    for (int h = 0; h < 2; ++h)
#pragma unroll
      for (int i = 0; i < MT; ++i) {
        if (i < low || i >= high) continue;
        uint32_t fa[4];
        dev::ldmatrix_x4(fa, a + i * 16 * pitch + (k + h * 16) * 2);
#pragma unroll
        for (int j = 0; j < TILES; ++j)
          if (j < mine) dev::mma_m16n8k16(c[i][j], fa, fb[j][2 * h], fb[j][2 * h + 1]);
      }
  }
}

__device__ __forceinline__ float2 pair(const __half* values, int column) {
  return values ? __half22float2(dev::ld<__half2>(values + column)) : make_float2(0.f, 0.f);
}

// Stores activation(c + bias), rounded, from column tile `first` on.
template <int MT, int TILES>
__device__ __forceinline__ void store(const float (&c)[MT][TILES][4], unsigned char* to, int pitch, const __half* bias, int first, int mine,
                                      int low, int high, int activation, float slope) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int j = 0; j < TILES; ++j) {
    if (j >= mine) continue;
    const int column = (first + j) * 8 + (lane & 3) * 2;
    const float2 b = pair(bias, column);
#pragma unroll
    for (int i = 0; i < MT; ++i)
#pragma unroll
      for (int h = 0; h < 2; ++h)
        if (i >= low && i < high)
          dev::st(to + (i * 16 + (lane >> 2) + h * 8) * pitch + column * 2,
                  __floats2half2_rn(matrix::activated(c[i][j][2 * h] + b.x, activation, slope),
                                    matrix::activated(c[i][j][2 * h + 1] + b.y, activation, slope)));
  }
}

// Adds the warps' partial sums of each row, in the order of the warps: a warp owns a part of the columns.
template <int MT>
__device__ __forceinline__ void sum_over_warps(float (&part)[MT][2], float* sums) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
  for (int i = 0; i < MT; ++i)
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      part[i][h] += __shfl_xor_sync(0xffffffffu, part[i][h], 1);
      part[i][h] += __shfl_xor_sync(0xffffffffu, part[i][h], 2);
      if ((lane & 3) == 0) sums[(i * 16 + (lane >> 2) + h * 8) * WARPS + warp] = part[i][h];
    }
  SYNC_POINT(sums_written, __syncthreads());
#pragma unroll
  for (int i = 0; i < MT; ++i)
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float* row = sums + (i * 16 + (lane >> 2) + h * 8) * WARPS;
      const float4 a = dev::ld<float4>(row), b = dev::ld<float4>(row + 4);
      part[i][h] = ((a.x + a.y) + (a.z + a.w)) + ((b.x + b.y) + (b.z + b.w));
    }
}

// x = norm(x + c + bias): the sum, the mean and the variance about it in f32.
template <int MT, int TILES>
__device__ __forceinline__ void add_norm(float (&c)[MT][TILES][4], unsigned char* x, int pitch, float* sums, const __half* bias,
                                         const __half* norm_weight, const __half* norm_bias, int width, float eps, int first, int mine, int low,
                                         int high) {
  const int lane = threadIdx.x & 31;
  float part[MT][2] = {};
#pragma unroll
  for (int j = 0; j < TILES; ++j) {
    if (j >= mine) continue;
    const int column = (first + j) * 8 + (lane & 3) * 2;
    const float2 b = pair(bias, column);
#pragma unroll
    for (int i = 0; i < MT; ++i)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if (i < low || i >= high) continue;
        const float2 r = __half22float2(dev::ld<__half2>(x + (i * 16 + (lane >> 2) + h * 8) * pitch + column * 2));
        c[i][j][2 * h] += b.x + r.x;
        c[i][j][2 * h + 1] += b.y + r.y;
        part[i][h] += c[i][j][2 * h] + c[i][j][2 * h + 1];
      }
  }
  sum_over_warps<MT>(part, sums);
  float squares[MT][2] = {};
#pragma unroll
  for (int i = 0; i < MT; ++i)
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float mean = part[i][h] / float(width);
#pragma unroll
      for (int j = 0; j < TILES; ++j) {
        if (j >= mine) continue;
        c[i][j][2 * h] -= mean;
        c[i][j][2 * h + 1] -= mean;
        squares[i][h] = fmaf(c[i][j][2 * h], c[i][j][2 * h], fmaf(c[i][j][2 * h + 1], c[i][j][2 * h + 1], squares[i][h]));
      }
    }
  sum_over_warps<MT>(squares, sums + MT * 16 * WARPS);
#pragma unroll
  for (int j = 0; j < TILES; ++j) {
    if (j >= mine) continue;
    const int column = (first + j) * 8 + (lane & 3) * 2;
    const float2 w = pair(norm_weight, column), b = pair(norm_bias, column);
#pragma unroll
    for (int i = 0; i < MT; ++i)
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if (i < low || i >= high) continue;
        const float scale = rsqrtf(squares[i][h] / float(width) + eps);
        dev::st(x + (i * 16 + (lane >> 2) + h * 8) * pitch + column * 2,
                __floats2half2_rn(fmaf(c[i][j][2 * h] * scale, w.x, b.x), fmaf(c[i][j][2 * h + 1] * scale, w.y, b.y)));
      }
  }
}

// Attention of one head for one tile of 16 queries, by one warp; all keys that the tile sees lie in the
// block. The result is stored over q. The clip's rows are rows `begin` to `end` of the block. A row outside
// the clip sees only itself, so that its values stay finite.
template <int MT>
__device__ __forceinline__ void attend(unsigned char* q, int pitch, int width, int head_width, int tile, int window, int low, int high,
                                       int begin, int end, float scale) {
  const int lane = threadIdx.x & 31;
  const unsigned char *k = q + width * 2, *v = k + width * 2;
  const int reach = (window + 14) / 16;  // tiles
  low = max(low, tile - reach);
  high = min(high, tile + reach + 1);
  float s[2 * MT][4] = {};
#pragma unroll 1
  for (int d = 0; d < head_width; d += 16) {
    uint32_t fq[4];
    dev::ldmatrix_x4(fq, q + (tile * 16 + (lane & 15)) * pitch + (d + (lane >> 4) * 8) * 2);
#pragma unroll
    for (int t = 0; t < MT; ++t) {
      if (t < low || t >= high) continue;
      uint32_t f[4];
      dev::ldmatrix_x4(f, k + (t * 16 + (lane & 7) + ((lane >> 4) << 3)) * pitch + (d + ((lane >> 3) & 1) * 8) * 2);
      dev::mma_m16n8k16(s[2 * t], fq, f[0], f[1]);
      dev::mma_m16n8k16(s[2 * t + 1], fq, f[2], f[3]);
    }
  }
  const int row = tile * 16 + (lane >> 2);
  float largest[2] = {-INFINITY, -INFINITY}, total[2] = {0.f, 0.f};
#pragma unroll
  for (int n = 0; n < 2 * MT; ++n)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int r = row + (e >> 1) * 8, c = n * 8 + (lane & 3) * 2 + (e & 1);
      const bool there = n / 2 >= low && n / 2 < high && ((c >= begin && c < end) || c == r);
      s[n][e] = there && abs(r - c) < window ? s[n][e] * scale : -INFINITY;
      largest[e >> 1] = fmaxf(largest[e >> 1], s[n][e]);
    }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    largest[i] = fmaxf(largest[i], __shfl_xor_sync(0xffffffffu, largest[i], 1));
    largest[i] = fmaxf(largest[i], __shfl_xor_sync(0xffffffffu, largest[i], 2));
  }
  uint32_t p[MT][4];
#pragma unroll
  for (int n = 0; n < 2 * MT; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      s[n][e] = dev::exp2_approx(s[n][e] - largest[e >> 1]);
      total[e >> 1] += s[n][e];
    }
    p[n / 2][(n & 1) * 2] = dev::pack_half2(s[n][0], s[n][1]);
    p[n / 2][(n & 1) * 2 + 1] = dev::pack_half2(s[n][2], s[n][3]);
  }
  float inverse[2];
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 1);
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 2);
    inverse[i] = 1.f / total[i];
  }
  SYNC_POINT(queries_read, __syncwarp());  // all lanes have read q
#pragma unroll 1
  for (int d = 0; d < head_width; d += 16) {
    float o[2][4] = {};
#pragma unroll
    for (int t = 0; t < MT; ++t) {
      if (t < low || t >= high) continue;
      uint32_t f[4];
      dev::ldmatrix_x4_transposed(f, v + (t * 16 + (lane & 15)) * pitch + (d + (lane >> 4) * 8) * 2);
      dev::mma_m16n8k16(o[0], p[t], f[0], f[1]);
      dev::mma_m16n8k16(o[1], p[t], f[2], f[3]);
    }
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i)
        dev::st(q + (row + i * 8) * pitch + (d + n * 8 + (lane & 3) * 2) * 2,
                __floats2half2_rn(o[n][2 * i] * inverse[i], o[n][2 * i + 1] * inverse[i]));
  }
}

template <int MT, int TILES, int STAGES>
__device__ __forceinline__ void stack(__half* __restrict__ y, const __half* x, const Layer* __restrict__ layers,
                                      const int* __restrict__ offsets, const Sizes& sizes) {
  dev::begin_after_previous();
  constexpr int ROWS = MT * 16;
  DYNAMIC_SHARED(shared);
  const int width = sizes.width, reach = sizes.window - 1, halo = reach * sizes.layers, own = ROWS - 2 * halo;
  const int clip_begin = offsets[blockIdx.y], clip_rows = offsets[blockIdx.y + 1] - clip_begin;
  if (int(blockIdx.x) * own >= clip_rows) return;
  // Rows `begin` to `end` of the block are rows of the clip.
  const int first = int(blockIdx.x) * own - halo, begin = max(-first, 0), end = min(clip_rows - first, ROWS);

  const int warp = threadIdx.x >> 5, first_product = sizes.window > 1 ? Q : V;
  const int x_pitch = pitch_of(width), mixed_pitch = pitch_of((V + 1 - first_product) * width), hidden_pitch = pitch_of(sizes.feed_forward);
  unsigned char* x_tile = shared;
  unsigned char* side = x_tile + ROWS * x_pitch;  // q, k, v and attention's result, then the feed-forward
  float* sums = reinterpret_cast<float*>(side + ROWS * max(mixed_pitch, hidden_pitch));
  const Columns columns = {width, sizes.feed_forward, (width + WARPS * 8 - 1) / (WARPS * 8)};
  Weights<TILES, STAGES> weights = {layers, columns, sizes.layers, first_product,
                            reinterpret_cast<unsigned char*>(sums + 2 * ROWS * WARPS) + warp * columns.most * 512, 0, 0, 0, 0, 0, nullptr, 0, 0};
  weights.begin();
  for (int i = threadIdx.x; i < ROWS * width / 8; i += THREADS) {
    const int r = i / (width / 8), c = i % (width / 8) * 8;
    const bool read = r >= begin && r < end;
    dev::st(x_tile + r * x_pitch + c * 2,
            read ? dev::ld<uint4>(x + size_t(clip_begin + first + r) * width + c) : make_uint4(0, 0, 0, 0));
  }
  SYNC_POINT(x_loaded, __syncthreads());  // x is loaded

  float c[MT][TILES][4];
#pragma unroll 1
  for (int l = 0; l < sizes.layers; ++l) {
    const Layer& layer = layers[l];
    // The row tiles whose keys and values this layer needs, and those whose results the next layers need.
    const int key_low = max(begin, l * reach) / 16, key_high = (min(end, ROWS - l * reach) + 15) / 16;
    const int row_low = max(begin, (l + 1) * reach) / 16, row_high = (min(end, ROWS - (l + 1) * reach) + 15) / 16;
#pragma unroll 1
    for (int product = first_product; product <= DOWN; ++product) {
      const bool of_keys = product == K || product == V;
      const int low = of_keys ? key_low : row_low, high = of_keys ? key_high : row_high;
      const unsigned char* a = product == OUT || product == DOWN ? side : x_tile;
      const int a_pitch = product == OUT ? mixed_pitch : product == DOWN ? hidden_pitch : x_pitch;
      const __half* bias = product <= V ? layer.qkv_bias : product == OUT ? layer.out_bias : product == UP ? layer.up_bias : layer.down_bias;
      if (product <= V && bias) bias += product * width;
      const int passes = columns.passes(product);
#pragma unroll 1
      for (int pass = 0; pass < passes; ++pass) {
        const int2 mine = columns.own(product, pass);
        multiply(c, weights, a, a_pitch, columns.depth(product), mine.y, low, high);
        if (product == OUT || product == DOWN)
          add_norm<MT, TILES>(c, x_tile, x_pitch, sums, bias, product == OUT ? layer.norm1 : layer.norm2,
                              product == OUT ? layer.norm1_bias : layer.norm2_bias, width, sizes.eps, mine.x, mine.y, low, high);
        else
          store<MT, TILES>(c, side + (product <= V ? (product - first_product) * width * 2 : 0), product == UP ? hidden_pitch : mixed_pitch,
                           bias, mine.x, mine.y, low, high, product == UP ? sizes.activation : matrix::NONE, sizes.slope);
      }
      if (product < V) continue;
      SYNC_POINT(rows_written, __syncthreads());  // the rows are written
      if (product > V || sizes.window == 1) continue;
      const int head_width = width / sizes.heads;
      for (int i = warp; i < (row_high - row_low) * sizes.heads; i += WARPS)
        attend<MT>(side + i % sizes.heads * head_width * 2, mixed_pitch, width, head_width, row_low + i / sizes.heads, sizes.window,
                   key_low, key_high, begin, end, sizes.scale * LOG2_E);
      SYNC_POINT(heads_written, __syncthreads());  // all heads of a row are written
    }
  }
  for (int i = threadIdx.x; i < own * width / 8; i += THREADS) {
    const int r = halo + i / (width / 8), c = i % (width / 8) * 8;
    if (r < end) dev::st(y + size_t(clip_begin + first + r) * width + c, dev::ld<uint4>(x_tile + r * x_pitch + c * 2));
  }
}
}  // namespace

// y = layers of x (the equation above): x, y (rows, width); layers: a table of addresses (stack.cuh) of
//   weights (out, in) and vectors
// Requires: width and feed_forward multiples of 32; width at most 64 * TILES; a head a multiple of 16 wide,
//   if window > 1; 2 * (window - 1) * layers < 16 * MT; x, y and weights 16-byte aligned; no aliasing.
// Grid (tiles of the longest clip, clips), 256 threads. A block computes 16 * MT rows and writes the rows of
//   its tile: all but (window - 1) * layers rows on either side, which the tile sees. Rows stay in shared
//   memory as halves, (width or 3 * width or feed_forward) * 2 + 16 bytes from row to row: x; q, k and v (v
//   alone if window is 1), then the feed-forward; two tables of 8 floats a row; the ring of weights, 4 KiB a
//   stage for every 64 of width. A warp owns some columns and all rows of a product, so no other warp needs
//   their weights: they pass through its own part of the ring, without a block barrier, STAGES - 1 steps
//   ahead. The order of the sum over k does not depend on the tile, and tiles begin at the clip's first row:
//   a clip's bytes do not depend on the other clips of the batch.
// Cost: (2 * (2 or 4) * width^2 + 4 * width * feed_forward) FLOP a layer and row of the block; bound by
//   reading all weights once for each block, at the rate at which one multiprocessor reads from the
//   second-level cache. Not measured yet.
#define TRANSFORMER_STACK(name, MT, TILES, STAGES)                                                                                  \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                             \
      name(__half* y, const __half* x, const void* layers, const int* offsets, int count, int width, int feed_forward, int heads,   \
           int window, int activation, float slope, float scale, float eps) {                                                       \
    stack<MT, TILES, STAGES>(y, x, static_cast<const Layer*>(layers), offsets,                                                      \
                             {count, width, feed_forward, heads, window, activation, slope, scale, eps});                           \
  }                                                                                                                                 \
  CUDA_KERNEL(name)
TRANSFORMER_STACK(transformer_stack_32, 2, 6, 3)
TRANSFORMER_STACK(transformer_stack_64, 4, 4, 3)
// If the shared memory of a block allows: four steps in flight hide the latency of memory, two do not.
TRANSFORMER_STACK(transformer_stack_32_deep, 2, 6, 5)
TRANSFORMER_STACK(transformer_stack_64_deep, 4, 4, 5)
