// Spectra: the energies of frequencies gathered into bands. Used behind the windowed transform of both front ends, where a model has one.
#include "device.cuh"

namespace {
constexpr int ROWS = 8, THREADS = 256;
}  // namespace

// y[t][m] = ln(floor + sum_f bands[m][f] * (x[t][f]^2 + x[t][bins + f]^2))
//   x (rows, 2 * bins) with rows x_stride apart: real parts, then imaginary ones; bands (count, bins) with rows bands_stride apart;
//   y (rows, count) with rows y_stride apart, whose columns from count on get zeros.
// Requires: ROWS * bins floats of shared memory; bands 2-byte aligned as all halves are. Parts beyond fp16 count as its largest number.
// Grid (rows / 8), 256 threads. The energies of eight rows are in shared memory, in f32: the square of a half does not fit into one. A
//   warp owns every eighth band; its lanes go over the frequencies and keep eight sums, so that a weight that is read is used
//   eight times. Each row is summed in one order, whatever its neighbours.
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
  SYNC_POINT(energies_written, __syncthreads());  // the energies are there for all
  for (int m = threadIdx.x >> 5; m < y_stride; m += THREADS / 32) {
    float sum[ROWS] = {};
    for (int f = lane; m < count && f < bins; f += 32) {
      const float weight = __half2float(bands[size_t(m) * bands_stride + f]);
      // A quarter of a warp reads at once: four lanes their first halves and four their second ones, which lie in other banks.
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
