// The functions that -fsanitize=thread and -fsanitize=undefined call. Kernels are compiled with both and
// linked with neither library, so every access and every check of the compiler calls these functions. Errors
// are returned as text.
#include "machine.h"

using namespace emulator;
static inline bool watched() { return this_machine && this_machine->active && (this_machine->checks || this_machine->traffic); }

extern "C" {
#define HOOK(name, bytes, write, align)                                                             \
  void name(void* p) {                                                                              \
    if (watched()) access_own(p, bytes, write, {code_offset(__builtin_return_address(0)), nullptr, 0}, align); \
  }
#define HOOKS(n)                          \
  HOOK(__tsan_read##n, n, false, n)       \
  HOOK(__tsan_write##n, n, true, n)       \
  HOOK(__tsan_volatile_read##n, n, false, n) \
  HOOK(__tsan_volatile_write##n, n, true, n)
#define UNALIGNED_HOOKS(n)                    \
  HOOK(__tsan_unaligned_read##n, n, false, 1) \
  HOOK(__tsan_unaligned_write##n, n, true, 1)
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
UNALIGNED_HOOKS(2) UNALIGNED_HOOKS(4) UNALIGNED_HOOKS(8) UNALIGNED_HOOKS(16)

static void range(const void* p, size_t n, bool write, void* return_address) {
  if (watched()) access_own(p, n, write, {code_offset(return_address), nullptr, 0}, 1);
}
void __tsan_read_range(void* p, size_t n) { range(p, n, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t n) { range(p, n, true, __builtin_return_address(0)); }
void* __tsan_memcpy(void* to, const void* from, size_t n) {
  range(from, n, false, __builtin_return_address(0));
  range(to, n, true, __builtin_return_address(0));
  return memcpy(to, from, n);
}
void* __tsan_memset(void* to, int value, size_t n) {
  range(to, n, true, __builtin_return_address(0));
  return memset(to, value, n);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}

// The first argument of every handler starts with the place in the source.
struct Place { const char* file; uint32_t line, column; };
#define UNDEFINED(name, what)                                                                  \
  void __ubsan_handle_##name(Place* place, ...) {                                              \
    if (this_machine && this_machine->active) fail("%s at %s:%u", what, file_name(place->file), place->line); \
  }
UNDEFINED(type_mismatch_v1, "misaligned access")
UNDEFINED(out_of_bounds, "array index out of bounds")
UNDEFINED(shift_out_of_bounds, "shift out of range")
UNDEFINED(divrem_overflow, "division by zero or overflow")
UNDEFINED(add_overflow, "signed overflow")
UNDEFINED(sub_overflow, "signed overflow")
UNDEFINED(mul_overflow, "signed overflow")
UNDEFINED(negate_overflow, "signed overflow")
}
