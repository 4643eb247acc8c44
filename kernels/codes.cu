// Codes of a codebook: the nearest code of a row, the likeliest or a drawn code, and the lookup of a code's
// row. Used by the predictor and the motion prior.
#include "device.cuh"

namespace {
constexpr int ROWS = 4, WARPS = 4;  // rows and warps of a block of nearest_code

// Keeps the better of two candidates: the larger score, or the lower index if the scores are equal.
__device__ __forceinline__ void take_better(float& score, int& index, float other, int other_index) {
  if (other > score || (other == score && other_index < index)) {
    score = other;
    index = other_index;
  }
}
// Every lane gets the best candidate of all lanes.
__device__ __forceinline__ void take_best_of_warp(float& score, int& index) {
#pragma unroll
  for (int o = 16; o > 0; o >>= 1)
    take_better(score, index, __shfl_xor_sync(0xffffffffu, score, o), __shfl_xor_sync(0xffffffffu, index, o));
}

// Philox4x32-10 (Salmon et al., SC 2011), the same words as `tensor::noise`.
__device__ __forceinline__ uint4 philox(uint4 counter, uint2 key) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const unsigned high0 = __umulhi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
    const unsigned high1 = __umulhi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
    counter = make_uint4(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key = make_uint2(key.x + 0x9E3779B9u, key.y + 0xBB67AE85u);
  }
  return counter;
}
// A standard Gumbel number from 23 bits; the uniform number in it is never 0 or 1.
__device__ __forceinline__ float gumbel(unsigned word) {
  return -logf(-logf((float(word >> 9) + 0.5f) * (1.f / 8388608.f)));
}
}  // namespace

// y[r] = codebook[codes[r]]
//   codes (rows), codebook (count, channels), y (rows, channels). Requires: channels a multiple of 8; 16-byte
//   aligned; 0 <= code < count.
// Grid (rows * channels / 8 / 256), 256 threads; a thread owns a vector. Cost: 4 bytes a value; bound by
//   latency.
extern "C" __global__ void __launch_bounds__(256)
lookup(__half* __restrict__ y, const int* codes, const __half* __restrict__ codebook, int rows, int channels) {
  dev::begin_after_previous();
  const int vectors = channels / 8, i = blockIdx.x * 256 + threadIdx.x;
  if (i >= rows * vectors) return;
  const int r = i / vectors, c = i % vectors * 8;
  dev::st(y + size_t(r) * channels + c, dev::ld<uint4>(codebook + size_t(codes[r]) * channels + c));
}
CUDA_KERNEL(lookup)

// codes[r] = argmin_n sum_c (x[r][c] - codebook[n][c])^2, the lowest n of equals
//   x (rows, channels), codebook (count, channels). Requires: channels a multiple of 8; 16-byte aligned.
// Grid (rows / 4), 128 threads. A thread compares every 128th code with the four rows of the block, so a code
//   that is read is used four times. The difference is squared, not expanded into a product, so that nearly
//   equal distances keep their digits.
// Cost: 3 * rows * count * channels FLOP; bound by reading the codebook: each lane reads a cache line of its
//   own.
extern "C" __global__ void __launch_bounds__(128)
nearest_code(int* __restrict__ codes, const __half* x, const __half* __restrict__ codebook, int rows, int count, int channels) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, scores, ROWS * WARPS);
  SHARED_ARRAY(int, indices, ROWS * WARPS);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, first = blockIdx.x * ROWS;
  float best[ROWS];
  int index[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    best[r] = -INFINITY;
    index[r] = 0x7fffffff;
  }
  for (int n = threadIdx.x; n < count; n += WARPS * 32) {
    float distance[ROWS] = {};
    for (int c = 0; c < channels; c += 8) {
      const uint4 code = dev::ld<uint4>(codebook + size_t(n) * channels + c);
      const __half2* hb = reinterpret_cast<const __half2*>(&code);
#pragma unroll
      for (int r = 0; r < ROWS; ++r) {
        const uint4 row = dev::ld<uint4>(x + size_t(min(first + r, rows - 1)) * channels + c);
        const __half2* ha = reinterpret_cast<const __half2*>(&row);
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 fa = __half22float2(ha[e]), fb = __half22float2(hb[e]);
          distance[r] = fmaf(fa.x - fb.x, fa.x - fb.x, distance[r]);
          distance[r] = fmaf(fa.y - fb.y, fa.y - fb.y, distance[r]);
        }
      }
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
      if (-distance[r] > best[r]) {
        best[r] = -distance[r];
        index[r] = n;
      }
  }
