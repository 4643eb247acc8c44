// Norms: layer norm over the channels of a row (every transformer layer), and group norm over the rows of a
// clip (front ends and samples).
#include "matrix.cuh"

namespace {
__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
  for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(0xffffffffu, v, o);
  return v;
}
__device__ __forceinline__ void unpack(float (&v)[8], const uint4& vector) {
  const __half2* pairs = reinterpret_cast<const __half2*>(&vector);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 f = __half22float2(pairs[i]);
    v[2 * i] = f.x;
    v[2 * i + 1] = f.y;
  }
}
__device__ __forceinline__ uint4 packed(const float (&v)[8]) {
  return make_uint4(dev::pack_half2(v[0], v[1]), dev::pack_half2(v[2], v[3]), dev::pack_half2(v[4], v[5]), dev::pack_half2(v[6], v[7]));
}

// A matrix product left in parts: `count` sums of segments of k, each (rows, channels).
struct Parts {
  const float* sums;
  const __half* bias;  // (channels), or null
  int count;
};

// Adds eight values of the parts and rounds them: the values that one block with the whole sum would have
// stored.
__device__ __forceinline__ void add_up(float (&v)[8], const Parts& parts, size_t at, size_t size, int column) {
#pragma unroll
  for (int e = 0; e < 8; ++e) v[e] = 0.f;
#pragma unroll 4
  for (int p = 0; p < parts.count; ++p) {
    const float* from = parts.sums + p * size + at;
    const float4 low = dev::ld<float4>(from), high = dev::ld<float4>(from + 4);
    const float part[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int e = 0; e < 8; ++e) v[e] += part[e];
  }
  float b[8] = {};
  if (parts.bias) unpack(b, dev::ld<uint4>(parts.bias + column));
#pragma unroll
  for (int e = 0; e < 8; ++e) v[e] = __half2float(__float2half_rn(v[e] + b[e]));
}

template <int VECTORS, bool OF_PARTS>
__device__ __forceinline__ void layer_norm(__half* y, const __half* x, const Parts& parts, const __half* residual, const __half* weight,
                                           const __half* bias, int rows, int channels, float eps, int activation) {
  dev::begin_after_previous();
  const int lane = threadIdx.x & 31, row = blockIdx.x * 4 + (threadIdx.x >> 5);
  if (row >= rows) return;
  const size_t begin = size_t(row) * channels;
  float v[VECTORS][8];
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < VECTORS; ++i) {
    const int c = (i * 32 + lane) * 8;
    if (c < channels) {
      if constexpr (OF_PARTS) add_up(v[i], parts, begin + c, size_t(rows) * channels, c);
      else unpack(v[i], dev::ld<uint4>(x + begin + c));
      if (residual) {
        float r[8];
        unpack(r, dev::ld<uint4>(residual + begin + c));
#pragma unroll
        for (int e = 0; e < 8; ++e) v[i][e] += r[e];
      }
#pragma unroll
      for (int e = 0; e < 8; ++e) sum += v[i][e];
    }
  }
  const float mean = warp_sum(sum) / float(channels);
  sum = 0.f;
#pragma unroll
  for (int i = 0; i < VECTORS; ++i)
    if ((i * 32 + lane) * 8 < channels) {
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        v[i][e] -= mean;
        sum = fmaf(v[i][e], v[i][e], sum);
      }
    }
  const float scale = rsqrtf(warp_sum(sum) / float(channels) + eps);
#pragma unroll
  for (int i = 0; i < VECTORS; ++i) {
    const int c = (i * 32 + lane) * 8;
    if (c >= channels) continue;
    float w[8], b[8];
    if (weight) {
      unpack(w, dev::ld<uint4>(weight + c));
      unpack(b, dev::ld<uint4>(bias + c));
    }
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      v[i][e] *= scale;
      if (weight) v[i][e] = fmaf(v[i][e], w[e], b[e]);
      v[i][e] = matrix::activated(v[i][e], activation, 0.f);
    }
    dev::st(y + begin + c, packed(v[i]));
  }
}
}  // namespace

