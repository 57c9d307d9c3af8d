// A fibre: a function on a stack of its own that is resumed and suspends itself by hand. On x86-64 a switch
// is a few instructions, elsewhere ucontext. The address sanitizer and the thread sanitizer are told of every
// switch. A fibre belongs to the thread that made it; one that is never resumed again may be started anew:
// what lay on its stack is forgotten without running destructors.
#pragma once
#include <cstddef>
#include <memory>

namespace sluice::kernels::cuda::sim {

class Fibre {
  public:
    // `index` staggers the stacks, so that those of neighbours do not share cache lines' sets.
    explicit Fibre(int index);
    ~Fibre();
    Fibre(const Fibre&) = delete;
    Fibre& operator=(const Fibre&) = delete;

    // The next resume() calls entry(argument), which must not return: its last act is suspend().
    void start(void (*entry)(void*), void* argument);
    // Runs the fibre until it suspends. Not from a fibre.
    void resume();
    // Back to resume(). Only on the fibre.
    void suspend();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::kernels::cuda::sim
