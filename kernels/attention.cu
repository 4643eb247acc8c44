// Attention over packed clips in one pass (FlashAttention's online softmax). Used by every transformer layer;
// one kernel a head width: 64 in both encoders, 96 in DEE's head, 32, 16 and 48 in the predictor and the
// motion prior, 64 in the motion encoder.
//
// For a tile of 64 queries, over the tiles of 64 keys:
//     s = q k^T * scale - slope * |i - j|, or -inf where |i - j| >= window
//     m' = max(m, rowmax s);  p = exp(s - m');  o = o * exp(m - m') + p v;  l = l * exp(m - m') + rowsum p
// and at the end y = o / l.
#include "matrix.cuh"

namespace {
using matrix::row_at;
constexpr int QUERIES = 64, KEYS = 64;
constexpr float LOG2_E = 1.4426950408889634f;

// Copies 64 rows of WIDTH halves into a tile, with THREADS threads.
template <int WIDTH, int THREADS>
__device__ __forceinline__ void load_rows(__half* tile, const __half* from, int first, int rows, int stride, int thread) {
  constexpr int PIECES = WIDTH / 8;
#pragma unroll
  for (int n = 0; n < (64 * PIECES + THREADS - 1) / THREADS; ++n) {
    const int i = n * THREADS + thread, r = i / PIECES, c = i % PIECES * 8;
    if (64 * PIECES % THREADS != 0 && i >= 64 * PIECES) break;
    const bool read = first + r < rows;
    dev::cp_async16(tile + row_at<WIDTH>(r) + c, read ? from + size_t(first + r) * stride + c : from, read);
  }
}

// GROUPS groups of four warps share the tiles of keys: group g takes tiles g, g + GROUPS, ...
template <int WIDTH, int GROUPS>
__device__ __forceinline__ void attention(__half* __restrict__ y, const __half* qkv, const int* __restrict__ offsets,
                                          const float* __restrict__ slopes, int heads, int window, int free_rows, float scale) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  constexpr int TILE = row_at<WIDTH>(64), STEPS = WIDTH / 16;
  const int clip = blockIdx.z, head = blockIdx.y, first = blockIdx.x * QUERIES;
  const int begin = offsets[clip], rows = offsets[clip + 1] - begin;
  if (first >= rows) return;
  const int channels = heads * WIDTH, stride = 3 * channels;
  const __half* q = qkv + size_t(begin) * stride + head * WIDTH;
  const __half *k = q + channels, *v = k + channels;
  const int lane = threadIdx.x & 31, warp = (threadIdx.x >> 5) & 3, group = threadIdx.x >> 7, thread = threadIdx.x & 127;
  __half* q_tile = reinterpret_cast<__half*>(shared);
  __half* k_tile = q_tile + (1 + 4 * group) * TILE;  // two stages a group
  __half* v_tile = k_tile + 2 * TILE;                // two stages a group
  // Only tiles with a key that a query of this block can see.
  const int begin_tile = max(first - (window - 1), 0) / KEYS;
  const int tiles = window < rows ? (min(first + QUERIES - 1 + window, rows) + KEYS - 1) / KEYS : (rows + KEYS - 1) / KEYS;

  auto load_keys = [&](int t, int stage) {
    if (t < tiles) {
      load_rows<WIDTH, 128>(k_tile + stage * TILE, k, t * KEYS, rows, stride, thread);
      load_rows<WIDTH, 128>(v_tile + stage * TILE, v, t * KEYS, rows, stride, thread);
    }
    dev::cp_async_commit();
  };
  auto meet = [&] {
    if (group == 0) dev::named_barrier(1, 128);
    else dev::named_barrier(2, 128);
  };
  load_rows<WIDTH, 128 * GROUPS>(q_tile, q, first, rows, stride, threadIdx.x);
  dev::cp_async_commit();
  load_keys(begin_tile + group, 0);

