// The exact happens-before check: vector clocks of every thread and of every asynchronous engine, the last
// write and two reads of every byte. Barriers, collectives, waits and mbarriers join the clocks; two accesses
// without an order by a join are a race.
#include "machine.h"
#include <dlfcn.h>
#include <stdio.h>

namespace emulator {
// A full join of a set of threads: afterwards each thread's clocks are the maximum over all of them.
template <class It> void join_all(Machine& m, It first, It last) {
  if (!m.checks) return;
  static thread_local std::vector<uint32_t> joined;
  const int n = m.n;
  joined.assign(n, 0);
  for (int e = 0; e < ENGINES; ++e) {
    if (!m.engine_used[e]) continue;
    std::fill(joined.begin(), joined.end(), 0);
    for (It i = first; i != last; ++i) join_into(joined.data(), m.clocks_of(*i) + e * n, n);
    for (It i = first; i != last; ++i) memcpy(m.clocks_of(*i) + e * n, joined.data(), size_t(n) * 4);
  }
  for (It i = first; i != last; ++i) m.clocks_of(*i)[*i]++;
}
template void join_all(Machine&, int*, int*);
template void join_all(Machine&, std::vector<int>::iterator, std::vector<int>::iterator);
void join_into(uint32_t* to, const uint32_t* from, size_t n) {
  for (size_t k = 0; k < n; ++k) to[k] = std::max(to[k], from[k]);
}

// ---- places of accesses in the source ----
static void* image_base() {
  static void* base = [] {
    Dl_info info;
    return dladdr(reinterpret_cast<void*>(&register_kernel), &info) ? info.dli_fbase : nullptr;
  }();
  return base;
}
uint32_t code_offset(const void* return_address) { return uint32_t(uintptr_t(return_address) - uintptr_t(image_base())); }
static std::string from_debug_information(uint32_t offset) {
  // addr2line takes seconds on a large program.
  static thread_local std::map<uint32_t, std::string> known;
  auto found = known.find(offset);
  if (found != known.end()) return found->second;
  Dl_info info;
  if (!offset || !dladdr(reinterpret_cast<void*>(&register_kernel), &info)) return "?";
  char command[512], line[512] = "";
  snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x 2>/dev/null", info.dli_fname, offset - 1);
  if (FILE* f = popen(command, "r")) {
    char l[512];
    while (fgets(l, sizeof l, f))  // the innermost inlined frame that is not the emulator's own header
      if (!line[0] || strstr(line, "cuda_on_host.h:") || strstr(line, "host_types.h:")) memcpy(line, l, sizeof line);
    pclose(f);
  }
  line[strcspn(line, "\n")] = 0;
  if (char* d = strstr(line, " (discriminator")) *d = 0;
  if (!line[0] || line[0] == '?') snprintf(line, sizeof line, "code+0x%x", offset);
  return known[offset] = file_name(line);
}
std::string text(const Site& site) {
  if (!site.file) return from_debug_information(site.offset);
  return std::string(file_name(site.file)) + ":" + std::to_string(site.line);
}
// The shadow has 32 bits for a site: a code offset, or with the top bit set an index into this table of named
// places.
static std::vector<Site>& named_sites() {
  static thread_local std::vector<Site> all;
  return all;
}
static uint32_t packed(const Site& site) {
  if (!site.file) return site.offset;
  auto& all = named_sites();
  for (size_t i = 0; i < all.size(); ++i)
    if (all[i].file == site.file && all[i].line == site.line) return uint32_t(i) | 1u << 31;
  all.push_back(site);
  return uint32_t(all.size() - 1) | 1u << 31;
}
static std::string unpacked_text(uint32_t site) {
  if (!(site >> 31)) return from_debug_information(site);
  auto& all = named_sites();
  return (site & 0x7fffffff) < all.size() ? text(all[site & 0x7fffffff]) : "a place in another OS thread's launch";
}

// ---- the check ----
static std::string name_of(Machine& m, uint32_t actor) {
  static const char* engines[] = {"thread", "cp.async of thread", "bulk copy of thread", "wgmma of the warp led by thread"};
  actor &= ~ATOMIC;
  if (actor / m.n >= ENGINES) return "a thread";
  return std::string(engines[actor / m.n]) + " " + std::to_string(actor % m.n);
}
[[noreturn]] static void race(Machine& m, bool shared, const void* p, bool write, uint32_t actor, const Site& site, const Access& other, bool other_write) {
  const size_t offset = shared ? size_t(static_cast<const unsigned char*>(p) - m.shared) : size_t(static_cast<const char*>(p) - arena().find(p)->base);
  fail("data race on %s memory (+%zu): %s by %s at %s, earlier %s by %s%s at %s, no barrier or wait in between", shared ? "shared" : "global", offset,
       write ? "write" : "read", name_of(m, actor).c_str(), text(site).c_str(), other_write ? "write" : "read",
       other.block == m.block ? "" : "another block, ", name_of(m, other.actor).c_str(), unpacked_text(other.site).c_str());
}
void check_cells(Machine& m, Cell* cells, const void* pointer, size_t bytes, bool shared, bool write, uint32_t actor, uint32_t clock, const Site& site) {
  const uint32_t* known = m.clocks_of(int((actor & ~ATOMIC) % m.n));
  const Access mine{m.block, clock, actor, packed(site)};
  auto unordered = [&](const Access& a) {
    if (a.actor & actor & ATOMIC) return false;
    if (a.block != m.block) return !shared && a.block >= m.first_block_of_launch;  // two blocks of one launch
    const uint32_t other = a.actor & ~ATOMIC;
    return other != (actor & ~ATOMIC) && known[other] < a.clock;
  };
  for (size_t i = 0; i < bytes; ++i) {
    Cell& c = cells[i];
    const char* p = static_cast<const char*>(pointer) + i;
    if (unordered(c.write)) race(m, shared, p, write, actor, site, c.write, true);
    if (write) {
      for (auto& r : c.read)
        if (unordered(r)) race(m, shared, p, true, actor, site, r, false);
      c.write = mine;
      continue;
    }
    // Of the reads that a later write must be ordered after, two are kept. Reads that are ordered before this
    // one may be replaced.
    bool kept = false;
    for (auto& r : c.read)
      if (r.block != m.block || r.actor == actor || !unordered(r)) { r = mine; kept = true; break; }
    if (!kept) c.read[m.random() & 1] = mine;
  }
}
}  // namespace emulator
