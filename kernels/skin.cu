// Faces: blend shapes, and linear blend skinning with the few joints that turn. All values are f32: fp16
// would round a vertex to a tenth of a millimetre.
#include "device.cuh"

namespace {
constexpr int FRAMES = 8, THREADS = 128, COORDINATES = 3 * THREADS;
constexpr int MOVEMENT = 12;  // floats of a joint's movement: a matrix, row-major, and a shift
}  // namespace

// y[t][v] = weights[0][v] p + sum_j weights[1 + j][v] G[j] p
//   p      = template[v] + sum_c e[c] shapes[c][v] + sum_i d[i] correctives[i][v],  d = the entries
//            of R[j] - I of the last `corrected` joints
//   q[j]   = pivots[0][j] + sum_c e[c] pivots[1 + c][j]
//   G[j] x = G[parent of j] (R[j] (x - q[j]) + q[j]),  G of no parent = I
//   x (frames, channels + 3 * joints): e, then each joint's rotation, axis times angle; template (vertices,
//   3); shapes (channels, vertices, 3); correctives (9 * corrected, vertices, 3) or null; pivots (channels +
//   1, joints, 3); weights (joints + 1, vertices); y (frames, vertices, 3). `parents` has four bits for each
//   joint, the first lowest: the number of an earlier joint plus one, or 0 for no parent.
// Requires: 1 to 8 joints; FRAMES * (channels + 9 * corrected + 12 * joints + 3 * THREADS) floats of shared
//   memory; no alignment.
// Grid (vertices / 128, frames / 8), 128 threads. A thread owns three of its block's 384 coordinates, 128
//   apart, and eight frames of them: neighbours read and write neighbours, and a displacement that is read is
//   used eight times. Coefficients and movements of the joints are in shared memory, through which
//   the threads exchange the coordinates of a vertex before they are turned. The movements are computed in
//   every block, by a thread for each joint and frame: for 53 parameters and 5 joints that is 3 % of the
//   arithmetic of a block, and needs no launch before this one.
// Cost: 6 * frames * vertices * (channels + 9 * corrected + 4 * joints) FLOP; bound by reading the
//   shapes, 12 * vertices * (channels + 9 * corrected) bytes for eight frames. A joint without a share in a
//   vertex costs one comparison there.
extern "C" __global__ void __launch_bounds__(THREADS)
skin(float* __restrict__ y, const float* x, const float* __restrict__ rest, const float* __restrict__ shapes,
     const float* __restrict__ correctives, const float* __restrict__ pivots, const float* __restrict__ weights, int frames, int vertices,
     int channels, int joints, int corrected, int parents) {
  dev::begin_after_previous();
  DYNAMIC_SHARED(shared);
  const int terms = channels + 9 * corrected;
  float* e = reinterpret_cast<float*>(shared);       // (terms, FRAMES)
  float* movement = e + terms * FRAMES;              // (FRAMES, joints, MOVEMENT)
  float* place = movement + FRAMES * joints * MOVEMENT;  // (FRAMES, COORDINATES)
  const int first = blockIdx.y * FRAMES, width = channels + 3 * joints;
  for (int i = threadIdx.x; i < channels * FRAMES; i += THREADS) {
    const int c = i / FRAMES, f = i % FRAMES;
    e[i] = first + f < frames ? x[size_t(first + f) * width + c] : 0.f;
  }
  if (int(threadIdx.x) < FRAMES * joints) {
    const int f = threadIdx.x % FRAMES, joint = threadIdx.x / FRAMES;
    float r[3] = {0.f, 0.f, 0.f}, q[3];
    const float* row = x + size_t(first + f) * width;
    for (int k = 0; k < 3; ++k) {
      if (first + f < frames) r[k] = row[channels + joint * 3 + k];
      q[k] = pivots[joint * 3 + k];
    }
    for (int c = 0; c < channels && first + f < frames; ++c) {
      const float coefficient = row[c];
      for (int k = 0; k < 3; ++k) q[k] = fmaf(coefficient, pivots[((c + 1) * joints + joint) * 3 + k], q[k]);
    }
    // Rodrigues' formula with the guard of smplx: the angle is the norm of the vector + 1e-8.
    float square = 0.f;
    for (int k = 0; k < 3; ++k) square += (r[k] + 1e-8f) * (r[k] + 1e-8f);
    const float angle = sqrtf(square), inverse = angle > 0.f ? 1.f / angle : 0.f;
    const float s = sinf(angle), d = 1.f - cosf(angle), ux = r[0] * inverse, uy = r[1] * inverse, uz = r[2] * inverse;
    const float cross[9] = {0.f, -uz, uy, uz, 0.f, -ux, -uy, ux, 0.f};
    float* mine = movement + (f * joints + joint) * MOVEMENT;
    const int corrective = joint - (joints - corrected);  // negative: no correctives
    for (int i = 0; i < 3; ++i) {
      float shift = q[i];
      for (int j = 0; j < 3; ++j) {
        float squared = 0.f;
        for (int k = 0; k < 3; ++k) squared = fmaf(cross[i * 3 + k], cross[k * 3 + j], squared);
        const float less = fmaf(s, cross[i * 3 + j], d * squared), entry = less + (i == j ? 1.f : 0.f);
        if (corrective >= 0) e[(channels + corrective * 9 + i * 3 + j) * FRAMES + f] = less;
        mine[i * 3 + j] = entry;
        shift = fmaf(-entry, q[j], shift);
      }
      mine[9 + i] = shift;
    }
  }
  SYNC_POINT(movements_written, __syncthreads());  // all movements about the pivots are written
  if (threadIdx.x < FRAMES) {
    float* all = movement + threadIdx.x * joints * MOVEMENT;
    for (int joint = 1; joint < joints; ++joint) {
      const int parent = (parents >> (4 * joint) & 15) - 1;
      if (parent < 0) continue;
      const float* outer = all + parent * MOVEMENT;
      float inner[MOVEMENT];
      for (int i = 0; i < MOVEMENT; ++i) inner[i] = all[joint * MOVEMENT + i];
      for (int i = 0; i < 3; ++i) {
        float* mine = all + joint * MOVEMENT;
        const float a = outer[i * 3], b = outer[i * 3 + 1], c = outer[i * 3 + 2];
        for (int j = 0; j < 3; ++j) mine[i * 3 + j] = fmaf(a, inner[j], fmaf(b, inner[3 + j], c * inner[6 + j]));
        mine[9 + i] = fmaf(a, inner[9], fmaf(b, inner[10], fmaf(c, inner[11], outer[9 + i])));
      }
    }
  }
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
  SYNC_POINT(coordinates_written, __syncthreads());  // all coordinates and movements are written
#pragma unroll
  for (int i = 0; i < 3; ++i) {
    const int at = i * THREADS + threadIdx.x, k = at % 3, vertex = at - k;
    if (at >= count) break;
    const float* share = weights + (begin + at) / 3;
    float sum[FRAMES] = {};
    for (int joint = 0; joint < joints; ++joint) {
      const float turns = share[size_t(joint + 1) * vertices];
      if (turns == 0.f) continue;
#pragma unroll
      for (int f = 0; f < FRAMES; ++f) {
        const float *mine = movement + (f * joints + joint) * MOVEMENT, *around = place + f * COORDINATES + vertex;
        const float moved = fmaf(mine[k * 3], around[0], fmaf(mine[k * 3 + 1], around[1], fmaf(mine[k * 3 + 2], around[2], mine[9 + k])));
        sum[f] = fmaf(turns, moved, sum[f]);
      }
    }
#pragma unroll
    for (int f = 0; f < FRAMES; ++f)
      if (first + f < frames) y[(first + f) * all + begin + at] = fmaf(share[0], p[i][f], sum[f]);
  }
}
CUDA_KERNEL(skin)
