// sm_90: mbarriers, the bulk copy engine (TMA) and wgmma. The scheduler decides when copies complete; wgmma
// reads shared memory at its wait.
#include "machine.h"

namespace emulator {
static Mbarrier& find(Machine& m, uint64_t* b, const char* file, int line) {
  auto found = m.mbarriers.find(b);
  if (found == m.mbarriers.end()) fail("use of an uninitialised mbarrier at %s:%d", file_name(file), line);
  return found->second;
}
void mbarrier_init(uint64_t* b, uint32_t count, const char* file, int line) {
  Machine& m = machine();
  need_shared(m, b, "mbarrier.init", file, line);
  m.engine_used[ENGINE_BULK] = m.engine_used[ENGINE_WGMMA] = true;
  check_own(b, 8, true, {0, file, line}, 8);
  m.mbarriers[b] = {count, count, 0, 0, std::vector<uint32_t>(size_t(ENGINES) * m.n, 0)};
}
static void complete_if_due(Machine& m, uint64_t* key, Mbarrier& b) {
  if (b.pending || b.bytes) return;
  b.phase++;
  b.pending = b.count;
  for (auto& t : m.threads)
    if (t.state == AT_MBARRIER && t.mbarrier == key) wake(m, t.id);
}
void mbarrier_arrive(uint64_t* key, uint32_t expected_bytes, const char* file, int line) {
  Machine& m = machine();
  Mbarrier& b = find(m, key, file, line);
  if (!b.pending) fail("mbarrier: more arrivals than its count %u at %s:%d", b.count, file_name(file), line);
  if (m.checks) {
    check_own(key, 8, false, {0, file, line}, 8);  // ordered after mbarrier.init
    join_into(b.clocks.data(), m.clocks_of(m.current->id), b.clocks.size());
    m.clocks_of(m.current->id)[m.current->id]++;
  }
  b.bytes += expected_bytes;
  b.pending--;
  complete_if_due(m, key, b);
  maybe_yield(m);
}
void mbarrier_wait(uint64_t* key, uint32_t parity, const char* file, int line) {
  Machine& m = machine();
  Mbarrier& b = find(m, key, file, line);
  check_own(key, 8, false, {0, file, line}, 8);
  while ((b.phase & 1) == (parity & 1)) {
    m.current->mbarrier = key;
    block_on(m, AT_MBARRIER, "mbarrier wait", file, line);
  }
  if (m.checks) join_into(m.clocks_of(m.current->id), b.clocks.data(), b.clocks.size());
}

static size_t swizzle_128(size_t offset) { return offset ^ ((offset >> 7 & 7) << 4); }
static uint32_t box_rows(const TensorMap& t) { return (t.box_rows + t.row_step - 1) / t.row_step; }
void perform_bulk_copy(Machine& m, size_t index) {
  BulkCopy c = m.bulk_copies[index];
  m.bulk_copies.erase(m.bulk_copies.begin() + index);
  if (c.bytes) {
    memcpy(c.to, c.from, c.bytes);
  } else {
    const TensorMap& t = c.map;
    c.bytes = box_rows(t) * t.box_columns * 2;
    for (uint32_t r = 0; r < box_rows(t); ++r)
      for (uint32_t k = 0; k < t.box_columns; ++k) {
        const int64_t y = c.y + int64_t(r) * t.row_step, x = c.x + int64_t(k);
        uint16_t v = 0;
        if (y >= 0 && x >= 0 && uint64_t(y) < t.rows && uint64_t(x) < t.columns) memcpy(&v, t.base + y * t.pitch + x * 2, 2);
        memcpy(m.shared + swizzle_128(size_t(c.to - m.shared) + (r * t.box_columns + k) * 2), &v, 2);
      }
  }
  Mbarrier& b = m.mbarriers[c.mbarrier];
  b.bytes -= int64_t(c.bytes);
  if (m.checks) b.clocks[c.actor] = std::max(b.clocks[c.actor], c.clock);
  complete_if_due(m, c.mbarrier, b);
}
// Calls `each` for the rows of a box, with the part of each row that lies inside the tensor.
template <class F> static void for_rows_of_box(const TensorMap& t, int x, int y, F each) {
  const int64_t first = std::max<int64_t>(x, 0), end = std::min<int64_t>(int64_t(x) + t.box_columns, int64_t(t.columns));
  for (uint32_t r = 0; r < box_rows(t) && first < end; ++r) {
    const int64_t row = y + int64_t(r) * t.row_step;
    if (row >= 0 && uint64_t(row) < t.rows) each(t.base + row * t.pitch + first * 2, size_t(end - first) * 2);
  }
}
static void start_bulk_copy(Machine& m, void* to, const void* from, size_t bytes, bool linear, bool constant, uint64_t* b, int x, int y, const char* file,
                            int line) {
  find(m, b, file, line);
  const uint32_t actor = uint32_t(ENGINE_BULK * m.n + m.current->id), clock = ++m.bulk_clock[m.current->id];
  auto read = [&](const void* p, size_t n) {
    check_own(p, n, false, {0, file, line}, linear ? 16 : 2);
    if (m.traffic) count_bulk_read(m, p, n, {0, file, line});
  };
  m.current->reads_constant = constant;
  if (linear) read(from, bytes);
  else for_rows_of_box(*static_cast<const TensorMap*>(from), x, y, read);
  m.current->reads_constant = false;
  if (m.checks) {
    check_access(m, to, bytes, true, actor, clock, {0, file, line}, 16);
  }
  memset(to, 0xff, bytes);
  // The map is an argument on the caller's stack, which may be gone when the copy completes.
  const TensorMap map = linear ? TensorMap{} : *static_cast<const TensorMap*>(from);
  m.bulk_copies.push_back({map, from, static_cast<unsigned char*>(to), b, x, y, linear ? uint32_t(bytes) : 0, actor, clock});
}
void tma_load(void* to, const void* map, uint64_t* b, int x, int y, bool constant, const char* file, int line) {
  Machine& m = machine();
  const auto& t = *static_cast<const TensorMap*>(map);
  need_shared(m, to, "TMA load", file, line);
  if (size_t(static_cast<unsigned char*>(to) - m.shared) % 1024) fail("TMA load: 128-byte swizzled destination is not 1024-byte aligned at %s:%d", file_name(file), line);
  start_bulk_copy(m, to, map, size_t(t.box_columns) * box_rows(t) * 2, false, constant, b, x, y, file, line);
}
void bulk_load(void* to, const void* from, uint32_t bytes, uint64_t* b, const char* file, int line) {
  Machine& m = machine();
  need_shared(m, to, "bulk copy", file, line);
  if (uintptr_t(to) % 16 || uintptr_t(from) % 16 || bytes % 16 || !bytes) fail("bulk copy: addresses and size must be multiples of 16, size not 0, at %s:%d", file_name(file), line);
  start_bulk_copy(m, to, from, bytes, true, false, b, 0, 0, file, line);
}

uint64_t wgmma_descriptor(const void* p, const char* file, int line) {
  Machine& m = machine();
  need_shared(m, p, "wgmma descriptor", file, line);
  const uint64_t offset = uint64_t(static_cast<const unsigned char*>(p) - m.shared);
  return (offset & 0x3ffff) >> 4 | uint64_t(1) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;
}
static size_t descriptor_offset(uint64_t descriptor, int row, int k) {  // K-major, 128-byte swizzle
  const size_t start = size_t(descriptor & 0x3fff) << 4, eight_rows = size_t(descriptor >> 32 & 0x3fff) << 4;
  return swizzle_128(start + size_t(row / 8) * eight_rows + size_t(row % 8) * 128 + size_t(k) * 2);
}
static void perform_wgmma(Machine& m, const PendingWgmma& g, int warp) {
  const float* h = half_values();
  auto at = [&](uint64_t descriptor, int row, int k) {
    uint16_t v;
    memcpy(&v, m.shared + descriptor_offset(descriptor, row, k), 2);
    return h[v];
  };
  float A[16][16], B[256][16];
  for (int r = 0; r < 16; ++r)
    for (int k = 0; k < 16; ++k) A[r][k] = at(g.a, (warp & 3) * 16 + r, k);
  for (int r = 0; r < g.n; ++r)
    for (int k = 0; k < 16; ++k) B[r][k] = at(g.b, r, k);
  for (int l = 0; l < 32; ++l)
    for (int e = 0; e < g.n / 2; ++e) {
      const int r = (l >> 2) + (e >> 1 & 1) * 8, c = (e >> 2) * 8 + (l & 3) * 2 + (e & 1);
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += A[r][k] * B[c][k];
      g.d[l][e] += sum;
    }
}
namespace { struct WgmmaArgument { float* d; uint64_t a, b; int n; }; }
void wgmma(float* d, int n, uint64_t a, uint64_t b, const char* file, int line) {
  WgmmaArgument mine{d, a, b, n};
  collective(WGMMA, ~0u, &mine, "wgmma", file, line, [](Machine& m, PendingCollective& c, int first) {
    PendingWgmma g;
    auto* leader = static_cast<WgmmaArgument*>(c.argument[0]);
    g.a = leader->a;
    g.b = leader->b;
    g.n = leader->n;
    g.group = m.wgmma_committed[first / 32] + 1;
    for (int l = 0; l < 32; ++l) {
      auto* x = static_cast<WgmmaArgument*>(c.argument[l]);
      if (x->a != g.a || x->b != g.b) fail("wgmma: descriptors differ within the warp at %s:%d", file_name(c.file), c.line);
      g.d[l] = x->d;
    }
    if (m.checks) {
      m.engine_used[ENGINE_WGMMA] = true;
      auto read_row = [&](uint64_t descriptor, int row) {  // two 16-byte pieces
        for (int k = 0; k < 16; k += 8)
          check_access(m, m.shared + descriptor_offset(descriptor, row, k), 16, false, uint32_t(ENGINE_WGMMA * m.n + first), uint32_t(g.group), {0, c.file, c.line}, 16);
      };
      for (int r = 0; r < 16; ++r) read_row(g.a, (first / 32 & 3) * 16 + r);
      for (int r = 0; r < g.n; ++r) read_row(g.b, r);
    }
    m.counts.matrix_flops += 2 * 16 * 16 * uint64_t(g.n);  // this warp's 16 rows of 64
    m.wgmmas[first / 32].push_back(g);
  });
}
void wgmma_commit(const char* file, int line) {
  int unused;
  collective(WGMMA_COMMIT, ~0u, &unused, "wgmma.commit_group", file, line,
             [](Machine& m, PendingCollective&, int first) { m.wgmma_committed[first / 32]++; });
}
void wgmma_wait(int pending) {
  Machine& m = machine();
  const int warp = m.current->warp, up_to = m.wgmma_committed[warp] - pending;
  while (!m.wgmmas[warp].empty() && m.wgmmas[warp].front().group <= up_to) {
    perform_wgmma(m, m.wgmmas[warp].front(), warp);
    m.wgmmas[warp].pop_front();
  }
  if (m.checks && up_to > 0) {
    uint32_t& known = m.clocks_of(m.current->id)[ENGINE_WGMMA * m.n + warp * 32];
    known = std::max(known, uint32_t(up_to));
  }
}
}  // namespace emulator

extern "C" void emulator_tensor_map(void* map, const void* base, uint64_t columns, uint64_t rows, uint64_t pitch, uint32_t box_columns,
                                    uint32_t box_rows, uint32_t row_step) {
  memset(map, 0, 128);
  *static_cast<emulator::TensorMap*>(map) = {static_cast<const char*>(base), columns, rows, pitch, box_columns, box_rows, row_step};
}
