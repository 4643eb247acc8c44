// Shared parts of the kernels with matrix products: swizzled tiles in shared memory, the product of a warp,
// activations, and the epilogue.
// Used by the products, attention, grouped convolutions, stacks, and (the activations) by the norms.
#pragma once
#include "device.cuh"

namespace matrix {

// A tile row is 64 halves: 128 bytes, eight 16-byte pieces. The XOR spreads a column of pieces over all
// banks, so that ldmatrix and the 16-byte copies are free of conflicts.
constexpr int STEP = 64;                 // k values of a pipeline stage
constexpr int ROW_BYTES = STEP * 2;
__device__ __forceinline__ int swizzled(int row, int piece) { return row * ROW_BYTES + ((piece ^ (row & 7)) << 4); }

// The first half of row `row` in a tile of rows of WIDTH halves, for tiles without a swizzle. After every run
// of rows that fills all banks 16 bytes are left free. Then the eight rows that ldmatrix reads lie in
// different banks if the first begins a run, and so do the eight neighbouring pieces that a quarter of a warp
// copies. WIDTH: 16, 32, 48, 64 or 96.
template <int WIDTH> constexpr int RUN = 8 / (WIDTH / 8 & -(WIDTH / 8));
template <int WIDTH> __device__ __forceinline__ constexpr int row_at(int row) { return row * WIDTH + row / RUN<WIDTH> * 8; }

// c (WM x WN of one warp) += a (rows from `a_row`) * b (rows from `b_row`)^T over one stage.
template <int WM, int WN>
__device__ __forceinline__ void multiply_stage(float (&c)[WM / 16][WN / 8][4], const unsigned char* a, const unsigned char* b,
                                               int a_row, int b_row) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int k = 0; k < STEP / 16; ++k) {
    uint32_t fa[WM / 16][4], fb[WN / 16][4];
#pragma unroll
    for (int i = 0; i < WM / 16; ++i) dev::ldmatrix_x4(fa[i], a + swizzled(a_row + i * 16 + (lane & 15), k * 2 + (lane >> 4)));
#pragma unroll
    for (int j = 0; j < WN / 16; ++j)
      dev::ldmatrix_x4(fb[j], b + swizzled(b_row + j * 16 + (lane & 7) + ((lane >> 4) << 3), k * 2 + ((lane >> 3) & 1)));
#pragma unroll
    for (int i = 0; i < WM / 16; ++i)
#pragma unroll
      for (int j = 0; j < WN / 8; ++j) dev::mma_m16n8k16(c[i][j], fa[i], fb[j >> 1][(j & 1) * 2], fb[j >> 1][(j & 1) * 2 + 1]);
  }
}

// The numbers by which launchers name an activation.
enum Activation { NONE = 0, GELU = 1, RELU = 2, LEAKY_RELU = 3 };
// v * P(n < v) = max(v, 0) - |v| P(n > |v|), n standard normal. The logarithm of that tail is smooth: log2
// P(n > a) is this polynomial to 9e-6 for a <= 5.6 (minimax fit). For larger a, |v| P rounds to zero in fp16
// and the polynomial keeps falling. Ten instructions instead of the 26 of erff, and the tail keeps its
// digits.
__device__ __forceinline__ float gelu(float v) {
  const float a = fabsf(v);
  float log2_tail = fmaf(a, -1.8099098e-6f, 6.1178378e-5f);
  log2_tail = fmaf(a, log2_tail, -9.2779403e-4f);
  log2_tail = fmaf(a, log2_tail, 8.4992796e-3f);
  log2_tail = fmaf(a, log2_tail, -5.3946506e-2f);
  log2_tail = fmaf(a, log2_tail, -4.5847422e-1f);
  log2_tail = fmaf(a, log2_tail, -1.1512485f);
  log2_tail = fmaf(a, log2_tail, -9.9999541e-1f);
  return fmaf(-a, dev::exp2_approx(log2_tail), fmaxf(v, 0.f));
}
__device__ __forceinline__ float activated(float v, int activation, float slope) {
  if (activation == GELU) return gelu(v);
  if (activation == RELU) return fmaxf(v, 0.f);
  if (activation == LEAKY_RELU) return v < 0.f ? v * slope : v;
  return v;
}

// The epilogue of a product: y[row][column] = activation(sum + bias[column]) + residual[row][column].
struct Output {
  void* y;                 // halves, or floats if y_is_f32
  const __half* bias;      // (columns), or null
  const __half* residual;  // rows as y's, or null; may be y
  int y_stride, residual_stride;  // elements between rows
  int columns, activation, y_is_f32;
  float slope;
};

