// Operations that move or add rows (resampling over time, slices, concatenations, tables), and operations on
// emotion vectors. Used by every part of the network.
// The rows of a tensor lie `stride` halves apart, a multiple of 8; the columns from its channels to the
// stride are zeros.
#include "device.cuh"

namespace {
__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
  for (int o = 16; o > 0; o >>= 1) v += __shfl_xor_sync(0xffffffffu, v, o);
  return v;
}
}  // namespace

// y[t] = x[low] * (1 - w) + x[low + 1] * w, position t * (rows_in - 1) / (rows_out - 1) = low + w: the first
//   and the last row are kept
//   x, y (rows, stride), offsets (clips + 1) of both. Requires: 16-byte aligned; a row of x for every clip of
//   y that has rows.
// Grid (vectors of y's longest clip / 256, clips), 256 threads; a thread owns a vector of eight channels. The
//   position is divided in integers, so that long clips do not lose digits.
// Cost: 6 bytes a value; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
resample_linear(__half* __restrict__ y, const __half* x, const int* __restrict__ x_offsets, const int* __restrict__ y_offsets,
                int stride) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, vectors = stride / 8, i = blockIdx.x * 256 + threadIdx.x;
  const int rows = y_offsets[clip + 1] - y_offsets[clip], x_rows = x_offsets[clip + 1] - x_offsets[clip];
  if (i >= rows * vectors) return;
  const int t = i / vectors, c = i % vectors * 8, steps = max(rows - 1, 1);
  const long long scaled = (long long)t * (x_rows - 1);
  const int low = int(scaled / steps), high = min(low + 1, x_rows - 1);
  const float w = float(int(scaled % steps)) / float(steps);
  const __half* from = x + size_t(x_offsets[clip]) * stride + c;
  const uint4 a = dev::ld<uint4>(from + size_t(low) * stride), b = dev::ld<uint4>(from + size_t(high) * stride);
  const __half2 *ha = reinterpret_cast<const __half2*>(&a), *hb = reinterpret_cast<const __half2*>(&b);
  uint32_t r[4];
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const float2 fa = __half22float2(ha[e]), fb = __half22float2(hb[e]);
    r[e] = dev::pack_half2(fa.x * (1.f - w) + fb.x * w, fa.y * (1.f - w) + fb.y * w);
  }
  dev::st(y + (size_t(y_offsets[clip]) + t) * stride + c, make_uint4(r[0], r[1], r[2], r[3]));
}
CUDA_KERNEL(resample_linear)

// y[y_first + t][y_column + c] = x[row(t)][c] for c < channels, and 0 for channels <= c < y_width, for t <
//   rows of this clip:
//   from 0: row(t) = row x_first + t of the same clip of x; as many rows as both x (from x_first) and y (from
//     y_first) have
//   from 1: row(t) = t of a table of `table_rows` rows, for every clip
//   from 2: row(t) = the clip's number: one row, repeated over the clip
//   Rows of x are x_stride apart, rows of y y_stride. The offsets (clips + 1) of x are read only with from 0.
// Requires: no alignment. Eight columns move as one vector if both addresses are 16-byte aligned.
// Grid (vectors of y's longest clip / 256, clips), 256 threads; a thread owns eight columns. Cost: 4 bytes a
//   value; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
copy_rows(__half* __restrict__ y, const __half* x, const int* __restrict__ x_offsets, const int* __restrict__ y_offsets,
          int channels, int y_width, int x_stride, int y_stride, int y_column, int x_first, int y_first, int from, int table_rows) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, vectors = (y_width + 7) / 8, i = blockIdx.x * 256 + threadIdx.x;
  const int room = y_offsets[clip + 1] - y_offsets[clip] - y_first;
  const int there = from == 0 ? x_offsets[clip + 1] - x_offsets[clip] - x_first : from == 1 ? table_rows : room;
  const int t = i / vectors, c = i % vectors * 8;
  if (t >= min(room, there)) return;
  const size_t row = from == 0 ? size_t(x_offsets[clip]) + x_first + t : from == 1 ? size_t(t) : size_t(clip);
  const __half* source = x + row * x_stride + c;
  __half* target = y + (size_t(y_offsets[clip]) + y_first + t) * y_stride + y_column + c;
  const size_t low = reinterpret_cast<size_t>(source) | reinterpret_cast<size_t>(target);
  if (c + 8 <= channels && (low & 15) == 0) {
    dev::st(target, dev::ld<uint4>(source));
    return;
  }
  for (int e = 0; e < 8 && c + e < y_width; ++e) target[e] = c + e < channels ? source[e] : __float2half_rn(0.f);
}
CUDA_KERNEL(copy_rows)