  uint32_t fq[STEPS][4];
  float o[WIDTH / 8][4] = {}, largest[2] = {-INFINITY, -INFINITY}, total[2] = {0.f, 0.f};
  const float scale2 = scale * LOG2_E, slope2 = slopes ? slopes[head] * LOG2_E : 0.f, reach = float(window);
  const int row = first + warp * 16 + (lane >> 2);
  SYNC_POINT(queries_wait, dev::cp_async_wait<1>());
  SYNC_POINT(queries_loaded, __syncthreads());  // the queries are loaded
#pragma unroll
  for (int i = 0; i < STEPS; ++i)
    dev::ldmatrix_x4(fq[i], q_tile + row_at<WIDTH>(warp * 16) + row_at<WIDTH>(lane & 15) + i * 16 + (lane >> 4) * 8);

  for (int t = begin_tile + group, stage = 0; t < tiles; t += GROUPS, stage ^= 1) {
    load_keys(t + GROUPS, stage ^ 1);
    SYNC_POINT(keys_wait, dev::cp_async_wait<1>());
    SYNC_POINT(keys_loaded, meet());  // tile t is loaded, for all warps of the group
    const __half *kt = k_tile + stage * TILE, *vt = v_tile + stage * TILE;

    float s[KEYS / 8][4] = {};
#pragma unroll
    for (int i = 0; i < STEPS; ++i)
#pragma unroll
      for (int j = 0; j < KEYS / 16; ++j) {
        uint32_t f[4];
        dev::ldmatrix_x4(f, kt + row_at<WIDTH>(j * 16) + row_at<WIDTH>((lane & 7) + ((lane >> 4) << 3)) + i * 16 + ((lane >> 3) & 1) * 8);
        dev::mma_m16n8k16(s[2 * j], fq[i], f[0], f[1]);
        dev::mma_m16n8k16(s[2 * j + 1], fq[i], f[2], f[3]);
      }

    float now[2] = {largest[0], largest[1]};
    const int column = t * KEYS + (lane & 3) * 2;
    const float apart = float(row - column);
    auto distance = [&](int j, int e) { return fabsf(apart + float((e >> 1) * 8 - j * 8 - (e & 1))); };
    // Without a window, inside a clip and behind the free rows, every score counts and has the bias:
    // positions are not compared.
    if (t * KEYS + KEYS <= rows && window >= rows && min(first, t * KEYS) >= free_rows) {
#pragma unroll
      for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) s[j][e] = fmaf(s[j][e], scale2, -slope2 * distance(j, e));
    } else {
#pragma unroll
      for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const int c = column + j * 8 + (e & 1), r = row + (e >> 1) * 8;
          const float score = fmaf(s[j][e], scale2, -(min(r, c) < free_rows ? 0.f : slope2) * distance(j, e));
          const bool seen = (c < rows) & (distance(j, e) < reach);  // & instead of &&: no branch
          s[j][e] = seen ? score : -INFINITY;
        }
    }
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e) now[e >> 1] = fmaxf(now[e >> 1], s[j][e]);
    float shrink[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      now[i] = fmaxf(now[i], __shfl_xor_sync(0xffffffffu, now[i], 1));
      now[i] = fmaxf(now[i], __shfl_xor_sync(0xffffffffu, now[i], 2));
      largest[i] = largest[i] == now[i] ? 0.f : largest[i] - now[i];  // both are -inf until a row has seen a key
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
        dev::ldmatrix_x4_transposed(f, vt + row_at<WIDTH>(i * 16) + row_at<WIDTH>(lane & 15) + j * 16 + (lane >> 4) * 8);
        dev::mma_m16n8k16(o[2 * j], p, f[0], f[1]);
        dev::mma_m16n8k16(o[2 * j + 1], p, f[2], f[3]);
      }
    }
    SYNC_POINT(keys_left, meet());  // all warps of the group have finished with this stage, which is filled next
  }

  if constexpr (GROUPS > 1) {
    // Each thread of the second group passes its state to the thread at the same place of the first, through
    // the second group's tiles.
    float* state = reinterpret_cast<float*>(q_tile + 5 * TILE) + thread;
    if (group == 1) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        state[i * 128] = largest[i];
        state[(2 + i) * 128] = total[i];
      }