// True if eight consecutive results of a row can move as 16-byte vectors.
__device__ __forceinline__ bool moves_in_vectors(const Output& o) {
  const size_t low = reinterpret_cast<size_t>(o.y) | reinterpret_cast<size_t>(o.bias) | reinterpret_cast<size_t>(o.residual);
  return ((o.columns | o.y_stride | o.residual_stride) & 7) == 0 && (low & 15) == 0;
}

// Writes eight results of one row, from column `column` on.
__device__ __forceinline__ void write_eight(const Output& o, const float (&sum)[8], size_t row, int column, bool vectors) {
  float v[8];
  if (vectors) {
    uint4 bias = o.bias ? dev::ld<uint4>(o.bias + column) : make_uint4(0, 0, 0, 0);
    uint4 residual = o.residual ? dev::ld<uint4>(o.residual + row * o.residual_stride + column) : make_uint4(0, 0, 0, 0);
    const __half2 *b = reinterpret_cast<const __half2*>(&bias), *r = reinterpret_cast<const __half2*>(&residual);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float2 b2 = __half22float2(b[e / 2]), r2 = __half22float2(r[e / 2]);
      v[e] = activated(sum[e] + (e & 1 ? b2.y : b2.x), o.activation, o.slope) + (e & 1 ? r2.y : r2.x);
    }
    if (o.y_is_f32) {
      float* y = static_cast<float*>(o.y) + row * o.y_stride + column;
      dev::st(y, make_float4(v[0], v[1], v[2], v[3]));
      dev::st(y + 4, make_float4(v[4], v[5], v[6], v[7]));
    } else {
      dev::st(static_cast<__half*>(o.y) + row * o.y_stride + column,
              make_uint4(dev::pack_half2(v[0], v[1]), dev::pack_half2(v[2], v[3]), dev::pack_half2(v[4], v[5]), dev::pack_half2(v[6], v[7])));
    }
    return;
  }
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    if (column + e >= o.columns) break;
    float u = activated(sum[e] + (o.bias ? __half2float(o.bias[column + e]) : 0.f), o.activation, o.slope);
    if (o.residual) u += __half2float(o.residual[row * o.residual_stride + column + e]);
    if (o.y_is_f32) static_cast<float*>(o.y)[row * o.y_stride + column + e] = u;
    else static_cast<__half*>(o.y)[row * o.y_stride + column + e] = __float2half_rn(u);
  }
}

// Results pass through a staging tile in shared memory, so that rows are written as whole 16-byte vectors. A
// row of the staging tile has BN + 8 floats: then the four rows that half a warp writes at once lie in
// different banks.
template <int BN> constexpr int STAGING_PITCH = BN + 8;

// Writes the fragments of one warp to the staging tile; (row, column) is the warp's first result.
template <int WM, int WN, int BN>
__device__ __forceinline__ void stage_fragments(float* staging, const float (&c)[WM / 16][WN / 8][4], int row, int column) {
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < WM / 16; ++i)
#pragma unroll
    for (int j = 0; j < WN / 8; ++j)
#pragma unroll
      for (int h = 0; h < 2; ++h)
        dev::st(staging + (row + i * 16 + (lane >> 2) + h * 8) * STAGING_PITCH<BN> + column + j * 8 + (lane & 3) * 2,
                make_float2(c[i][j][2 * h], c[i][j][2 * h + 1]));
}

// Writes the staging tile to memory, with THREADS threads, of which the caller is number `thread`.
template <int BM, int BN, int THREADS>
__device__ __forceinline__ void write_tile(const Output& o, const float* staging, int thread, size_t first_row, int rows, int first_column) {
  const bool vectors = moves_in_vectors(o);
#pragma unroll 1
  for (int i = thread; i < BM * (BN / 8); i += THREADS) {
    const int r = i / (BN / 8), c = i % (BN / 8) * 8;
    if (r >= rows || first_column + c >= o.columns) continue;
    // A quarter of a warp reads at once. Four of its threads read their first half first, four their second:
    // different banks.
    const bool later = i & 4;
    const float* from = staging + r * STAGING_PITCH<BN> + c;
    const float4 a = dev::ld<float4>(from + (later ? 4 : 0)), b = dev::ld<float4>(from + (later ? 0 : 4));
    const float4 low = later ? b : a, high = later ? a : b;
    const float sum[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    write_eight(o, sum, first_row + r, first_column + c, vectors);
  }
}
}  // namespace matrix
