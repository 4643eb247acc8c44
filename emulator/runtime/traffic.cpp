// Counts of a kernel's memory accesses, as far as they follow from addresses. Lanes of a warp that reach one
// place in the code for the same time since the warp's last barrier or collective make one request, as on a
// device whose warps run in step:
//     global memory: the bytes that the lanes use, and the 32-byte sectors that contain them
//     shared memory: passes of 32 banks of 4 bytes. Lanes that access different words of one bank need one
//       pass each, lanes with the same word share a pass; vectors of 8 bytes are accessed by half warps,
//       those of 16 bytes by quarters
// There is no cache, and no time.
#include "machine.h"
#include <unordered_map>
#include <stdio.h>

namespace emulator {
namespace {
constexpr uintptr_t SECTOR = 32, BANKS = 32, WORD = 4;

struct Place {
  Site site;
  bool shared, write;
  size_t bytes;  // of one lane
  emulator_traffic traffic;
};
struct Request { uint32_t lanes; uintptr_t address[32]; };
struct Turn { uint32_t meetings, next; };  // times that a thread reached a place since its last barrier or collective
}  // namespace

struct Traffic {
  std::unordered_map<uint64_t, uint32_t> numbers;
  std::vector<Place> places;
  std::vector<const char*> files;
  std::vector<std::vector<Turn>> turns;              // by thread and place, of this block
  std::unordered_map<uint64_t, Request> open[32];    // by warp: requests that some lanes have not reached
};

static uint32_t place_number(Traffic& t, const Site& site, bool shared, bool write, size_t bytes) {
  uint64_t where = site.offset;
  if (site.file) {
    size_t file = 0;
    while (file < t.files.size() && t.files[file] != site.file) ++file;
    if (file == t.files.size()) t.files.push_back(site.file);
    where = uint64_t(file + 1) << 32 | uint32_t(site.line);
  }
  auto found = t.numbers.emplace(where << 8 | bytes << 2 | uint64_t(shared) << 1 | uint64_t(write), uint32_t(t.places.size()));
  if (found.second) t.places.push_back({site, shared, write, bytes, {}});
  return found.first->second;
}

// Adds the bytes from `begin` to `end`; those below `free` are already counted.
static void add_range(emulator_global_traffic& to, uintptr_t& free, uintptr_t begin, uintptr_t end) {
  begin = std::max(begin, free);
  if (begin >= end) return;
  to.bytes += end - begin;
  // The sector of the byte before `begin` is already counted if that byte is.
  to.sectors += (end - 1) / SECTOR - begin / SECTOR + !(free && (free - 1) / SECTOR == begin / SECTOR);
  free = end;
}
static void close(Place& place, const Request& r) {
  uintptr_t sorted[32];
  int n = 0;
  if (!place.shared) {
    for (int l = 0; l < 32; ++l)
      if (r.lanes >> l & 1) sorted[n++] = r.address[l];
    std::sort(sorted, sorted + n);
    emulator_global_traffic& to = place.write ? place.traffic.written : place.traffic.read;
    const uint64_t before = to.bytes;
    uintptr_t free = 0;
    for (int i = 0; i < n; ++i) add_range(to, free, sorted[i], sorted[i] + place.bytes);
    to.fewest_sectors += (to.bytes - before + SECTOR - 1) / SECTOR;
    to.requests++;
    return;
  }
  const int group = place.bytes <= 4 ? 32 : place.bytes == 8 ? 16 : 8;
  for (int first = 0; first < 32; first += group) {
    uintptr_t words[64];  // an address that is not a multiple of the size may add a word
    n = 0;
    for (int l = first; l < first + group; ++l)
      if (r.lanes >> l & 1)
        for (uintptr_t w = r.address[l] / WORD; w <= (r.address[l] + place.bytes - 1) / WORD; ++w) words[n++] = w;
    if (!n) continue;
    std::sort(words, words + n);
    int in_bank[BANKS] = {}, passes = 0;
    for (int i = 0; i < n; ++i)
      if (!i || words[i] != words[i - 1]) passes = std::max(passes, ++in_bank[words[i] % BANKS]);
    place.traffic.shared_passes += passes;
    place.traffic.bank_conflicts += passes - 1;
  }
  place.traffic.shared_requests++;
}

static void count_lane(Machine& m, uintptr_t p, size_t bytes, bool shared, bool write, const Site& site) {
  Traffic& t = *m.traffic;
  const Thread& thread = *m.current;
  const uint32_t number = place_number(t, site, shared, write, bytes);
  auto& turns = t.turns[thread.id];
  if (turns.size() <= number) turns.resize(t.places.size() + 16);
  Turn& turn = turns[number];
  if (turn.meetings != thread.meetings) turn = {thread.meetings, 0};
  const uint64_t key = uint64_t(number) << 48 | uint64_t(thread.meetings & 0xffffff) << 24 | (turn.next++ & 0xffffff);
  auto& open = t.open[thread.warp];
  const auto found = open.emplace(key, Request{}).first;
  Request& r = found->second;
  r.address[thread.lane] = p;
  r.lanes |= 1u << thread.lane;
  const int lanes = std::min(32, m.n - thread.warp * 32);
  if (r.lanes != ~0u >> (32 - lanes)) return;
  close(t.places[number], r);
  open.erase(found);
}
void count_access(Machine& m, const void* pointer, size_t bytes, bool write, const Site& site) {
  const bool shared = m.in_shared(pointer);
  if (!shared && !arena().has(pointer)) return;  // local memory and constants
  const bool active = m.active;
  m.active = false;  // library code called here may itself be an instrumented copy
  const uintptr_t p = uintptr_t(pointer);
  if (bytes <= 16 && (bytes & (bytes - 1)) == 0) count_lane(m, p, bytes, shared, write, site);
  else for (size_t i = 0; i < bytes; i += WORD) count_lane(m, p + i, std::min(bytes - i, size_t(WORD)), shared, write, site);
  m.active = active;
}
// A run of bytes that the copy engine reads: one request. Its writes to shared memory have no bank conflicts.
void count_bulk_read(Machine& m, const void* pointer, size_t bytes, const Site& site) {
  const bool active = m.active;
  m.active = false;
  const uintptr_t p = uintptr_t(pointer);
  uintptr_t free = 0;
  auto& to = m.traffic->places[place_number(*m.traffic, site, false, false, 0)].traffic.read;
  add_range(to, free, p, p + bytes);
  to.fewest_sectors += (bytes + SECTOR - 1) / SECTOR;
  to.requests++;
  m.active = active;
}
void begin_block_of_traffic(Machine& m) {
  m.traffic->turns.assign(size_t(m.n), {});
  for (auto& open : m.traffic->open) open.clear();  // requests of a block that failed
}
// Requests that some lanes never reached, because they had left or took another branch.
void end_block_of_traffic(Machine& m) {
  for (auto& open : m.traffic->open) {
    for (auto& r : open) close(m.traffic->places[r.first >> 48], r.second);
    open.clear();
  }
}

static uint64_t beyond_the_fewest(const emulator_traffic& t) {
  return t.bank_conflicts + t.read.sectors - t.read.fewest_sectors + t.written.sectors - t.written.fewest_sectors;
}
static void add(emulator_global_traffic& to, const emulator_global_traffic& more) {
  to.requests += more.requests;
  to.bytes += more.bytes;
  to.sectors += more.sectors;
  to.fewest_sectors += more.fewest_sectors;
}
static void add(emulator_traffic& to, const emulator_traffic& more) {
  add(to.read, more.read);
  add(to.written, more.written);
  to.shared_requests += more.shared_requests;
  to.shared_passes += more.shared_passes;
  to.bank_conflicts += more.bank_conflicts;
}
}  // namespace emulator

using namespace emulator;
extern "C" {
void emulator_count_traffic(int on) {
  Machine& m = machine();
  delete m.traffic;
  m.traffic = on ? new Traffic : nullptr;
}
void emulator_read_traffic(emulator_traffic* traffic) {
  *traffic = {};
  if (machine().traffic)
    for (auto& place : machine().traffic->places) add(*traffic, place.traffic);
}
int emulator_costly_place(size_t rank, char* text_of_place, size_t bytes, emulator_traffic* traffic) {
  std::vector<const Place*> costly;
  if (machine().traffic)
    for (auto& place : machine().traffic->places)
      if (beyond_the_fewest(place.traffic)) costly.push_back(&place);
  if (rank >= costly.size()) return 0;
  std::stable_sort(costly.begin(), costly.end(),
                   [](const Place* a, const Place* b) { return beyond_the_fewest(a->traffic) > beyond_the_fewest(b->traffic); });
  *traffic = costly[rank]->traffic;
  snprintf(text_of_place, bytes, "%s", text(costly[rank]->site).c_str());
  return 1;
}
const char* emulator_compiler(void) { return __VERSION__; }
}
