// What a kernel asks of the engine that runs it. All of these are called on the fibre of a CUDA thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#include "kernels/cuda/sim/fault.h"
#include "kernels/cuda/sim/memory.h"

namespace sluice::kernels::cuda::sim {

struct Dim3 {
    unsigned x = 1, y = 1, z = 1;
};

// Who runs: set before a fibre goes on.
extern constinit thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

// A fault of the running thread; stop() has to follow. It leaves the thread for ever and destroys nothing, so
// the text must be gone by then: blame(...) is a statement of its own.
void blame(Detector detector, const std::string& what);
[[noreturn]] void stop();

// Fails unless the running thread may touch these bytes. `index` of a message counts in `unit` bytes.
void touch(Region* region, const void* at, size_t bytes, size_t align, Access access);

// The array that belongs to `tag` in the shared memory of the running block; made by whichever thread comes
// first.
Region* shared_region(const void* tag, const char* name, size_t bytes, size_t grain);

// __syncthreads
void barrier(const std::source_location& at);

// An operation of the lanes in `mask`: each passes its arguments and waits; the last one to come calls
// finish(arguments by lane, mask), which writes every lane's result.
using Finish = void (*)(void* const* arguments, uint32_t mask);
void warp_operation(const char* name, uint32_t mask, void* arguments, Finish finish,
                    const std::source_location& at);

int lane();

// cp.async: the copies that the running thread has begun since the last commit are a group.
void copy_async(Region* to_region, void* to, Region* from_region, const void* from, size_t bytes);
void copy_async_commit();
void copy_async_wait(int groups_left);

}  // namespace sluice::kernels::cuda::sim
