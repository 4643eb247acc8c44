// Attention of queries over keys and values of another tensor: new rows over kept ones, causal or not. Used
// by networks that compute frame after frame; attention of a clip over itself is in attention.cu.
#include "device.cuh"

namespace {
constexpr int WARPS = 4, WIDEST = 128;
}  // namespace

// y[i] = sum_j softmax_j(q_i . k_j * scale - bias(i, j)) v_j for every clip and head
//   y (queries, y_stride) and q (queries, q_stride): all heads side by side; kv (keys, kv_stride): k of all
//   heads, then v; offsets (clips + 1); slopes (heads) or null. Query i of a clip stands at place p = i +
//   max(keys - queries, 0); it sees the keys j with p - before <= j <= p + after; bias(i, j) = slopes[head] *
//   floor(|p - j| / period), 0 if p or j < free_rows.
// Requires: width a multiple of 8, at most 128; strides multiples of 8; 16-byte aligned; period >= 1; before,
//   after >= 0; a query sees at least one key; no aliasing.
// Grid (queries of the longest clip / 4, heads, clips), 128 threads. A warp owns a query: each lane computes
//   the score of every 32nd key and every 32nd channel of the result, so the lanes read values from one cache
//   line, but keys from a line each. The softmax is online, in f32.
// Cost: 4 * queries * keys seen * width * heads FLOP; bound by latency and by reading keys and values from
//   the cache once for every query.
extern "C" __global__ void __launch_bounds__(32 * WARPS)
attention_over(__half* __restrict__ y, const __half* q, const __half* kv, const int* __restrict__ q_offsets,
               const int* __restrict__ kv_offsets, const float* __restrict__ slopes, int y_stride, int q_stride, int kv_stride, int heads, int width,
               int before, int after, int period, int free_rows, float scale) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, rows, WARPS * WIDEST);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, head = blockIdx.y, clip = blockIdx.z, i = blockIdx.x * WARPS + warp;
  const int q_begin = q_offsets[clip], queries = q_offsets[clip + 1] - q_begin;
  const int kv_begin = kv_offsets[clip], keys = kv_offsets[clip + 1] - kv_begin;
  if (i >= queries) return;
  const int place = i + max(keys - queries, 0);
  const int first = before < place ? place - before : 0, last = after < keys - place - 1 ? place + 1 + after : keys;
  const __half* k = kv + size_t(kv_begin) * kv_stride + head * width;
  const __half* v = k + heads * width;
  float* query = rows + warp * WIDEST;
  for (int c = lane; c < width; c += 32) query[c] = __half2float(q[size_t(q_begin + i) * q_stride + head * width + c]);
  SYNC_POINT(query_loaded, __syncwarp());
  const float slope = slopes ? slopes[head] : 0.f;
  float largest = -INFINITY, total = 0.f, o[WIDEST / 32] = {};
  for (int t = first; t < last; t += 32) {
    const int j = t + lane, count = min(32, last - t);
    float score = -INFINITY;
    if (lane < count) {
      float sum = 0.f;
#pragma unroll 2
      for (int c = 0; c < width; c += 8) {
        const uint4 part = dev::ld<uint4>(k + size_t(j) * kv_stride + c);
        const __half2* pairs = reinterpret_cast<const __half2*>(&part);
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          const float2 pair = __half22float2(pairs[n]);
          sum = fmaf(query[c + 2 * n], pair.x, fmaf(query[c + 2 * n + 1], pair.y, sum));
        }
      }
      score = fmaf(sum, scale, min(place, j) < free_rows ? 0.f : -slope * float(abs(place - j) / period));
    }
    float now = fmaxf(largest, score);
#pragma unroll
    for (int n = 16; n > 0; n >>= 1) now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, n));
    const float shrink = expf(largest - now), weight = expf(score - now);
    largest = now;
    total = total * shrink + weight;
#pragma unroll
    for (int n = 0; n < WIDEST / 32; ++n) o[n] *= shrink;
#pragma unroll 2
    for (int other = 0; other < count; ++other) {
      const float by = __shfl_sync(0xffffffffu, weight, other);
#pragma unroll
      for (int n = 0; n < WIDEST / 32; ++n) {
        const int c = n * 32 + lane;
        if (c < width) o[n] = fmaf(by, __half2float(v[size_t(t + other) * kv_stride + c]), o[n]);
      }
    }
  }
#pragma unroll
  for (int n = 16; n > 0; n >>= 1) total += __shfl_xor_sync(0xffffffffu, total, n);
  const float inverse = 1.f / total;
#pragma unroll
  for (int n = 0; n < WIDEST / 32; ++n) {
    const int c = n * 32 + lane;
    if (c < width) y[size_t(q_begin + i) * y_stride + head * width + c] = __float2half_rn(o[n] * inverse);
  }
}
CUDA_KERNEL(attention_over)