// y[r] = activation((u - mean u) / sqrt(var u + eps) * weight + bias), u = x[r] + residual[r], over the
//   channels of a row
//   x, residual (or null), y (rows, channels); weight and bias (channels), or both null.
// Requires: channels a multiple of 8, at most 256 times the number in the kernel's name; 16-byte aligned
//   pointers. y may be x or residual.
// Grid (rows / 4), 128 threads. A warp owns a row and keeps it in registers, in f32, while it computes the
//   mean, the variance about the mean and the result: no shared memory, no barrier, one read and one write.
// Cost: 4 bytes a value (6 with the residual); bound by memory, or by latency below some thousand rows.
#define LAYER_NORM(name, VECTORS)                                                                                            \
  extern "C" __global__ void __launch_bounds__(128)                                                                          \
      name(__half* y, const __half* x, const __half* residual, const __half* weight, const __half* bias, int rows,           \
           int channels, float eps, int activation) {                                                                        \
    layer_norm<VECTORS, false>(y, x, {}, residual, weight, bias, rows, channels, eps, activation);                           \
  }                                                                                                                          \
  CUDA_KERNEL(name)
LAYER_NORM(layer_norm_1, 1)
LAYER_NORM(layer_norm_2, 2)
LAYER_NORM(layer_norm_3, 3)
LAYER_NORM(layer_norm_4, 4)

// y[r] = (u - mean u) / sqrt(var u + eps) * weight + bias, u = half(sum_p parts[p][r] + parts_bias) +
//   residual[r]: the layer norm after a matrix product that was left in parts, one for each segment of k
//   parts (count, rows, channels) f32; parts_bias (channels) or null; the rest as layer_norm.
// Requires: as layer_norm. y may be residual.
// Grid (rows / 4), 128 threads. As layer_norm; the parts are added in their order, as one block adds the
//   segments of a whole sum.
// Cost: 4 + 4 * count bytes a value; bound by latency.
#define LAYER_NORM_OF_PARTS(name, VECTORS)                                                                                      \
  extern "C" __global__ void __launch_bounds__(128)                                                                             \
      name(__half* y, const float* parts, int count, const __half* parts_bias, const __half* residual, const __half* weight,    \
           const __half* bias, int rows, int channels, float eps) {                                                             \
    layer_norm<VECTORS, true>(y, nullptr, {parts, parts_bias, count}, residual, weight, bias, rows, channels, eps, matrix::NONE); \
  }                                                                                                                             \
  CUDA_KERNEL(name)
LAYER_NORM_OF_PARTS(layer_norm_of_parts_1, 1)
LAYER_NORM_OF_PARTS(layer_norm_of_parts_2, 2)
LAYER_NORM_OF_PARTS(layer_norm_of_parts_3, 3)
LAYER_NORM_OF_PARTS(layer_norm_of_parts_4, 4)

// The norm over time takes three kernels: the moments of chunks of rows, the moments of the whole clip from
// these, and the result. Each chunk's squares are taken about the chunk's own mean, and chunks are combined
// by Chan's formula, so a mean far from 0 does not lose digits.
namespace {
constexpr int CHUNK = 256;           // rows
constexpr int SAMPLES_CHUNK = 4096;  // samples of one channel
constexpr int APPLY_ROWS = 4;        // rows of a thread of group_norm_apply

// The sum over the eight threads of each of a block's 32 channel pairs; every thread gets the sum of its
// pair.
__device__ __forceinline__ float2 column_sum(float2 v, float2* scratch) {
  SYNC_POINT(columns_left, __syncthreads());  // other threads may still read the scratch of the previous call
  dev::st(scratch + threadIdx.x, v);
  SYNC_POINT(columns_written, __syncthreads());
  float2 sum = make_float2(0.f, 0.f);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float2 part = dev::ld<float2>(scratch + i * 32 + (threadIdx.x & 31));
    sum.x += part.x;
    sum.y += part.y;
  }
  return sum;
}
}  // namespace

