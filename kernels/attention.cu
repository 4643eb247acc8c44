// Attention over packed clips in one pass (FlashAttention's online softmax). Used by every transformer layer; one kernel a head
// width: 64 in both encoders, 96 in DEE's head, 32, 16 and 48 in the predictor and the motion prior, 64 in the motion encoder.
//
// For a tile of 64 queries, over tiles of 64 keys:
//     s = q k^T * scale - slope * |i - j|, or -inf where |i - j| >= window
//     m' = max(m, rowmax s);  p = exp(s - m');  o = o * exp(m - m') + p v;  l = l * exp(m - m') + rowsum p
// and in the end y = o / l.
#include "device.cuh"

namespace {
constexpr int QUERIES = 64, KEYS = 64, THREADS = 128;
constexpr float LOG2_E = 1.4426950408889634f;

// Rows of WIDTH halves, 16 bytes apart from a multiple of 128: ldmatrix then meets every bank once, for each of the widths.
template <int WIDTH> constexpr int PITCH = WIDTH + 8;

template <int WIDTH>
__device__ __forceinline__ void load_rows(__half* tile, const __half* from, int first, int rows, int stride) {
  constexpr int PIECES = WIDTH / 8;
#pragma unroll
  for (int i = threadIdx.x; i < 64 * PIECES; i += THREADS) {
    const int r = i / PIECES, c = i % PIECES * 8;
    const bool read = first + r < rows;
    dev::cp_async16(tile + r * PITCH<WIDTH> + c, read ? from + size_t(first + r) * stride + c : from, read);
  }
}

template <int WIDTH>
__device__ __forceinline__ void attention(__half* __restrict__ y, const __half* qkv, const int* __restrict__ offsets,
                                          const float* __restrict__ slopes, int heads, int window, int free_rows, float scale) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  constexpr int TILE = 64 * PITCH<WIDTH>, STEPS = WIDTH / 16;
  __half* q_tile = reinterpret_cast<__half*>(shared);
  __half* k_tile = q_tile + TILE;      // two stages
  __half* v_tile = q_tile + 3 * TILE;  // two stages
  const int clip = blockIdx.z, head = blockIdx.y, first = blockIdx.x * QUERIES;
  const int begin = offsets[clip], rows = offsets[clip + 1] - begin;
  if (first >= rows) return;
  const int channels = heads * WIDTH, stride = 3 * channels;
  const __half* q = qkv + size_t(begin) * stride + head * WIDTH;
  const __half *k = q + channels, *v = k + channels;
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  // Tiles of keys of which a query of this block sees any.
  const int begin_tile = max(first - (window - 1), 0) / KEYS;
  const int tiles = window < rows ? (min(first + QUERIES - 1 + window, rows) + KEYS - 1) / KEYS : (rows + KEYS - 1) / KEYS;

  auto load_keys = [&](int t) {
    load_rows<WIDTH>(k_tile + (t & 1) * TILE, k, t * KEYS, rows, stride);
    load_rows<WIDTH>(v_tile + (t & 1) * TILE, v, t * KEYS, rows, stride);
    dev::cp_async_commit();
  };
  load_rows<WIDTH>(q_tile, q, first, rows, stride);
  load_keys(begin_tile);

  uint32_t fq[STEPS][4];
  float o[WIDTH / 8][4] = {}, largest[2] = {-INFINITY, -INFINITY}, total[2] = {0.f, 0.f};
  const float scale2 = scale * LOG2_E, slope2 = slopes ? slopes[head] * LOG2_E : 0.f, reach = float(window);
  const int row = first + warp * 16 + (lane >> 2);

