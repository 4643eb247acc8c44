// Faces: blend shapes, and linear blend skinning with one joint that turns. f32 throughout: a half would round a vertex to a tenth of a
// millimetre.
#include "device.cuh"

namespace {
constexpr int FRAMES = 8, THREADS = 128, COORDINATES = 3 * THREADS;
}  // namespace

// y[t][v] = weights[v][0] * p + weights[v][1] * (R (p - q) + q)
//   p = template[v] + sum_c e[c] shapes[c][v] + sum_k (R - I)[k] correctives[k][v],  q = pivots[0] + sum_c e[c] pivots[1 + c]
//   x (frames, channels + 3): e, then the joint's rotation, axis times angle; template (vertices, 3); shapes (channels, vertices, 3);
//   correctives (9, vertices, 3) or null; pivots (channels + 1, 3); weights (vertices, 2); y (frames, vertices, 3).
// Requires: FRAMES * (channels + 9 + 12 + 3 * THREADS) floats of shared memory; nothing of alignment.
// Grid (vertices / 128, frames / 8), 128 threads. A thread owns three of its block's 384 coordinates, 128 apart, and eight frames of
//   them: neighbours read and write neighbours, and a displacement that is read is used eight times. Coefficients, rotations and
//   shifts of the frames are in shared memory, through which a vertex' coordinates meet before they turn.
// Cost: 6 * frames * vertices * channels FLOP; bound by reading the shapes, 12 * vertices * channels bytes for eight frames.
extern "C" __global__ void __launch_bounds__(THREADS)
skin(float* __restrict__ y, const float* x, const float* __restrict__ rest, const float* __restrict__ shapes,
     const float* __restrict__ correctives, const float* __restrict__ pivots, const float* __restrict__ weights, int frames, int vertices,
     int channels) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  float* e = reinterpret_cast<float*>(shared);  // (channels + 9, FRAMES)
  float* turn = e + (channels + 9) * FRAMES;    // (FRAMES, 12): a rotation, row-major, and a shift
  float* place = turn + FRAMES * 12;            // (FRAMES, COORDINATES)
  const int first = blockIdx.y * FRAMES, width = channels + 3;
  for (int i = threadIdx.x; i < channels * FRAMES; i += THREADS) {
    const int c = i / FRAMES, f = i % FRAMES;
    e[i] = first + f < frames ? x[size_t(first + f) * width + c] : 0.f;
  }
  if (threadIdx.x < FRAMES) {
    const int f = threadIdx.x;
    float r[3] = {0.f, 0.f, 0.f}, q[3];
    const float* row = x + size_t(first + f) * width;
    for (int k = 0; k < 3; ++k) {
      if (first + f < frames) r[k] = row[channels + k];
      q[k] = pivots[k];
    }
    for (int c = 0; c < channels && first + f < frames; ++c) {
      const float coefficient = row[c];
      for (int k = 0; k < 3; ++k) q[k] = fmaf(coefficient, pivots[(c + 1) * 3 + k], q[k]);
    }
    // Rodrigues' formula with the guard of smplx: the angle is the norm of the vector + 1e-8.
    float square = 0.f;
    for (int k = 0; k < 3; ++k) square += (r[k] + 1e-8f) * (r[k] + 1e-8f);
    const float angle = sqrtf(square), inverse = angle > 0.f ? 1.f / angle : 0.f;
    const float s = sinf(angle), d = 1.f - cosf(angle), ux = r[0] * inverse, uy = r[1] * inverse, uz = r[2] * inverse;
    const float cross[9] = {0.f, -uz, uy, uz, 0.f, -ux, -uy, ux, 0.f};
    float* mine = turn + f * 12;
    for (int i = 0; i < 3; ++i) {
      float shift = q[i];
      for (int j = 0; j < 3; ++j) {
        float squared = 0.f;
        for (int k = 0; k < 3; ++k) squared = fmaf(cross[i * 3 + k], cross[k * 3 + j], squared);
        const float less = fmaf(s, cross[i * 3 + j], d * squared), entry = less + (i == j ? 1.f : 0.f);
        e[(channels + i * 3 + j) * FRAMES + f] = less;
        mine[i * 3 + j] = entry;
        shift = fmaf(-entry, q[j], shift);
      }
      mine[9 + i] = shift;
    }
  }
  SYNC_POINT(coefficients_written, __syncthreads());  // coefficients and rotations are there for all
  const size_t begin = size_t(blockIdx.x) * COORDINATES, all = size_t(vertices) * 3;
  const int count = int(min(all - begin, size_t(COORDINATES)));
  float p[3][FRAMES];
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const int at = i * THREADS + threadIdx.x;
    const float from = at < count ? rest[begin + at] : 0.f;
#pragma unroll
    for (int f = 0; f < FRAMES; ++f) p[i][f] = from;
  }
  const int terms = channels + (correctives ? 9 : 0);
  for (int c = 0; c < terms; ++c) {
    const float* from = (c < channels ? shapes + c * all : correctives + (c - channels) * all) + begin;
    const float4 low = dev::ld<float4>(e + c * FRAMES), high = dev::ld<float4>(e + c * FRAMES + 4);
    const float by[FRAMES] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const int at = i * THREADS + threadIdx.x;
      const float v = at < count ? from[at] : 0.f;
#pragma unroll
      for (int f = 0; f < FRAMES; ++f) p[i][f] = fmaf(by[f], v, p[i][f]);
    }
  }
#pragma unroll
  for (int i = 0; i < 3; ++i)
#pragma unroll
    for (int f = 0; f < FRAMES; ++f) place[f * COORDINATES + i * THREADS + threadIdx.x] = p[i][f];
  SYNC_POINT(coordinates_written, __syncthreads());  // all coordinates are there for all
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const int at = i * THREADS + threadIdx.x, k = at % 3, vertex = at - k;
    if (at >= count) break;
    const size_t v = (begin + at) / 3;
    const float rests = weights[v * 2], turns = weights[v * 2 + 1];
#pragma unroll
    for (int f = 0; f < FRAMES; ++f) {
      if (first + f >= frames) break;
      const float *mine = turn + f * 12, *around = place + f * COORDINATES + vertex;
      const float moved = fmaf(mine[k * 3], around[0], fmaf(mine[k * 3 + 1], around[1], fmaf(mine[k * 3 + 2], around[2], mine[9 + k])));
      y[(first + f) * all + begin + at] = fmaf(rests, p[i][f], turns * moved);
    }
  }
}
CUDA_KERNEL(skin)