// moments[clip][chunk][c] = (mean, sum of squares about it) of channel c over rows chunk * 256 ... of the
//   clip
//   x (rows, channels); moments (clips, chunks, channels, 2) f32.
// Requires: channels even; x 4-byte, moments 16-byte aligned.
// Grid (channels / 64, chunks of the longest clip, clips), 256 threads: 32 channel pairs, 8 threads for the
//   rows of each. The chunk is read once and stays in registers while mean and squares are computed.
// Cost: 2 bytes a value; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
group_norm_moments(float* __restrict__ moments, const __half* x, const int* __restrict__ offsets, int channels, int chunks) {
  dev::begin_after_previous();
  SHARED_ARRAY(float2, scratch, 256);
  const int clip = blockIdx.z, chunk = blockIdx.y, c = (blockIdx.x * 32 + (threadIdx.x & 31)) * 2;
  const int begin = offsets[clip] + chunk * CHUNK, rows = min(CHUNK, offsets[clip + 1] - begin);
  if (rows <= 0) return;
  const bool mine = c < channels;
  __half2 v[CHUNK / 8];
  float2 sum = make_float2(0.f, 0.f);
#pragma unroll
  for (int i = 0; i < CHUNK / 8; ++i) {
    const int r = i * 8 + (threadIdx.x >> 5);
    if (mine && r < rows) {
      v[i] = dev::ld<__half2>(x + size_t(begin + r) * channels + c);
      const float2 f = __half22float2(v[i]);
      sum.x += f.x;
      sum.y += f.y;
    }
  }
  float2 mean = column_sum(sum, scratch);
  mean.x /= float(rows);
  mean.y /= float(rows);
  sum = make_float2(0.f, 0.f);
#pragma unroll
  for (int i = 0; i < CHUNK / 8; ++i) {
    const int r = i * 8 + (threadIdx.x >> 5);
    if (mine && r < rows) {
      const float2 f = __half22float2(v[i]);
      sum.x = fmaf(f.x - mean.x, f.x - mean.x, sum.x);
      sum.y = fmaf(f.y - mean.y, f.y - mean.y, sum.y);
    }
  }
  const float2 squares = column_sum(sum, scratch);
  if (mine && threadIdx.x < 32)
    dev::st(moments + ((size_t(clip) * chunks + chunk) * channels + c) * 2, make_float4(mean.x, squares.x, mean.y, squares.y));
}
CUDA_KERNEL(group_norm_moments)

// moments[clip][chunk] = (mean, sum of squares about it) of the samples chunk * 4096 ... of the clip
//   x (samples) f32; moments (clips, chunks, 2) f32.
// Grid (chunks of the longest clip, clips), 256 threads; a thread owns 16 samples. Cost: 4 bytes a sample;
//   bound by latency.
extern "C" __global__ void __launch_bounds__(256)
sample_moments(float* __restrict__ moments, const float* x, const int* __restrict__ offsets, int chunks) {
  dev::begin_after_previous();
  SHARED_ARRAY(float, scratch, 8);
  const int clip = blockIdx.y, chunk = blockIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int begin = offsets[clip] + chunk * SAMPLES_CHUNK, count = min(SAMPLES_CHUNK, offsets[clip + 1] - begin);
  if (count <= 0) return;
  float v[SAMPLES_CHUNK / 256], total[2];
#pragma unroll
  for (int pass = 0; pass < 2; ++pass) {
    float sum = 0.f;
#pragma unroll
    for (int i = 0; i < SAMPLES_CHUNK / 256; ++i) {
      const int s = i * 256 + threadIdx.x;
      if (s >= count) continue;
      if (pass == 0) v[i] = x[begin + s];
      const float d = pass == 0 ? v[i] : (v[i] - total[0]) * (v[i] - total[0]);
      sum += d;
    }
    sum = warp_sum(sum);
    SYNC_POINT(samples_left, __syncthreads());  // other threads may still read the scratch of the first pass
    if (lane == 0) scratch[warp] = sum;
    SYNC_POINT(samples_written, __syncthreads());
    sum = 0.f;
#pragma unroll
    for (int i = 0; i < 8; ++i) sum += scratch[i];
    total[pass] = pass == 0 ? sum / float(count) : sum;
  }
  if (threadIdx.x == 0) dev::st(moments + (size_t(clip) * chunks + chunk) * 2, make_float2(total[0], total[1]));
}
CUDA_KERNEL(sample_moments)