#pragma unroll
  for (int r = 0; r < ROWS; ++r) {
    take_best_of_warp(best[r], index[r]);
    if (lane == 0) {
      scores[r * WARPS + warp] = best[r];
      indices[r * WARPS + warp] = index[r];
    }
  }
  SYNC_POINT(scores_written, __syncthreads());  // the best candidate of every warp is written
  const int r = threadIdx.x;
  if (r >= ROWS || first + r >= rows) return;
  float score = -INFINITY;
  int nearest = 0x7fffffff;
#pragma unroll
  for (int w = 0; w < WARPS; ++w) take_better(score, nearest, scores[r * WARPS + w], indices[r * WARPS + w]);
  codes[first + r] = nearest;
}
CUDA_KERNEL(nearest_code)

// codes[t] = argmax_n logits[t][n], or argmax_n logits[t][n] / temperature + gumbel(seed, stream, first_row +
//   t, n), which is a draw from softmax(logits / temperature): the lowest n of equals. The noise is a
//   function of only its arguments.
//   logits (rows, count) with rows `stride` apart; seeds (clips) or null for the likeliest; first_rows
//   (clips).
// Grid (rows of the longest clip / 4, clips), 128 threads. A warp owns a row. Cost: bound by latency.
extern "C" __global__ void __launch_bounds__(128)
choose_code(int* __restrict__ codes, const __half* logits, const int* __restrict__ offsets, const uint2* __restrict__ seeds,
            const int* __restrict__ first_rows, int count, int stride, int stream, float temperature) {
  dev::begin_after_previous();
  const int lane = threadIdx.x & 31, clip = blockIdx.y, t = blockIdx.x * 4 + (threadIdx.x >> 5);
  const int begin = offsets[clip];
  if (t >= offsets[clip + 1] - begin) return;
  const __half* row = logits + size_t(begin + t) * stride;
  float best = -INFINITY;
  int index = 0x7fffffff;
  // Four neighbours share the four words of one counter.
  for (int n = lane * 4; n < count; n += 128) {
    uint4 words = make_uint4(0, 0, 0, 0);
    if (seeds) words = philox(make_uint4(unsigned(n) / 4, unsigned(first_rows[clip] + t), 0u, unsigned(stream)), dev::ld<uint2>(seeds + clip));
    const unsigned word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      if (n + e >= count) break;
      float score = __half2float(row[n + e]);
      if (seeds) score = score / temperature + gumbel(word[e]);
      if (score > best) {
        best = score;
        index = n + e;
      }
    }
  }
  take_best_of_warp(best, index);
  if (lane == 0) codes[begin + t] = index == 0x7fffffff ? 0 : index;
}
CUDA_KERNEL(choose_code)

// codes[r] = given[r] if 0 <= given[r] < count, else chosen[r]
//   chosen (rows), given (rows) in f32, codes (rows). Given codes replace chosen ones: those
//   of frames that a stream has delivered, or of a reference. A given value outside the codebook keeps the
//   chosen code, so that no later lookup reads outside it.
// Used by the choice of codes (docs/networks/deeptalk.md section 6).
// Grid (rows / 256), 256 threads, a row each. Cost: 12 bytes a row; bound by latency.
extern "C" __global__ void __launch_bounds__(256)
replace_codes(int* __restrict__ codes, const int* chosen, const float* __restrict__ given, int rows, int count) {
  dev::begin_after_previous();
  const int r = blockIdx.x * 256 + threadIdx.x;
  if (r >= rows) return;
  const float value = given[r];
  codes[r] = value >= 0.f && value < float(count) ? int(value) : chosen[r];
}
CUDA_KERNEL(replace_codes)
