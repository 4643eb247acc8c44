// The C interface of the emulator for the Rust crate and the stand-in driver.
#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

// Device memory: 256-byte aligned, with red zones, filled with 0xFF (NaN), marked uninitialised. Null if the
// arena is full.
void* emulator_malloc(size_t bytes);
void emulator_free(void* memory);
void emulator_upload(void* device, const void* host, size_t bytes);
void emulator_download(void* host, const void* device, size_t bytes);
// The range of all device memory so far, for a GPU that is to use it in place.
void emulator_arena(void** base, size_t* bytes);
// Copies between two allocations; uninitialised bytes stay uninitialised.
void emulator_copy(void* device_to, const void* device_from, size_t bytes);

// Order of the threads of a block and of the blocks of a grid: 0 forward, 1 reverse, 2 random. For the
// calling OS thread.
void emulator_schedule(int order, uint64_t seed);
// 0: the memory checks return at once. 1: bounds, initialisation, alignment and races. For the calling OS
// thread.
void emulator_checks(int on);
// The limit of a block's dynamic shared memory; the default is 99 KiB (every device from sm_80 on). For the
// calling OS thread.
void emulator_shared_limit(size_t bytes);

// As cuLaunchKernel, with the kernel's name. 0 on success; otherwise nonzero, with a message in `error`.
int emulator_launch(const char* kernel, const unsigned grid[3], const unsigned block[3], unsigned dynamic_shared,
                    void** arguments, char* error, size_t error_bytes);
int emulator_has_kernel(const char* kernel);
// Number of the kernel's parameters; writes the sizes of the first `count` of them.
size_t emulator_argument_sizes(const char* kernel, size_t* sizes, size_t count);

// A tensor map (128 bytes) of a (rows, columns) fp16 tensor whose rows are `pitch` bytes apart: boxes of
// `box_columns` by `box_rows`, of which every `row_step`-th row is copied, 128-byte swizzle, zeros outside.
void emulator_tensor_map(void* map, const void* base, uint64_t columns, uint64_t rows, uint64_t pitch, uint32_t box_columns,
                         uint32_t box_rows, uint32_t row_step);

// Counts since the last reset, for the calling OS thread.
typedef struct {
  uint64_t switches, barriers, collectives, matrix_products, matrix_flops, matrix_loads, async_copies, checked_accesses;
} emulator_counts;
void emulator_read_counts(emulator_counts* counts, int reset);

// Counts of the accesses of a kernel's warps (traffic.cpp). `bytes`: bytes that the lanes of a request use,
// each once; `sectors`: sectors of 32 bytes that contain them; `fewest_sectors`: sectors that the same number
// of consecutive bytes would fill.
typedef struct { uint64_t requests, bytes, sectors, fewest_sectors; } emulator_global_traffic;
// `bank_conflicts`: passes beyond the one that a request, or a half or a quarter of one, needs at least.
typedef struct {
  emulator_global_traffic read, written;
  uint64_t shared_requests, shared_passes, bank_conflicts;
} emulator_traffic;
// 1: counts from 0. 0 (the default): does not count. For the calling OS thread.
void emulator_count_traffic(int on);
// The counts since counting began.
void emulator_read_traffic(emulator_traffic* traffic);
// The place in the code (file and line) with the `rank`-th most conflicts and unnecessary sectors, and its
// counts. 0 if there is no such place.
int emulator_costly_place(size_t rank, char* place, size_t place_bytes, emulator_traffic* traffic);
// The version of the compiler of the kernels; another compiler may merge plain accesses differently.
const char* emulator_compiler(void);

#ifdef __cplusplus
}
#endif
