// cp.async: copies complete late, at the wait; until then the destination reads as NaN.
#include "machine.h"

namespace emulator {
static void perform(AsyncCopy& c) {
  if (c.read) memcpy(c.to, c.from, 16);
  else memset(c.to, 0, 16);
  c.done = true;
}
void cp_async(void* to, const void* from, bool read, const char* file, int line) {
  Machine& m = machine();
  Thread* t = m.current;
  m.counts.async_copies++;
  need_shared(m, to, "cp.async", file, line);
  if (uintptr_t(to) % 16 || (read && uintptr_t(from) % 16)) fail("cp.async: address is not 16-byte aligned at %s:%d", file_name(file), line);
  const Site site{0, file, line};
  if (read) access_own(from, 16, false, site, 16);
  if (m.traffic) count_access(m, to, 16, true, site);
  if (m.checks) {
    m.engine_used[ENGINE_CP_ASYNC] = true;
    check_access(m, to, 16, true, uint32_t(ENGINE_CP_ASYNC * m.n + t->id), uint32_t(t->committed + 1), site, 16);
  }
  AsyncCopy copy{to, from, read, false, t->committed + 1};
  if (m.chance(2)) perform(copy);  // random order: some copies complete at once, the rest at the wait
  else memset(to, 0xff, 16);
  t->copies.push_back(copy);
}
void cp_async_commit() {
  machine().current->committed++;
  maybe_yield(machine());
}
void drain_copies(Machine& m, Thread* t, int up_to_group) {
  while (!t->copies.empty() && t->copies.front().group <= up_to_group) {
    if (!t->copies.front().done) perform(t->copies.front());
    t->copies.pop_front();
  }
  if (m.checks && up_to_group > 0) {
    uint32_t& known = m.clocks_of(t->id)[ENGINE_CP_ASYNC * m.n + t->id];
    known = std::max(known, uint32_t(up_to_group));
  }
}
void cp_async_wait(int pending) {
  Machine& m = machine();
  drain_copies(m, m.current, m.current->committed - pending);
}
}  // namespace emulator
