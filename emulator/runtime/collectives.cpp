// Collective operations of the lanes of a warp: shuffles, votes, ldmatrix and mma.sync.
#include "machine.h"

namespace emulator {
void collective(Collective kind, unsigned mask, void* argument, const char* what, const char* file, int line,
                void (*finish)(Machine&, PendingCollective&, int first_thread)) {
  Machine& m = machine();
  Thread* t = m.current;
  t->meetings++;
  auto& pending = m.collectives[t->warp];
  if (!(mask >> t->lane & 1)) fail("%s: lane %d is not in its own mask %08x at %s:%d", what, t->lane, mask, file_name(file), line);
  PendingCollective* c = nullptr;
  for (auto& x : pending)
    if (x.mask & mask) { c = &x; break; }
  if (!c) {
    for (int l = 0; l < 32; ++l)
      if (mask >> l & 1) {
        const int id = t->warp * 32 + l;
        if (id >= m.n || m.threads[id].state == DONE)
          fail("%s at %s:%d: mask %08x names lane %d, which %s", what, file_name(file), line, mask, l, id >= m.n ? "does not exist" : "has exited");
      }
    pending.push_back({kind, mask, 0, file, line, {}});
    c = &pending.back();
  } else if (c->mask != mask || c->kind != kind || (kind >= LDMATRIX && (c->line != line || c->file != file))) {
    fail("warp %d diverged: lane %d at %s:%d (%s), other lanes at %s:%d", t->warp, t->lane, file_name(file), line, what, file_name(c->file), c->line);
  }
  c->arrived |= 1u << t->lane;
  c->argument[t->lane] = argument;
  if (c->arrived != mask) return block_on(m, IN_COLLECTIVE, what, file, line);
  PendingCollective done = *c;
  pending.erase(pending.begin() + (c - pending.data()));
  m.counts.collectives++;
  finish(m, done, t->warp * 32);
  for (int l = 0; l < 32; ++l)
    if ((mask >> l & 1) && l != t->lane) wake(m, t->warp * 32 + l);
}

void syncwarp(unsigned mask, const char* file, int line) {
  collective(SYNCWARP, mask, nullptr, "__syncwarp", file, line, [](Machine& m, PendingCollective& c, int first) {
    int threads[32], k = 0;
    for (int l = 0; l < 32; ++l)
      if (c.mask >> l & 1) threads[k++] = first + l;
    join_all(m, threads, threads + k);
  });
}

namespace { struct Shuffled { uint64_t value, result; int operand, width; }; }
uint64_t shuffle(Collective kind, unsigned mask, uint64_t v, int operand, int width, const char* file, int line) {
  Shuffled mine{v, v, operand, width};
  collective(kind, mask, &mine, "__shfl_sync", file, line, [](Machine&, PendingCollective& c, int) {
    for (int l = 0; l < 32; ++l) {
      auto* a = static_cast<Shuffled*>(c.argument[l]);
      if (!a) continue;
      const int w = a->width, segment = l & ~(w - 1);
      int from = l;
      switch (c.kind) {
        case SHUFFLE_INDEX: from = segment + (a->operand & (w - 1)); break;
        case SHUFFLE_UP: from = l - a->operand < segment ? l : l - a->operand; break;
        case SHUFFLE_DOWN: from = l + a->operand >= segment + w ? l : l + a->operand; break;
        default: from = (l ^ a->operand) >= segment + w ? l : l ^ a->operand;
      }
      if (!c.argument[from]) fail("__shfl_sync at %s:%d: lane %d reads lane %d, which is not in mask %08x", file_name(c.file), c.line, l, from, c.mask);
      a->result = static_cast<Shuffled*>(c.argument[from])->value;
    }
  });
  return mine.result;
}
unsigned ballot(unsigned mask, bool p, const char* file, int line) {
  unsigned vote = p;
  collective(BALLOT, mask, &vote, "__ballot_sync", file, line, [](Machine&, PendingCollective& c, int) {
    unsigned all = 0;
    for (int l = 0; l < 32; ++l)
      if (c.argument[l] && *static_cast<unsigned*>(c.argument[l])) all |= 1u << l;
    for (int l = 0; l < 32; ++l)
      if (c.argument[l]) *static_cast<unsigned*>(c.argument[l]) = all;
  });
  return vote;
}

const float* half_values() {
  static const float* table = [] {
    float* values = new float[65536];
    for (int i = 0; i < 65536; ++i) values[i] = __half2float(__half{uint16_t(i)});
    return values;
  }();
  return table;
}

namespace { struct MatrixRow { uint32_t* r; const void* row; }; }
void ldmatrix_x4(bool transposed, uint32_t* r, const void* row, const char* file, int line) {
  MatrixRow mine{r, row};
  need_shared(machine(), row, "ldmatrix", file, line);
  if (uintptr_t(row) % 16) fail("ldmatrix: row address is not 16-byte aligned at %s:%d", file_name(file), line);
  access_own(row, 16, false, {0, file, line}, 16);
  collective(transposed ? LDMATRIX_TRANSPOSED : LDMATRIX, ~0u, &mine, "ldmatrix", file, line, [](Machine& m, PendingCollective& c, int) {
    m.counts.matrix_loads++;
    for (int q = 0; q < 4; ++q) {
      uint16_t matrix[8][8];
      for (int i = 0; i < 8; ++i) {
        const void* p = static_cast<MatrixRow*>(c.argument[q * 8 + i])->row;
        memcpy(matrix[i], p, 16);
      }
      for (int l = 0; l < 32; ++l) {
        const int i = l >> 2, j = (l & 3) * 2;
        const uint32_t low = c.kind == LDMATRIX ? matrix[i][j] : matrix[j][i], high = c.kind == LDMATRIX ? matrix[i][j + 1] : matrix[j + 1][i];
        static_cast<MatrixRow*>(c.argument[l])->r[q] = low | high << 16;
      }
    }
  });
}

namespace { struct Fragments { float* d; const uint32_t* a; uint32_t b[2]; }; }
void mma_m16n8k16(float* d, const uint32_t* a, uint32_t b0, uint32_t b1, const char* file, int line) {
  Fragments mine{d, a, {b0, b1}};
  collective(MMA, ~0u, &mine, "mma.sync", file, line, [](Machine& m, PendingCollective& c, int) {
    m.counts.matrix_products++;
    m.counts.matrix_flops += 2 * 16 * 8 * 16;
    const float* h = half_values();
    float A[16][16], B[16][8], D[16][8] = {};
    for (int l = 0; l < 32; ++l) {
      auto* x = static_cast<Fragments*>(c.argument[l]);
      const int g = l >> 2, k = (l & 3) * 2;
      for (int e = 0; e < 2; ++e) {
        const int s = e * 16;
        A[g][k + e] = h[uint16_t(x->a[0] >> s)];
        A[g + 8][k + e] = h[uint16_t(x->a[1] >> s)];
        A[g][k + 8 + e] = h[uint16_t(x->a[2] >> s)];
        A[g + 8][k + 8 + e] = h[uint16_t(x->a[3] >> s)];
        B[k + e][g] = h[uint16_t(x->b[0] >> s)];
        B[k + 8 + e][g] = h[uint16_t(x->b[1] >> s)];
      }
    }
    for (int i = 0; i < 16; ++i)
      for (int k = 0; k < 16; ++k)
        for (int j = 0; j < 8; ++j) D[i][j] += A[i][k] * B[k][j];
    for (int l = 0; l < 32; ++l) {
      float* d = static_cast<Fragments*>(c.argument[l])->d;
      const int g = l >> 2, j = (l & 3) * 2;
      d[0] += D[g][j];
      d[1] += D[g][j + 1];
      d[2] += D[g + 8][j];
      d[3] += D[g + 8][j + 1];
    }
  });
}
}  // namespace emulator
