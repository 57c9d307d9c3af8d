// What the simulated device can find wrong with a kernel, each by a detector with a name. The first fault
// ends the launch; later launches do nothing until the simulator is made anew, as after an error of a real
// device.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::kernels::cuda::sim {

enum class Detector : uint8_t {
    divergent_barrier,  // threads of a block meet at different barriers, or some never come
    warp_mask,      // a warp operation with a lane outside its mask, masks that differ, or a lane that never
                    // comes
    uninitialised,  // a read of memory that nothing has written
    pending_copy,   // memory touched while an asynchronous copy to it may be under way
    shared_race,    // two threads, one place of shared memory, a write, nothing that orders them
    global_race,    // the same in global memory, inside a block
    block_race,     // the same between blocks, which nothing orders inside a launch
    out_of_bounds,  // outside the buffer that the pointer came from
    misaligned,     // an address that is not a multiple of what is read or written there
    shared_memory,  // more shared memory than a block has
    launch,         // a grid that a device refuses
};

constexpr std::string_view name_of(Detector detector) {
    switch (detector) {
        case Detector::divergent_barrier:
            return "divergent barrier";
        case Detector::warp_mask:
            return "warp mask";
        case Detector::uninitialised:
            return "uninitialised memory";
        case Detector::pending_copy:
            return "pending copy";
        case Detector::shared_race:
            return "race in shared memory";
        case Detector::global_race:
            return "race in global memory";
        case Detector::block_race:
            return "race between blocks";
        case Detector::out_of_bounds:
            return "out of bounds";
        case Detector::misaligned:
            return "misaligned access";
        case Detector::shared_memory:
            return "too much shared memory";
        case Detector::launch:
            return "refused launch";
    }
    return {};
}

struct Fault {
    Detector detector;
    std::string message;  // "race in shared memory: tile[3] ... thread 4 of block 0"
};

}  // namespace sluice::kernels::cuda::sim
