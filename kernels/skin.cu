// Faces: blend shapes, and linear blend skinning with one joint that turns. f32 throughout: a half would round a vertex to a tenth of a
// millimetre.
#include "device.cuh"

namespace {
constexpr int FRAMES = 8, THREADS = 128;
}  // namespace

// y[t][v] = weights[v][0] * p + weights[v][1] * (R (p - q) + q)
//   p = template[v] + sum_c e[c] shapes[c][v] + sum_k (R - I)[k] correctives[k][v],  q = pivots[0] + sum_c e[c] pivots[1 + c]
//   x (frames, channels + 3): e, then the joint's rotation, axis times angle; template (vertices, 3); shapes (channels, vertices, 3);
//   correctives (9, vertices, 3) or null; pivots (channels + 1, 3); weights (vertices, 2); y (frames, vertices, 3).
// Requires: FRAMES * (channels + 9 + 12) floats of shared memory; nothing of alignment.
// Grid (vertices / 128, frames / 8), 128 threads. A thread owns a vertex and eight frames of it: a displacement that is read is
//   used eight times, and neighbours read neighbours. Coefficients, rotations and shifts of the frames are in shared memory.
// Cost: 6 * frames * vertices * channels FLOP; bound by reading the shapes, 12 * vertices * channels bytes for eight frames.
extern "C" __global__ void __launch_bounds__(THREADS)
skin(float* __restrict__ y, const float* x, const float* __restrict__ rest, const float* __restrict__ shapes,
     const float* __restrict__ correctives, const float* __restrict__ pivots, const float* __restrict__ weights, int frames, int vertices,
     int channels) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  float* e = reinterpret_cast<float*>(shared);  // (channels + 9, FRAMES)
  float* turn = e + (channels + 9) * FRAMES;    // (FRAMES, 12): a rotation, row-major, and a shift
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
    for (int c = 0; c < channels && first + f < frames; ++c)
      for (int k = 0; k < 3; ++k) q[k] = fmaf(row[c], pivots[(c + 1) * 3 + k], q[k]);
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
  __syncthreads();  // coefficients and rotations are there for all
  const int v = blockIdx.x * THREADS + threadIdx.x;
  if (v >= vertices) return;
  float p[FRAMES][3];
#pragma unroll
  for (int f = 0; f < FRAMES; ++f)
#pragma unroll
    for (int k = 0; k < 3; ++k) p[f][k] = rest[size_t(v) * 3 + k];
  const int terms = channels + (correctives ? 9 : 0);
  for (int c = 0; c < terms; ++c) {
    const float* from = c < channels ? shapes + (size_t(c) * vertices + v) * 3 : correctives + (size_t(c - channels) * vertices + v) * 3;
    const float by[3] = {from[0], from[1], from[2]};
#pragma unroll
    for (int f = 0; f < FRAMES; ++f)
#pragma unroll
      for (int k = 0; k < 3; ++k) p[f][k] = fmaf(e[c * FRAMES + f], by[k], p[f][k]);
  }
  const float rests = weights[size_t(v) * 2], turns = weights[size_t(v) * 2 + 1];
#pragma unroll
  for (int f = 0; f < FRAMES; ++f) {
    if (first + f >= frames) break;
    const float* mine = turn + f * 12;
    float* to = y + (size_t(first + f) * vertices + v) * 3;
#pragma unroll
    for (int k = 0; k < 3; ++k) {
      const float moved = fmaf(mine[k * 3], p[f][0], fmaf(mine[k * 3 + 1], p[f][1], fmaf(mine[k * 3 + 2], p[f][2], mine[9 + k])));
      to[k] = fmaf(rests, p[f][k], turns * moved);
    }
  }
}
CUDA_KERNEL(skin)