#pragma unroll
      for (int j = 0; j < WIDTH / 8; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e) state[(4 + j * 4 + e) * 128] = o[j][e];
    }
    SYNC_POINT(state_handed_over, __syncthreads());  // the second group's state is written
    if (group == 1) return;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float other = state[i * 128], both = fmaxf(largest[i], other);
      const float mine = dev::exp2_approx(largest[i] - both), its = dev::exp2_approx(other - both);
      total[i] = total[i] * mine + state[(2 + i) * 128] * its;
#pragma unroll
      for (int j = 0; j < WIDTH / 8; ++j)
#pragma unroll
        for (int e = 2 * i; e < 2 * i + 2; ++e) o[j][e] = o[j][e] * mine + state[(4 + j * 4 + e) * 128] * its;
    }
  }

  // The results replace this warp's queries in shared memory, from where they are written as whole vectors.
  __half* mine = q_tile + row_at<WIDTH>(warp * 16);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 1);
    total[i] += __shfl_xor_sync(0xffffffffu, total[i], 2);
    const float inverse = 1.f / total[i];
#pragma unroll
    for (int j = 0; j < WIDTH / 8; ++j)
      dev::st(mine + row_at<WIDTH>(i * 8) + row_at<WIDTH>(lane >> 2) + j * 8 + (lane & 3) * 2,
              __floats2half2_rn(o[j][2 * i] * inverse, o[j][2 * i + 1] * inverse));
  }
  SYNC_POINT(results_staged, __syncwarp());  // the results of all lanes are in shared memory
#pragma unroll
  for (int i = lane; i < 16 * (WIDTH / 8); i += 32) {
    const int r = i / (WIDTH / 8), c = i % (WIDTH / 8) * 8, at = first + warp * 16 + r;
    if (at < rows) dev::st(y + size_t(begin + at) * channels + head * WIDTH + c, dev::ld<uint4>(mine + row_at<WIDTH>(r) + c));
  }
}
}  // namespace

// y[i] = sum_j softmax_j(q_i . k_j * scale - bias(i, j)) v_j, for every clip and head
//   qkv (rows, 3 * heads * WIDTH): q of all heads, then k, then v; y (rows, heads * WIDTH); offsets (clips +
//   1); slopes (heads) or null for no bias; bias(i, j) = slopes[head] * |i - j|, but 0 if i or j < free_rows;
//   only keys j with |i - j| < window are seen (INT_MAX: all keys).
// Requires: 16-byte aligned qkv and y; 1 <= window; no aliasing.
// Grid (query tiles of the longest clip, heads, clips), 256 threads (128 at 96). A warp owns 16 queries and
//   keeps their scores, softmax state and results in registers. Two groups of four warps own the same queries
//   and every second tile of keys each, which halves the time of a short clip, whose blocks do not fill the
//   GPU; at the end the second group's state is added to the first's. K and V tiles alternate between two
//   stages: one is loaded while the other is used. Tiles of keys begin at the clip's first row, so a clip's
//   bytes do not depend on the other clips of the batch.
// Cost: 4 * rows * keys * heads * WIDTH FLOP (keys: rows of the clip, or 2 * window). Bound by the matrix
//   units; the exponentials take half as long.
#define ATTENTION(name, WIDTH, GROUPS)                                                                                        \
  extern "C" __global__ void __launch_bounds__(128 * GROUPS, 1)                                                               \
      name(__half* y, const __half* qkv, const int* offsets, const float* slopes, int heads, int window, int free_rows, float scale) { \
    attention<WIDTH, GROUPS>(y, qkv, offsets, slopes, heads, window, free_rows, scale);                                       \
  }                                                                                                                           \
  CUDA_KERNEL(name)
ATTENTION(attention_16, 16, 2)
ATTENTION(attention_32, 32, 2)
ATTENTION(attention_48, 48, 2)
ATTENTION(attention_64, 64, 2)
ATTENTION(attention_96, 96, 1)  // two groups' tiles would not fit into 99 KiB