// united[clip][c] = (mean, 1 / sqrt(variance + eps)) over all rows of the clip, from its chunks' moments
//   moments (clips, chunks, channels, 2), united (clips, channels, 2), f32; a chunk has `chunk` rows, the
//   last one the rest.
// Grid (channels / 128, clips), 128 threads. A thread owns a channel and combines the chunks in their order.
// Cost: 8 bytes a chunk and channel; bound by latency.
extern "C" __global__ void __launch_bounds__(128)
unite_moments(float* __restrict__ united, const float* moments, const int* __restrict__ offsets, int channels, int chunks,
              int chunk, float eps) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, c = blockIdx.x * 128 + threadIdx.x;
  const int rows = offsets[clip + 1] - offsets[clip];
  if (c >= channels) return;
  float count = 0.f, mean = 0.f, squares = 0.f;
  for (int i = 0; i * chunk < rows; ++i) {
    const float2 part = dev::ld<float2>(moments + ((size_t(clip) * chunks + i) * channels + c) * 2);
    const float n = float(min(chunk, rows - i * chunk)), share = n / (count + n), apart = part.x - mean;
    mean = fmaf(apart, share, mean);
    squares += part.y + apart * apart * count * share;
    count += n;
  }
  const float variance = count > 0.f ? squares / count : 0.f;
  dev::st(united + (size_t(clip) * channels + c) * 2, make_float2(mean, rsqrtf(variance + eps)));
}
CUDA_KERNEL(unite_moments)

// y[t][c] = activation((x[t][c] - mean) * scale * weight[c] + bias[c]) with the clip's united moments
//   x, y (rows, channels); united (clips, channels, 2) f32; weight, bias (channels) or both null. y may be x.
// Requires: channels a multiple of 8; 16-byte aligned pointers.
// Grid (vectors of a quarter of the longest clip's rows / 256, clips), 256 threads. A thread owns eight
//   channels of four rows: moments, weights and biases, together four times the bytes of a row, are read once
//   for four rows.
// Cost: 4 bytes a value; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
group_norm_apply(__half* y, const __half* x, const float* united, const __half* __restrict__ weight,
                 const __half* __restrict__ bias, const int* __restrict__ offsets, int channels, int activation) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, vectors = channels / 8, i = blockIdx.x * 256 + threadIdx.x;
  const int rows = offsets[clip + 1] - offsets[clip], first = i / vectors * APPLY_ROWS;
  if (first >= rows) return;
  const int c = i % vectors * 8;
  const size_t at = (size_t(offsets[clip]) + first) * channels + c;
  uint4 in[APPLY_ROWS];  // read before anything is written: y may be x
#pragma unroll
  for (int r = 0; r < APPLY_ROWS; ++r)
    if (first + r < rows) in[r] = dev::ld<uint4>(x + at + size_t(r) * channels);
  float mean[8], scale[8], w[8], b[8];
  if (weight) {
    unpack(w, dev::ld<uint4>(weight + c));
    unpack(b, dev::ld<uint4>(bias + c));
  }
#pragma unroll
  for (int e = 0; e < 8; e += 2) {
    const float4 m = dev::ld<float4>(united + (size_t(clip) * channels + c + e) * 2);
    mean[e] = m.x;
    scale[e] = m.y;
    mean[e + 1] = m.z;
    scale[e + 1] = m.w;
  }
#pragma unroll
  for (int r = 0; r < APPLY_ROWS; ++r) {
    if (first + r >= rows) break;
    float v[8];
    unpack(v, in[r]);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      v[e] = (v[e] - mean[e]) * scale[e];
      v[e] = matrix::activated(weight ? fmaf(v[e], w[e], b[e]) : v[e], activation, 0.f);
    }
    dev::st(y + at + size_t(r) * channels, packed(v));
  }
}
CUDA_KERNEL(group_norm_apply)

// y[s] = (x[s] - mean) * scale with the clip's united moments
//   x, y (samples) f32; united (clips, 2) f32. y may be x.
// Grid (samples of the longest clip / 256, clips), 256 threads; a thread owns a sample. Cost: 8 bytes a
//   sample; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
normalize_samples(float* y, const float* x, const float* united, const int* __restrict__ offsets) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, s = offsets[clip] + blockIdx.x * 256 + threadIdx.x;
  if (s >= offsets[clip + 1]) return;
  const float2 m = dev::ld<float2>(united + size_t(clip) * 2);
  y[s] = (x[s] - m.x) * m.y;
}
CUDA_KERNEL(normalize_samples)