// y[r] = x[r] + z[r]; if z is a table, its row is the number of row r within its clip
//   x, y (rows, stride); z (rows, stride), or (table rows, stride) with offsets (clips + 1). y may be x or z.
// Requires: 16-byte aligned. Without a table, offsets are null and `rows` gives the rows; with one, `rows` is
//   not read.
// Grid (vectors of the longest clip / 256, clips), 256 threads; a thread owns a vector. Cost: 6 bytes a
//   value; bound by memory.
extern "C" __global__ void __launch_bounds__(256)
add_rows(__half* y, const __half* x, const __half* z, const int* __restrict__ offsets, int rows, int stride) {
  dev::begin_after_previous();
  const int clip = blockIdx.y, vectors = stride / 8, i = blockIdx.x * 256 + threadIdx.x;
  const int begin = offsets ? offsets[clip] : 0;
  if (offsets) rows = offsets[clip + 1] - begin;
  if (i >= rows * vectors) return;
  const size_t inside = size_t(i) * 8, at = size_t(begin) * stride + inside;
  const uint4 a = dev::ld<uint4>(x + at), b = dev::ld<uint4>(z + inside);
  const __half2 *ha = reinterpret_cast<const __half2*>(&a), *hb = reinterpret_cast<const __half2*>(&b);
  uint32_t r[4];
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const float2 fa = __half22float2(ha[e]), fb = __half22float2(hb[e]);
    r[e] = dev::pack_half2(fa.x + fb.x, fa.y + fb.y);
  }
  dev::st(y + at, make_uint4(r[0], r[1], r[2], r[3]));
}
CUDA_KERNEL(add_rows)

// Operations on emotion vectors, of which a clip has one row. Tensors are (rows, channels) with rows `stride`
// apart; values are f32 until the result is rounded. Grid (rows), 32 threads: a warp owns a row. Bound by
// latency.

// y = x / (|x| + 1e-8). y may be x.
extern "C" __global__ void __launch_bounds__(32)
l2_normalize(__half* y, const __half* x, int channels, int stride) {
  dev::begin_after_previous();
  const size_t row = size_t(blockIdx.x) * stride;
  float sum = 0.f;
  for (int c = threadIdx.x; c < channels; c += 32) {
    const float v = __half2float(x[row + c]);
    sum = fmaf(v, v, sum);
  }
  const float length = sqrtf(warp_sum(sum)) + 1e-8f;
  for (int c = threadIdx.x; c < stride; c += 32) y[row + c] = __float2half_rn(c < channels ? __half2float(x[row + c]) / length : 0.f);
}
CUDA_KERNEL(l2_normalize)

// y = z / (|z| + 1e-8), z = mu + exp(0.5 * control * log_variance) * noise
extern "C" __global__ void __launch_bounds__(32)
sample_gaussian(__half* __restrict__ y, const __half* mu, const __half* log_variance,
                const __half* noise, int channels, int stride, float control) {
  dev::begin_after_previous();
  const size_t row = size_t(blockIdx.x) * stride;
  auto z = [&](int c) {
    // A factor beyond e^35 would make the sum of squares infinite, and the direction no longer changes.
    const float exponent = fminf(fmaxf(0.5f * control * __half2float(log_variance[row + c]), -35.f), 35.f);
    return fmaf(expf(exponent), __half2float(noise[row + c]), __half2float(mu[row + c]));
  };
  float sum = 0.f;
  for (int c = threadIdx.x; c < channels; c += 32) sum = fmaf(z(c), z(c), sum);
  const float length = sqrtf(warp_sum(sum)) + 1e-8f;
  for (int c = threadIdx.x; c < stride; c += 32) y[row + c] = __float2half_rn(c < channels ? z(c) / length : 0.f);
}
CUDA_KERNEL(sample_gaussian)

// y = a point between a (weight 0) and b (weight 1): with on_sphere along the great circle and scaled to unit
//   length, else linear.
extern "C" __global__ void __launch_bounds__(32)
interpolate(__half* __restrict__ y, const __half* a, const __half* b, int channels, int stride, float weight,
            int on_sphere) {
  dev::begin_after_previous();
  const size_t row = size_t(blockIdx.x) * stride;
  float wa = 1.f - weight, wb = weight, length = 1.f;
  auto mix = [&](int c) { return wa * __half2float(a[row + c]) + wb * __half2float(b[row + c]); };
  if (on_sphere) {
    float dot = 0.f;
    for (int c = threadIdx.x; c < channels; c += 32) dot = fmaf(__half2float(a[row + c]), __half2float(b[row + c]), dot);
    const float angle = acosf(fminf(fmaxf(warp_sum(dot), -1.f), 1.f)), sine = sinf(angle);
    // Nearly parallel or opposite vectors have no well-defined great circle: linear, then scaled to unit
    // length.
    if (sine >= 1e-4f) {
      wa = sinf((1.f - weight) * angle) / sine;
      wb = sinf(weight * angle) / sine;
    }
    float sum = 0.f;
    for (int c = threadIdx.x; c < channels; c += 32) sum = fmaf(mix(c), mix(c), sum);
    length = sqrtf(warp_sum(sum)) + 1e-8f;
  }
  for (int c = threadIdx.x; c < stride; c += 32) y[row + c] = __float2half_rn(c < channels ? mix(c) / length : 0.f);
}
CUDA_KERNEL(interpolate)