  for (int t = begin_tile; t < tiles; ++t) {
    if (t + 1 < tiles) {
      load_keys(t + 1);
      dev::cp_async_wait<1>();
    } else {
      dev::cp_async_wait<0>();
    }
    __syncthreads();  // tile t is there for all
    if (t == begin_tile) {
#pragma unroll
      for (int i = 0; i < STEPS; ++i)
        dev::ldmatrix_x4(fq[i], q_tile + (warp * 16 + (lane & 15)) * PITCH<WIDTH> + i * 16 + (lane >> 4) * 8);
    }
    const __half *kt = k_tile + (t & 1) * TILE, *vt = v_tile + (t & 1) * TILE;

    float s[KEYS / 8][4] = {};
#pragma unroll
    for (int i = 0; i < STEPS; ++i)
#pragma unroll
      for (int j = 0; j < KEYS / 16; ++j) {
        uint32_t f[4];
        dev::ldmatrix_x4(f, kt + (j * 16 + (lane & 7) + ((lane >> 4) << 3)) * PITCH<WIDTH> + i * 16 + ((lane >> 3) & 1) * 8);
        dev::mma_m16n8k16(s[2 * j], fq[i], f[0], f[1]);
        dev::mma_m16n8k16(s[2 * j + 1], fq[i], f[2], f[3]);
      }

    float now[2] = {largest[0], largest[1]};
    const int column = t * KEYS + (lane & 3) * 2;
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int c = column + j * 8 + (e & 1), r = row + (e >> 1) * 8;
        const float distance = fabsf(float(r - c));
        const float bias = r < free_rows || c < free_rows ? 0.f : slope2 * distance;
        s[j][e] = c < rows && distance < reach ? fmaf(s[j][e], scale2, -bias) : -INFINITY;
        now[e >> 1] = fmaxf(now[e >> 1], s[j][e]);
      }
    float shrink[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      now[i] = fmaxf(now[i], __shfl_xor_sync(0xffffffffu, now[i], 1));
      now[i] = fmaxf(now[i], __shfl_xor_sync(0xffffffffu, now[i], 2));
      largest[i] = largest[i] == now[i] ? 0.f : largest[i] - now[i];  // both are -inf until a row has met a key
      shrink[i] = dev::exp2_approx(largest[i]);
      largest[i] = now[i];
      if (now[i] == -INFINITY) now[i] = 0.f;
      total[i] *= shrink[i];
    }
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        s[j][e] = dev::exp2_approx(s[j][e] - now[e >> 1]);
        total[e >> 1] += s[j][e];
      }
#pragma unroll
    for (int j = 0; j < WIDTH / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) o[j][e] *= shrink[e >> 1];

#pragma unroll
    for (int i = 0; i < KEYS / 16; ++i) {
      const uint32_t p[4] = {dev::pack_half2(s[2 * i][0], s[2 * i][1]), dev::pack_half2(s[2 * i][2], s[2 * i][3]),
                             dev::pack_half2(s[2 * i + 1][0], s[2 * i + 1][1]), dev::pack_half2(s[2 * i + 1][2], s[2 * i + 1][3])};
#pragma unroll
      for (int j = 0; j < WIDTH / 16; ++j) {
        uint32_t f[4];
        dev::ldmatrix_x4_transposed(f, vt + (i * 16 + (lane & 15)) * PITCH<WIDTH> + j * 16 + (lane >> 4) * 8);
        dev::mma_m16n8k16(o[2 * j], p, f[0], f[1]);
        dev::mma_m16n8k16(o[2 * j + 1], p, f[2], f[3]);
      }
    }
    __syncthreads();  // all have left this stage, which tile t + 2 overwrites
  }

#pragma unroll
  for (int i = 0; i < 2; ++i) {
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 1);
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 2);
    const int r = row + i * 8;
    if (r >= rows) continue;
    const float inverse = 1.f / total[i];
    __half* out = y + size_t(begin + r) * channels + head * WIDTH + (lane & 3) * 2;
#pragma unroll
    for (int j = 0; j < WIDTH / 8; ++j) dev::st(out + j * 8, __floats2half2_rn(o[j][2 * i] * inverse, o[j][2 * i + 1] * inverse));
  }
}
}  // namespace

// y[i] = sum_j softmax_j(q_i . k_j * scale - bias(i, j)) v_j for every clip and head
//   qkv (rows, 3 * heads * WIDTH): q of all heads, then k, then v; y (rows, heads * WIDTH); offsets (clips + 1);
//   slopes (heads) or null for no bias; bias(i, j) = slopes[head] * |i - j|, 0 if i or j < free_rows; only j with
//   |i - j| < window count (INT_MAX: all).
// Requires: 16-byte aligned qkv; 1 <= window; no aliasing.
// Grid (query tiles of the longest clip, heads, clips), 128 threads. A warp owns 16 queries: their scores, softmax state and
//   results stay in its registers. K and V tiles alternate between two stages, the next one under way while this one is
//   used. Keys begin at the clip's first row, so a clip's bytes do not depend on its neighbours.
// Cost: 4 * rows * keys * heads * WIDTH FLOP (keys: of the clip, or 2 * window); bound by the matrix units and, half as much, by the exponentials.
#define ATTENTION(name, WIDTH)                                                                                                \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                                    \
      name(__half* y, const __half* qkv, const int* offsets, const float* slopes, int heads, int window, int free_rows, float scale) { \
    attention<WIDTH>(y, qkv, offsets, slopes, heads, window, free_rows, scale);                                               \
  }                                                                                                                           \
  CUDA_KERNEL(name)
ATTENTION(attention_16, 16)
ATTENTION(attention_32, 32)
ATTENTION(attention_48, 48)
ATTENTION(attention_64, 64)
ATTENTION(attention_96, 96)
