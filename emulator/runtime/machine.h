// The state that all parts of the emulator share. One OS thread owns one machine, which runs one block at a
// time.
#pragma once
#undef _FORTIFY_SOURCE
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>
#include "api.h"
#include "cuda_on_host.h"
#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

namespace emulator {

// ---- fibers (fibers.cpp) ----
struct Context {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  void* ucontext = nullptr;
#endif
};
void switch_context(Context& from, Context& to);
void start_context(Context& context, char* stack, size_t bytes, void (*entry)());
constexpr size_t STACK_BYTES = 64 << 10;

// ---- device memory (memory.cpp) ----
// One recorded access to one byte. `actor` is a thread or one of its asynchronous engines; its top bit marks
// an atomic.
struct Access { uint32_t block = 0, clock = 0, actor = 0, site = 0; };
constexpr uint32_t ATOMIC = 1u << 31;
struct Cell { Access write, read[2]; };
// The content of a byte of device memory: none yet, a copy of the host, or a value that a kernel wrote.
enum Origin : uint8_t { NOTHING, HOST, KERNEL };
struct Allocation {
  char* base;
  size_t bytes, span;
  std::vector<uint8_t> origin;
  Cell* shadow;
};
constexpr size_t ARENA_BYTES = size_t(8) << 30, PAGE = 256, RED_ZONE = 1024;
struct Arena {
  char* base;
  Allocation** page;
  std::multimap<size_t, char*> free_spans;
  size_t top = PAGE;
  std::mutex lock;
  Arena();
  bool has(const void* p) const { return size_t(static_cast<const char*>(p) - base) < ARENA_BYTES; }
  Allocation* find(const void* p) const { return page[size_t(static_cast<const char*>(p) - base) / PAGE]; }
};
Arena& arena();
void* map_zeros(size_t bytes);

// ---- the threads of one block and their waits ----
enum State { READY, AT_BARRIER, IN_COLLECTIVE, AT_MBARRIER, DONE };
struct AsyncCopy { void* to; const void* from; bool read, done; int group; };
struct Thread {
  Context context;
  char* stack;
  uint3 index;
  int id, lane, warp;
  uint32_t meetings;  // number of barriers and collectives that the thread has reached
  State state;
  const char *waits_for, *file;
  int line;
  const void* mbarrier;
  std::deque<AsyncCopy> copies;
  int committed;
  bool waited;          // true if it has waited for the previous launch
  bool reads_constant;  // now: memory that no kernel writes, which needs no wait
};
struct PendingCollective { Collective kind; unsigned mask, arrived; const char* file; int line; void* argument[32]; };
struct Barrier { std::vector<int> arrived; const char* file; int line, count; };
struct Mbarrier { uint32_t count, pending; int64_t bytes; uint32_t phase; std::vector<uint32_t> clocks; };
struct TensorMap { const char* base; uint64_t columns, rows, pitch; uint32_t box_columns, box_rows, row_step; };
struct BulkCopy { TensorMap map; const void* from; unsigned char* to; uint64_t* mbarrier; int x, y; uint32_t bytes, actor, clock; };
struct PendingWgmma { float* d[32]; int n; uint64_t a, b; int group; };
struct SharedArray { const char* file; int line; size_t offset, bytes; };

// The actors of a block of n threads: n threads, then the cp.async, bulk-copy and wgmma engines of each.
enum Engine { ENGINE_THREAD, ENGINE_CP_ASYNC, ENGINE_BULK, ENGINE_WGMMA, ENGINES };
constexpr size_t SHARED_CAPACITY = 256 << 10;

struct Traffic;
struct Machine {
  // `active`: a kernel's own code is running, so the compiler's hooks must check its accesses.
  bool active = false, checks = true;
  int order = 0;
  uint64_t random_state = 1;
  size_t shared_limit = 99 << 10, dynamic_bytes = 0, shared_used = 0;
  char* stacks = nullptr;
  size_t stack_bytes = 0;
  unsigned char* shared = nullptr;
  Cell* shared_shadow = nullptr;
  std::vector<SharedArray> arrays;
  std::deque<Thread> threads;
  int n = 0, live = 0;
  std::deque<int> ready;
  std::vector<PendingCollective> collectives[32];
  Barrier barriers[16];
  std::map<uint64_t*, Mbarrier> mbarriers;
  std::deque<BulkCopy> bulk_copies;
  std::deque<PendingWgmma> wgmmas[32];
  int wgmma_committed[32];
  Thread* current = nullptr;
  Context scheduler;
  void (*call)(void**) = nullptr;
  void** arguments = nullptr;
  uint32_t block = 0, first_block_of_launch = 0;
  std::vector<uint32_t> clocks;  // a row of 4n clocks for each thread: the last known clock of every actor
  bool engine_used[ENGINES];
  std::vector<uint32_t> bulk_clock;
  std::string error;
  emulator_counts counts = {};
  Traffic* traffic = nullptr;  // the counts of accesses, or null
  bool bursty = false;  // this block, random order: warps have priorities instead of equal chances
  uint32_t priority[32];
  int bulk_lag = 8;     // this block, random order: delay of bulk copies

  uint64_t random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
  }
  bool chance(int one_in) { return order == 2 && random() % one_in == 0; }
  uint32_t* clocks_of(int thread) { return &clocks[size_t(thread) * ENGINES * n]; }
  bool in_shared(const void* p) const { return size_t(static_cast<const unsigned char*>(p) - shared) < SHARED_CAPACITY; }
};
extern thread_local Machine* this_machine;
Machine& machine();

// ---- scheduler.cpp ----
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
void block_on(Machine& m, State state, const char* what, const char* file, int line);
void maybe_yield(Machine& m);  // a preemption point, in random order only
void wake(Machine& m, int thread);
const char* file_name(const char* path);

// ---- happens_before.cpp ----
struct Site { uint32_t offset; const char* file; int line; };
template <class It> void join_all(Machine& m, It first, It last);
void join_into(uint32_t* to, const uint32_t* from, size_t n);
void check_cells(Machine& m, Cell* cells, const void* p, size_t bytes, bool shared, bool write, uint32_t actor, uint32_t clock, const Site& site);
uint32_t code_offset(const void* return_address);
std::string text(const Site& site);

// ---- access.cpp ----
void check_access(Machine& m, const void* p, size_t bytes, bool write, uint32_t actor, uint32_t clock, const Site& site, size_t align);
void check_own(const void* p, size_t bytes, bool write, const Site& site, size_t align, uint32_t flags = 0);
// An access of the running thread: checked and counted, if these are switched on.
void access_own(const void* p, size_t bytes, bool write, const Site& site, size_t align, uint32_t flags = 0);
void need_shared(Machine& m, const void* p, const char* what, const char* file, int line);

// ---- traffic.cpp ----
void count_access(Machine& m, const void* p, size_t bytes, bool write, const Site& site);
void count_bulk_read(Machine& m, const void* p, size_t bytes, const Site& site);
void begin_block_of_traffic(Machine& m);
void end_block_of_traffic(Machine& m);

// ---- collectives.cpp ----
// Gathers `argument` of every lane of `mask`; the last lane to arrive runs `finish` for all lanes.
void collective(Collective kind, unsigned mask, void* argument, const char* what, const char* file, int line,
                void (*finish)(Machine&, PendingCollective&, int first_thread));
const float* half_values();

// ---- async_copies.cpp, hopper.cpp ----
void drain_copies(Machine& m, Thread* thread, int up_to_group);
void perform_bulk_copy(Machine& m, size_t index);
}  // namespace emulator
