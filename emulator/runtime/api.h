// The C interface of the emulator: what the Rust crate and the stand-in driver bind to.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

// Device memory: 256-byte aligned, with red zones, filled with 0xFF (NaN), marked uninitialised. Null when the arena is full.
void* emulator_malloc(size_t bytes);
void emulator_free(void* memory);
void emulator_upload(void* device, const void* host, size_t bytes);
void emulator_download(void* host, const void* device, size_t bytes);
// Where all device memory so far lies: for a GPU that is told to use it as it is.
void emulator_arena(void** base, size_t* bytes);
// Copy between two allocations; what was uninitialised stays uninitialised.
void emulator_copy(void* device_to, const void* device_from, size_t bytes);

// Order of the threads of a block and of the blocks of a grid: 0 forward, 1 reverse, 2 random. Holds for the calling OS thread.
void emulator_schedule(int order, uint64_t seed);
// 0: the memory checks return at once. 1: bounds, initialisation, alignment and races. Holds for the calling OS thread.
void emulator_checks(int on);
// Most dynamic shared memory a block may ask for; 99 KiB (every part from sm_80 on) unless told. Holds for the calling OS thread.
void emulator_shared_limit(size_t bytes);

// As cuLaunchKernel, with the kernel's name. 0 on success; otherwise nonzero, with a message in `error`.
int emulator_launch(const char* kernel, const unsigned grid[3], const unsigned block[3], unsigned dynamic_shared,
                    void** arguments, char* error, size_t error_bytes);
int emulator_has_kernel(const char* kernel);
// Number of the kernel's parameters; writes the sizes of the first `count` of them.
size_t emulator_argument_sizes(const char* kernel, size_t* sizes, size_t count);

// A tensor map (128 bytes) of a (rows, columns) fp16 tensor whose rows are `pitch` bytes apart: boxes of `box_columns` by
// `box_rows`, taking every `row_step`-th row, 128-byte swizzle, zeros outside.
void emulator_tensor_map(void* map, const void* base, uint64_t columns, uint64_t rows, uint64_t pitch, uint32_t box_columns,
                         uint32_t box_rows, uint32_t row_step);

// Counts since the last reset, for the calling OS thread.
typedef struct {
  uint64_t switches, barriers, collectives, matrix_products, matrix_flops, matrix_loads, async_copies, checked_accesses;
} emulator_counts;
void emulator_read_counts(emulator_counts* counts, int reset);

// What the accesses of the warps of a kernel cost (traffic.cpp). `bytes`: that the lanes of a request want, each once; `sectors`:
// of 32 bytes, that these lie in; `fewest_sectors`: that as many bytes would fill, were they consecutive.
typedef struct { uint64_t requests, bytes, sectors, fewest_sectors; } emulator_global_traffic;
// `bank_conflicts`: passes beyond the one that a request, or a half or a quarter of one, needs at least.
typedef struct {
  emulator_global_traffic read, written;
  uint64_t shared_requests, shared_passes, bank_conflicts;
} emulator_traffic;
// 1: counts from 0 on. 0, as at first: does not count. Holds for the calling OS thread.
void emulator_count_traffic(int on);
// All since counting began.
void emulator_read_traffic(emulator_traffic* traffic);
// The place in the code with the most conflicts and sectors beyond the fewest possible, the next one, and so on: its file and
// line, and what it cost. 0 when there are no more.
int emulator_costly_place(size_t rank, char* place, size_t place_bytes, emulator_traffic* traffic);
// The version of the compiler that made all this; another one may merge plain accesses in another way.
const char* emulator_compiler(void);

#ifdef __cplusplus
}
#endif
