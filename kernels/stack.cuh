// The sizes, weights and division of columns of `transformer_stack.cu`: a stack of transformer layers as a
// block computes it.
#pragma once
#include "device.cuh"

namespace stacks {
constexpr int WARPS = 8, THREADS = WARPS * 32;

// The weights of a layer, in the order of the launcher's table of addresses; a bias may be null.
struct Layer {
  const __half *qkv, *qkv_bias, *out, *out_bias, *norm1, *norm1_bias, *up, *up_bias, *down, *down_bias, *norm2, *norm2_bias;
};
enum Product { Q, K, V, OUT, UP, DOWN };
struct Sizes { int layers, width, feed_forward, heads, window, activation; float slope, scale, eps; };

// Bytes from row to row of `width` halves: an odd number of 16-byte pieces, so that ldmatrix meets every bank
// once.
__device__ __forceinline__ int pitch_of(int width) { return width * 2 + 16; }

// The columns of a product that a warp owns. A product with more columns than a row has channels is cut into
// passes.
struct Columns {
  int width, feed_forward, most;  // most: tiles of eight columns a warp
  __device__ __forceinline__ int count(int product) const { return product == UP ? feed_forward : width; }
  __device__ __forceinline__ int depth(int product) const { return product == DOWN ? feed_forward : width; }
  __device__ __forceinline__ int passes(int product) const { return (count(product) + WARPS * 8 * most - 1) / (WARPS * 8 * most); }
  __device__ __forceinline__ int tiles(int product) const {
    const int all = WARPS * 8 * passes(product);
    return (count(product) + all - 1) / all;
  }
  // The first tile of this warp, and the number of its tiles.
  __device__ __forceinline__ int2 own(int product, int pass) const {
    const int n = tiles(product), first = (pass * WARPS + int(threadIdx.x >> 5)) * n;
    return make_int2(first, min(max(count(product) / 8 - first, 0), n));
  }
};
}  // namespace stacks
