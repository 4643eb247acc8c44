// Spectra: energies of frequencies summed into bands. Used by both front ends after the windowed transform,
// in models with log-mel input.
#include "device.cuh"

namespace {
constexpr int ROWS = 8, THREADS = 256;
}  // namespace

// y[t][m] = ln(floor + sum_f bands[m][f] * (x[t][f]^2 + x[t][bins + f]^2))
//   x (rows, 2 * bins) with rows x_stride apart: real parts, then imaginary ones; bands (count, bins) with
//   rows bands_stride apart; y (rows, count) with rows y_stride apart, whose columns from count on get zeros.
// Requires: ROWS * bins floats of shared memory; no alignment beyond that of a half. Infinite parts count as
//   the largest half, 65504.
// Grid (rows / 8), 256 threads. The energies of eight rows are in shared memory, in f32, since the square of
//   a half does not fit into a half. A warp owns every eighth band; its lanes share the frequencies and keep
//   eight sums, so a weight that is read is used eight times. The order of a row's sum does not depend on the
//   other rows.
// Cost: 2 * rows * count * bins FLOP and 4 * rows * bins bytes; latency.
extern "C" __global__ void __launch_bounds__(THREADS)
log_bands(__half* __restrict__ y, const __half* x, const __half* __restrict__ bands, int rows, int bins, int count,
          int x_stride, int bands_stride, int y_stride, float floor) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  float* energies = reinterpret_cast<float*>(shared);  // (bins, ROWS)
  const int first = blockIdx.x * ROWS, lane = threadIdx.x & 31;
  auto part = [&](size_t at) { return fminf(fabsf(__half2float(x[at])), 65504.f); };
  for (int i = threadIdx.x; i < ROWS * bins; i += THREADS) {
    const int r = i / bins, f = i % bins;
    const size_t at = size_t(first + r) * x_stride + f;
    const float re = first + r < rows ? part(at) : 0.f, im = first + r < rows ? part(at + bins) : 0.f;
    dev::st(energies + f * ROWS + r, fmaf(re, re, im * im));
  }
  SYNC_POINT(energies_written, __syncthreads());  // the energies are written
  for (int m = threadIdx.x >> 5; m < y_stride; m += THREADS / 32) {
    float sum[ROWS] = {};
    for (int f = lane; m < count && f < bins; f += 32) {
      const float weight = __half2float(bands[size_t(m) * bands_stride + f]);
      // A quarter of a warp reads at once. Four of its lanes read their first half first, four their second:
      // different banks.
      const bool later = lane & 4;
      const float4 a = dev::ld<float4>(energies + f * ROWS + (later ? 4 : 0)), b = dev::ld<float4>(energies + f * ROWS + (later ? 0 : 4));
      const float4 low = later ? b : a, high = later ? a : b;
      const float energy[ROWS] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
      for (int r = 0; r < ROWS; ++r) sum[r] = fmaf(weight, energy[r], sum[r]);
    }
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
      for (int o = 16; o > 0; o >>= 1) sum[r] += __shfl_xor_sync(0xffffffffu, sum[r], o);
      if (lane == r && first + r < rows) y[size_t(first + r) * y_stride + m] = __float2half_rn(m < count ? logf(floor + sum[r]) : 0.f);
    }
  }
}
CUDA_KERNEL(log_bands)
