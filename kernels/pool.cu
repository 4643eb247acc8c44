// Generalised pooling: each channel is sorted over time, and the sorted values are summed with weights. Used
// at the end of DEE's branches.
#include "device.cuh"

namespace {
constexpr int SLOTS = 16;  // values of a lane: a warp sorts 512

// One step of the bitonic network over 512 values, value e in slot e % 16 of lane e / 16: partners are
// `stride` apart, and runs of `size` values are sorted downwards and upwards in turn.
template <int SIZE, int STRIDE> __device__ __forceinline__ void exchange(float (&v)[SLOTS], int lane) {
  if constexpr (STRIDE >= SLOTS) {
    const bool low = (lane & (STRIDE / SLOTS)) == 0, down = SIZE >= 512 || (lane & (SIZE / SLOTS)) == 0;
#pragma unroll
    for (int s = 0; s < SLOTS; ++s) {
      const float other = __shfl_xor_sync(0xffffffffu, v[s], STRIDE / SLOTS);
      v[s] = low == down ? fmaxf(v[s], other) : fminf(v[s], other);
    }
  } else {
#pragma unroll
    for (int s = 0; s < SLOTS; ++s) {
      if (s & STRIDE) continue;
      const bool down = SIZE >= SLOTS ? SIZE >= 512 || (lane & (SIZE / SLOTS)) == 0 : (s & SIZE) == 0;
      const float high = fmaxf(v[s], v[s + STRIDE]), low = fminf(v[s], v[s + STRIDE]);
      v[s] = down ? high : low;
      v[s + STRIDE] = down ? low : high;
    }
  }
  if constexpr (STRIDE > 1) exchange<SIZE, STRIDE / 2>(v, lane);
}
template <int SIZE> __device__ __forceinline__ void sort_down(float (&v)[SLOTS], int lane) {
  if constexpr (SIZE > 2) sort_down<SIZE / 2>(v, lane);
  exchange<SIZE, SIZE / 2>(v, lane);
}
}  // namespace

// y[clip][c] = sum_t weights[t] * (the t-th largest of x[.][c] in the clip)
//   x (rows, channels) with rows `stride` apart; weights (rows) f32; y (clips, channels) with rows `stride`
//   apart; channels to `stride` get zeros.
// Requires: at most 512 rows a clip.
// Grid (stride / 4, clips), 128 threads. A warp owns a channel: 512 values in its registers, sorted by a
//   bitonic network of 45 steps, 15 of them shuffles. Places beyond the clip's rows hold -inf, which sorts to
//   the end.
// Cost: x is read once, one value of a row at a time; bound by the latency of the sorting network.
extern "C" __global__ void __launch_bounds__(128, 8)
sorted_pool(__half* __restrict__ y, const __half* x, const float* weights, const int* __restrict__ offsets,
            int channels, int stride) {
  dev::begin_after_previous();
  const int lane = threadIdx.x & 31, c = blockIdx.x * 4 + (threadIdx.x >> 5), clip = blockIdx.y;
  if (c >= stride) return;
  const int begin = offsets[clip], rows = offsets[clip + 1] - begin;
  float v[SLOTS], sum = 0.f;
  if (c < channels) {
#pragma unroll
    for (int s = 0; s < SLOTS; ++s) {
      const int t = lane * SLOTS + s;
      v[s] = t < rows ? __half2float(x[size_t(begin + t) * stride + c]) : -INFINITY;
    }
    sort_down<512>(v, lane);
#pragma unroll
    for (int s = 0; s < SLOTS; ++s) {
      const int t = lane * SLOTS + s;
      if (t < rows) sum = fmaf(v[s], weights[begin + t], sum);
    }
#pragma unroll
    for (int o = 16; o > 0; o >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, o);
  }
  if (lane == 0) y[size_t(clip) * stride + c] = __float2half_rn(sum);
}
CUDA_KERNEL(sorted_pool)
