// Launches, blocks and the order in which the threads of a block run. A thread runs until it must wait.
#include "machine.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

namespace emulator {
thread_local Indices indices;
thread_local Machine* this_machine = nullptr;
Machine& machine() {
  if (!this_machine) this_machine = new Machine;
  return *this_machine;
}
static std::map<std::string, Kernel>& kernels() {
  static auto* all = new std::map<std::string, Kernel>;
  return *all;
}
void register_kernel(const char* name, Kernel kernel) { kernels()[name] = kernel; }
const char* file_name(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static std::atomic<uint32_t> blocks_started{1};
static constexpr uint64_t CANARY = 0x5ca1ab1e0ddba11ull;
static void to_scheduler(Machine& m) { switch_context(m.current->context, m.scheduler); }

void fail(const char* format, ...) {
  Machine& m = machine();
  char message[2048];
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  if (m.error.empty()) {
    m.error = message;
    snprintf(message, sizeof message, " [block (%u,%u,%u) thread (%u,%u,%u)]", indices.blockIdx.x, indices.blockIdx.y,
             indices.blockIdx.z, m.current->index.x, m.current->index.y, m.current->index.z);
    m.error += message;
  }
  m.active = false;
  to_scheduler(m);
  abort();  // the scheduler never resumes a failed block
}
void block_on(Machine& m, State state, const char* what, const char* file, int line) {
  Thread* t = m.current;
  t->state = state;
  t->waits_for = what;
  t->file = file;
  t->line = line;
  to_scheduler(m);
}
void maybe_yield(Machine& m) {
  if (!m.chance(4)) return;
  wake(m, m.current->id);
  to_scheduler(m);
}
void wake(Machine& m, int thread) {
  m.threads[thread].state = READY;
  m.ready.push_back(thread);
}

void begin_after_previous() { machine().current->waited = true; }

static void release(Machine& m, Barrier& b) {
  join_all(m, b.arrived.begin(), b.arrived.end());
  m.counts.barriers++;
  for (int thread : b.arrived) wake(m, thread);
  b.arrived.clear();
}
void barrier(int id, int count, const char* file, int line) {
  Machine& m = machine();
  if (id < 0 || id > 15 || count % 32) fail("barrier %d of %d threads: ids are 0 to 15, counts multiples of 32, at %s:%d", id, count, file_name(file), line);
  Barrier& b = m.barriers[id];
  if (b.arrived.empty()) {
    b.file = file;
    b.line = line;
    b.count = count;
  } else if (b.count != count || (!count && (b.line != line || b.file != file))) {
    fail("barrier %d reached at different places: %s:%d and %s:%d", id, file_name(b.file), b.line, file_name(file), line);
  }
  b.arrived.push_back(m.current->id);
  m.current->meetings++;
  if (int(b.arrived.size()) == (count ? count : m.live)) {
    release(m, b);
    to_scheduler(m);
    return;
  }
  block_on(m, AT_BARRIER, "barrier", file, line);
}

static void thread_main() {
  Machine& m = machine();
  m.call(m.arguments);
  Thread* t = m.current;
  m.active = false;
  if (m.checks && !t->waited) fail("a thread ends that never waited for the launch before this one (dev::begin_after_previous)");
  drain_copies(m, t, 1 << 30);
  for (auto& c : m.collectives[t->warp])
    if (c.mask >> t->lane & 1) fail("lane %d exits while its warp waits for it at %s:%d", t->lane, file_name(c.file), c.line);
  t->state = DONE;
  m.live--;
  Barrier& b = m.barriers[0];
  if (m.live && int(b.arrived.size()) == m.live && b.count == 0) release(m, b);
  to_scheduler(m);
  abort();  // a finished thread is never resumed
}

static std::string deadlock(Machine& m) {
  std::map<std::string, int> waiting;
  for (auto& t : m.threads)
    if (t.state != DONE && t.state != READY) waiting[std::string(t.waits_for) + " at " + file_name(t.file) + ":" + std::to_string(t.line)]++;
  std::string s = "deadlock:";
  for (auto& w : waiting) s += " " + std::to_string(w.second) + " threads wait for " + w.first + ";";
  return s + " " + std::to_string(m.n - m.live) + " threads have exited";
}

static void start_block(Machine& m) {
  m.block = blocks_started.fetch_add(1);
  memset(m.shared, 0xff, m.dynamic_bytes);
  m.arrays.clear();
  m.shared_used = m.dynamic_bytes;
  m.live = m.n;
  m.ready.clear();
  for (auto& c : m.collectives) c.clear();
  for (auto& b : m.barriers) b.arrived.clear();
  m.mbarriers.clear();
  m.bulk_copies.clear();
  for (auto& w : m.wgmmas) w.clear();
  memset(m.wgmma_committed, 0, sizeof m.wgmma_committed);
  m.bulk_clock.assign(m.n, 0);
  for (int e = 0; e < ENGINES; ++e) m.engine_used[e] = e == ENGINE_THREAD;
  if (m.checks) {
    m.clocks.assign(size_t(m.n) * ENGINES * m.n, 0);
    for (int i = 0; i < m.n; ++i) m.clocks_of(i)[i] = 1;
  }
  const dim3 shape = indices.blockDim;
  for (int i = 0; i < m.n; ++i) {
    Thread& t = m.threads[i];
    t.id = i;
    t.lane = i & 31;
    t.warp = i >> 5;
    t.index = {i % shape.x, i / shape.x % shape.y, i / (shape.x * shape.y)};
    t.meetings = 0;
    t.state = READY;
    t.copies.clear();
    t.committed = 0;
    t.waited = t.reads_constant = false;
    t.stack = m.stacks + size_t(i) * STACK_BYTES;
    memcpy(t.stack, &CANARY, 8);
    start_context(t.context, t.stack, STACK_BYTES, thread_main);
    m.ready.push_back(i);
  }
  m.bursty = m.chance(2);
  m.bulk_lag = 1 << (m.random() % 12);
  for (auto& p : m.priority) p = uint32_t(m.random());
}

static int next_thread(Machine& m) {
  int id;
  if (m.order == 0) {
    id = m.ready.front();
    m.ready.pop_front();
    return id;
  }
  if (m.order == 2) {
    size_t k = m.random() % m.ready.size();
    if (m.bursty) {
      if (m.chance(256)) m.priority[m.random() & 31] = uint32_t(m.random());
      for (size_t i = 0; i < m.ready.size(); ++i)
        if (m.priority[m.ready[i] >> 5] > m.priority[m.ready[k] >> 5]) k = i;
    }
    std::swap(m.ready[k], m.ready.back());
  }
  id = m.ready.back();
  m.ready.pop_back();
  return id;
}

static void run_block(Machine& m) {
  start_block(m);
  if (m.traffic) begin_block_of_traffic(m);
  while (m.live) {
    if (!m.bulk_copies.empty() && (m.ready.empty() || m.chance(m.bulk_lag))) perform_bulk_copy(m, m.order == 2 ? m.random() % m.bulk_copies.size() : 0);
    if (m.ready.empty()) {
      if (!m.bulk_copies.empty()) continue;
      m.error = deadlock(m);
      return;
    }
    Thread& t = m.threads[next_thread(m)];
    m.current = &t;
    indices.threadIdx = t.index;
    m.counts.switches++;
    m.active = true;
    switch_context(m.scheduler, t.context);
    m.active = false;
    m.current = nullptr;
    uint64_t canary;
    memcpy(&canary, t.stack, 8);
    if (canary != CANARY && m.error.empty()) m.error = "a thread's local memory exceeds the emulator's 64 KiB";
    if (!m.error.empty()) return;
  }
  if (m.traffic) end_block_of_traffic(m);
}

static std::string launch(Machine& m, const char* name, const unsigned grid[3], const unsigned block[3], unsigned dynamic, void** arguments) {
  auto found = kernels().find(name);
  const unsigned n = block[0] * block[1] * block[2];
  if (found == kernels().end()) return "no such kernel";
  if (n == 0 || n > 1024 || block[2] > 64) return "invalid block size";
  if (!grid[0] || !grid[1] || !grid[2] || grid[1] > 65535 || grid[2] > 65535) return "invalid grid size";
  if (dynamic > m.shared_limit) return "dynamic shared memory " + std::to_string(dynamic) + " exceeds the limit " + std::to_string(m.shared_limit);
  if (!m.shared) {
    m.shared = static_cast<unsigned char*>(map_zeros(SHARED_CAPACITY + 4096));  // page aligned; the tail is never valid
    m.shared_shadow = static_cast<Cell*>(map_zeros(SHARED_CAPACITY * sizeof(Cell)));
  }
  if (m.stack_bytes < n * STACK_BYTES) {
    if (m.stacks) munmap(m.stacks, m.stack_bytes);
    m.stack_bytes = n * STACK_BYTES;
    m.stacks = static_cast<char*>(map_zeros(m.stack_bytes));
  }
  m.error.clear();
  m.threads.resize(n);
  m.n = int(n);
  m.dynamic_bytes = dynamic;
  m.call = found->second.call;
  m.arguments = arguments;
  indices.gridDim = {grid[0], grid[1], grid[2]};
  indices.blockDim = {block[0], block[1], block[2]};
  const size_t total = size_t(grid[0]) * grid[1] * grid[2];
  std::vector<uint32_t> order(total);
  for (size_t i = 0; i < total; ++i) order[i] = uint32_t(m.order == 1 ? total - 1 - i : i);
  if (m.order == 2) for (size_t i = total; i > 1; --i) std::swap(order[i - 1], order[m.random() % i]);
  m.first_block_of_launch = blocks_started.load();
  for (uint32_t b : order) {
    indices.blockIdx = {b % grid[0], b / grid[0] % grid[1], b / (grid[0] * grid[1])};
    run_block(m);
    if (!m.error.empty()) break;
  }
  return m.error;
}
}  // namespace emulator

using namespace emulator;
extern "C" {
int emulator_launch(const char* kernel, const unsigned grid[3], const unsigned block[3], unsigned dynamic_shared, void** arguments, char* error, size_t error_bytes) {
  std::string message = launch(machine(), kernel, grid, block, dynamic_shared, arguments);
  if (error && error_bytes) snprintf(error, error_bytes, "%s%s%s", message.empty() ? "" : kernel, message.empty() ? "" : ": ", message.c_str());
  return message.empty() ? 0 : 1;
}
int emulator_has_kernel(const char* kernel) { return kernels().count(kernel) != 0; }
size_t emulator_argument_sizes(const char* kernel, size_t* sizes, size_t count) {
  auto found = kernels().find(kernel);
  if (found == kernels().end()) return 0;
  for (size_t i = 0; i < count && i < found->second.arguments; ++i) sizes[i] = found->second.argument_sizes[i];
  return found->second.arguments;
}
void emulator_schedule(int order, uint64_t seed) {
  machine().order = order;
  machine().random_state = seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
}
void emulator_checks(int on) { machine().checks = on != 0; }
void emulator_shared_limit(size_t bytes) { machine().shared_limit = std::min(bytes, size_t(227) << 10); }
void emulator_read_counts(emulator_counts* counts, int reset) {
  *counts = machine().counts;
  if (reset) machine().counts = {};
}
}
