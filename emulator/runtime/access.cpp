// The checks of one memory access: address, alignment, initialisation, and races with earlier accesses.
#include "machine.h"
#include <link.h>

namespace emulator {
// Constants and static tables live in a loaded image; any other unknown address is a host pointer.
static bool in_image(const void* p) {
  using Segments = std::vector<std::pair<uintptr_t, uintptr_t>>;
  static const Segments* segments = [] {
    auto* all = new Segments;
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* into) {
          for (int k = 0; k < info->dlpi_phnum; ++k)
            if (info->dlpi_phdr[k].p_type == PT_LOAD) {
              uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[k].p_vaddr;
              static_cast<Segments*>(into)->push_back({begin, begin + info->dlpi_phdr[k].p_memsz});
            }
          return 0;
        },
        all);
    return all;
  }();
  for (auto& s : *segments)
    if (uintptr_t(p) >= s.first && uintptr_t(p) < s.second) return true;
  return false;
}

static void check_shared(Machine& m, const unsigned char* p, size_t bytes, bool write, uint32_t actor, uint32_t clock, const Site& site) {
  const char* verb = write ? "write" : "read";
  const size_t offset = size_t(p - m.shared);
  bool inside = offset + bytes <= m.dynamic_bytes;
  for (auto& a : m.arrays) inside |= offset >= a.offset && offset + bytes <= a.offset + a.bytes;
  if (!inside) fail("out-of-bounds %zu-byte %s of shared memory, offset %zu (dynamic size %zu), at %s", bytes, verb, offset, m.dynamic_bytes, text(site).c_str());
  Cell* cells = m.shared_shadow + offset;
  if (!write)
    for (size_t i = 0; i < bytes; ++i)
      if (cells[i].write.block != m.block)
        fail("read of uninitialised (or not yet written: missing barrier?) shared memory, offset %zu, at %s", offset + i, text(site).c_str());
  check_cells(m, cells, p, bytes, true, write, actor, clock, site);
}

static void check_global(Machine& m, const char* p, size_t bytes, bool write, uint32_t actor, uint32_t clock, const Site& site) {
  const char* verb = write ? "write" : "read";
  const bool constant = m.current->reads_constant;
  if (!m.current->waited && !constant)
    fail("%zu-byte %s of global memory at %s, before this thread has waited for the launch before this one (dev::begin_after_previous)", bytes, verb,
         text(site).c_str());
  Allocation* a = arena().find(p);
  if (!a) fail("out-of-bounds %zu-byte %s of global memory (unallocated) at %s", bytes, verb, text(site).c_str());
  const size_t offset = size_t(p - a->base);
  if (offset + bytes > a->bytes)
    fail("out-of-bounds %zu-byte %s of global memory, offset %zd of a %zu-byte buffer, at %s", bytes, verb, ptrdiff_t(offset), a->bytes, text(site).c_str());
  uint8_t* origin = a->origin.data() + offset;
  if (write) memset(origin, KERNEL, bytes);
  else
    for (size_t i = 0; i < bytes; ++i) {
      if (origin[i] == NOTHING) fail("read of uninitialised global memory, offset %zu, at %s", offset + i, text(site).c_str());
      if (origin[i] == KERNEL && constant) fail("read as a constant of what a kernel wrote, offset %zu, at %s", offset + i, text(site).c_str());
    }
  check_cells(m, a->shadow + offset, p, bytes, false, write, actor, clock, site);
}

void check_access(Machine& m, const void* pointer, size_t bytes, bool write, uint32_t actor, uint32_t clock, const Site& site, size_t align) {
  const char* verb = write ? "write" : "read";
  const char* p = static_cast<const char*>(pointer);
  m.counts.checked_accesses++;
  const bool shared = m.in_shared(p);
  if (shared || arena().has(p)) {
    if (uintptr_t(p) % align) fail("misaligned %zu-byte %s of %s memory at %s", bytes, verb, shared ? "shared" : "global", text(site).c_str());
    if (shared) check_shared(m, static_cast<const unsigned char*>(pointer), bytes, write, actor, clock, site);
    else check_global(m, p, bytes, write, actor, clock, site);
    return;
  }
  const size_t stack_offset = size_t(p - m.stacks);
  if (stack_offset < m.stack_bytes) {
    if (stack_offset / STACK_BYTES != size_t(m.current->id)) fail("%s of another thread's local memory at %s", verb, text(site).c_str());
  } else if (size_t(p - reinterpret_cast<const char*>(&indices)) >= sizeof indices && !in_image(p)) {
    fail("%s of host memory at %s", verb, text(site).c_str());
  }
}
void check_own(const void* p, size_t bytes, bool write, const Site& site, size_t align, uint32_t flags) {
  Machine& m = machine();
  if (!m.active || !m.checks) return;
  m.active = false;  // library code called here may itself be an instrumented copy
  check_access(m, p, bytes, write, uint32_t(m.current->id) | flags, m.clocks_of(m.current->id)[m.current->id], site, align);
  m.active = true;
}
void access_own(const void* p, size_t bytes, bool write, const Site& site, size_t align, uint32_t flags) {
  check_own(p, bytes, write, site, align, flags);
  Machine& m = machine();
  if (m.traffic && m.active) count_access(m, p, bytes, write, site);
}
void need_shared(Machine& m, const void* p, const char* what, const char* file, int line) {
  if (!m.in_shared(p)) fail("%s: address is not in shared memory at %s:%d", what, file_name(file), line);
}

void load(void* to, const void* p, size_t bytes, size_t align, const char* file, int line) {
  if (uintptr_t(p) % align) fail("misaligned %zu-byte read at %s:%d", bytes, file_name(file), line);
  access_own(p, bytes, false, {0, file, line}, align);
  memcpy(to, p, bytes);
}
void store(void* p, const void* from, size_t bytes, size_t align, const char* file, int line) {
  if (uintptr_t(p) % align) fail("misaligned %zu-byte write at %s:%d", bytes, file_name(file), line);
  access_own(p, bytes, true, {0, file, line}, align);
  memcpy(p, from, bytes);
}
uint64_t atomic(void* p, int bytes, uint64_t (*combine)(uint64_t, uint64_t), uint64_t v) {
  access_own(p, bytes, true, {code_offset(__builtin_return_address(0)), nullptr, 0}, bytes, ATOMIC);
  uint64_t old = 0;
  memcpy(&old, p, bytes);
  const uint64_t now = combine(old, v);
  memcpy(p, &now, bytes);
  return old;
}

unsigned char* dynamic_shared() { return machine().shared; }
void* shared_array(size_t bytes, const char* file, int line) {
  Machine& m = machine();
  for (auto& a : m.arrays)
    if (a.file == file && a.line == line && a.bytes == bytes) return m.shared + a.offset;
  const size_t offset = (m.shared_used + 15 + 64) & ~size_t(15);
  if (offset + bytes > SHARED_CAPACITY) fail("static shared memory does not fit at %s:%d", file_name(file), line);
  m.arrays.push_back({file, line, offset, bytes});
  m.shared_used = offset + bytes;
  memset(m.shared + offset, 0xff, bytes);
  return m.shared + offset;
}
}  // namespace emulator
