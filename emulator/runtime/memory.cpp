// Device memory: one arena with red zones, and a shadow of every byte.
#include "machine.h"
#include <sys/mman.h>

namespace emulator {
void* map_zeros(size_t bytes) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}
Arena::Arena() {
  base = static_cast<char*>(map_zeros(ARENA_BYTES));
  page = static_cast<Allocation**>(map_zeros(ARENA_BYTES / PAGE * sizeof(Allocation*)));
}
Arena& arena() {
  static Arena* a = new Arena;
  return *a;
}
// An access just after the end still finds the allocation, so that the report can name it.
static void mark(Arena& a, const Allocation* x, Allocation* value) {
  for (size_t i = 0; i <= (x->bytes + RED_ZONE / 2 - 1) / PAGE; ++i) a.page[(x->base - a.base) / PAGE + i] = value;
}
}  // namespace emulator

using namespace emulator;
extern "C" {
void* emulator_malloc(size_t bytes) {
  Arena& a = arena();
  std::lock_guard<std::mutex> guard(a.lock);
  if (bytes > ARENA_BYTES) return nullptr;
  const size_t span = (bytes + RED_ZONE + PAGE - 1) / PAGE * PAGE;
  char* p;
  auto found = a.free_spans.find(span);
  if (found != a.free_spans.end()) {
    p = found->second;
    a.free_spans.erase(found);
  } else {
    if (a.top + span > ARENA_BYTES) return nullptr;
    p = a.base + a.top + RED_ZONE / 2;
    a.top += span;
  }
  memset(p, 0xff, bytes);
  auto* x = new Allocation{p, bytes, span, std::vector<uint8_t>(bytes, 0), static_cast<Cell*>(map_zeros((bytes + 1) * sizeof(Cell)))};
  mark(a, x, x);
  return p;
}
void emulator_free(void* memory) {
  if (!memory) return;
  Arena& a = arena();
  std::lock_guard<std::mutex> guard(a.lock);
  Allocation* x = a.find(memory);
  mark(a, x, nullptr);
  munmap(x->shadow, (x->bytes + 1) * sizeof(Cell));
  a.free_spans.emplace(x->span, x->base);
  delete x;
}
void emulator_upload(void* device, const void* host, size_t bytes) {
  memcpy(device, host, bytes);
  Allocation* x = arena().find(device);
  std::fill_n(x->origin.begin() + (static_cast<char*>(device) - x->base), bytes, HOST);
}
void emulator_arena(void** base, size_t* bytes) {
  Arena& a = arena();
  std::lock_guard<std::mutex> guard(a.lock);
  *base = a.base;
  *bytes = a.top;
}
void emulator_download(void* host, const void* device, size_t bytes) { memcpy(host, device, bytes); }
void emulator_copy(void* device_to, const void* device_from, size_t bytes) {
  memmove(device_to, device_from, bytes);
  Allocation *to = arena().find(device_to), *from = arena().find(device_from);
  std::copy_n(from->origin.begin() + (static_cast<const char*>(device_from) - from->base), bytes,
              to->origin.begin() + (static_cast<char*>(device_to) - to->base));
}
}
