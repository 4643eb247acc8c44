// Fibers: a few instructions on x86-64, ucontext elsewhere.
#include "machine.h"
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulator {
#if defined(__x86_64__)
extern "C" void emulator_switch(void** from, void* to);
asm(R"(
.text
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch,@function
emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulator_switch,.-emulator_switch
)");
void switch_context(Context& from, Context& to) { emulator_switch(&from.stack_pointer, to.stack_pointer); }
void start_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  void** top = reinterpret_cast<void**>((uintptr_t(stack) + bytes) & ~uintptr_t(15));
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  context.stack_pointer = top;
}
#else
static ucontext_t* of(Context& context) {
  if (!context.ucontext) context.ucontext = new ucontext_t;
  return static_cast<ucontext_t*>(context.ucontext);
}
void switch_context(Context& from, Context& to) { swapcontext(of(from), of(to)); }
void start_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  ucontext_t* u = of(context);
  getcontext(u);
  u->uc_stack.ss_sp = stack;
  u->uc_stack.ss_size = bytes;
  u->uc_link = nullptr;
  makecontext(u, entry, 0);
}
#endif
}  // namespace emulator
