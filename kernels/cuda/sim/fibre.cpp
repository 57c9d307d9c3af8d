#include "kernels/cuda/sim/fibre.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "kernels/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__x86_64__)
// void sluice_fibre_switch(void** save, void* load): keeps what the calling convention asks to be kept.
extern "C" void sluice_fibre_switch(void** save, void* load);
asm(R"(
.text
.globl sluice_fibre_switch
.type sluice_fibre_switch, @function
sluice_fibre_switch:
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
.size sluice_fibre_switch, .-sluice_fibre_switch
)");
#else
#include <ucontext.h>
#endif

namespace sluice::kernels::cuda::sim {
namespace {

constexpr size_t kStackBytes = size_t{128} << 10;  // kernels need little; reporting a fault formats text
constexpr size_t kStagger = 192;
constexpr int kStaggers = 16;

}  // namespace

struct Fibre::State {
    void (*entry)(void*) = nullptr;
    void* argument = nullptr;
    std::byte* pages = nullptr;  // a guard page, then the stack
    size_t guard = 0;
    std::byte* top = nullptr;
#if defined(__x86_64__)
    void* own = nullptr;  // stack pointers of the side that does not run
    void* caller = nullptr;
#else
    ucontext_t own = {}, caller = {};
#endif
#if defined(__SANITIZE_ADDRESS__)
    void* caller_fake_stack = nullptr;
    void* own_fake_stack = nullptr;
    const void* caller_bottom = nullptr;
    size_t caller_size = 0;
#endif
#if defined(__SANITIZE_THREAD__)
    void* tsan_own = __tsan_create_fiber(0);
    void* tsan_caller = nullptr;
    int starts = 0;

    ~State() { __tsan_destroy_fiber(tsan_own); }
    // It counts calls that were left without returning, and has room for 65,536.
    void count_start() {
        if (++starts % 1000 != 0) return;
        __tsan_destroy_fiber(tsan_own);
        tsan_own = __tsan_create_fiber(0);
    }
#endif
    static thread_local State* starting;

    static void run();
    void enter();
    void leave();
};

thread_local Fibre::State* Fibre::State::starting = nullptr;

void Fibre::State::run() {
    State* state = starting;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &state->caller_bottom, &state->caller_size);
#endif
    state->entry(state->argument);
    SLUICE_CHECK(false);  // entry must not return
}

void Fibre::State::enter() {
    starting = this;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&caller_fake_stack, pages + guard, kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
    tsan_caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_own, 0);
#endif
#if defined(__x86_64__)
    sluice_fibre_switch(&caller, own);
#else
    swapcontext(&caller, &own);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(caller_fake_stack, nullptr, nullptr);
#endif
}

void Fibre::State::leave() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&own_fake_stack, caller_bottom, caller_size);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(tsan_caller, 0);
#endif
#if defined(__x86_64__)
    sluice_fibre_switch(&own, caller);
#else
    swapcontext(&own, &caller);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(own_fake_stack, &caller_bottom, &caller_size);
#endif
}

Fibre::Fibre(int index) : state_(std::make_unique<State>()) {
    state_->guard = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* pages = mmap(nullptr, state_->guard + kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SLUICE_CHECK(pages != MAP_FAILED);
    SLUICE_CHECK(mprotect(pages, state_->guard, PROT_NONE) == 0);
    state_->pages = static_cast<std::byte*>(pages);
    state_->top =
        state_->pages + state_->guard + kStackBytes - static_cast<size_t>(index % kStaggers) * kStagger;
}

Fibre::~Fibre() {
    munmap(state_->pages, state_->guard + kStackBytes);
}

void Fibre::start(void (*entry)(void*), void* argument) {
    state_->entry = entry;
    state_->argument = argument;
#if defined(__SANITIZE_THREAD__)
    state_->count_start();
#endif
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(state_->pages + state_->guard, kStackBytes);
#endif
#if defined(__x86_64__)
    // What the first switch pops: six registers, then where to begin. Above lies a return address of zero,
    // which also puts the stack where a called function expects it (8 more than a multiple of 16).
    auto* stack = reinterpret_cast<uint64_t*>(state_->top) - 8;
    for (int i = 0; i < 8; ++i) stack[i] = 0;
    stack[6] = reinterpret_cast<uint64_t>(&State::run);
    state_->own = stack;
#else
    getcontext(&state_->own);
    state_->own.uc_stack.ss_sp = state_->pages + state_->guard;
    state_->own.uc_stack.ss_size = static_cast<size_t>(state_->top - state_->pages) - state_->guard;
    state_->own.uc_link = nullptr;
    makecontext(&state_->own, &State::run, 0);
#endif
}

void Fibre::resume() {
    state_->enter();
}

void Fibre::suspend() {
    state_->leave();
}

}  // namespace sluice::kernels::cuda::sim
