// Memory as the simulated device sees it: regions with a name and bounds, and beside each piece of a region
// its shadow, which says who touched it last. Pointers of kernels carry their region (pointer.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::kernels::cuda::sim {

enum class Space : uint8_t { input, global, shared };  // input: never written by kernels, so without shadow
enum class Access : uint8_t { read, write, atomic };

// Who touched a place, and when. Two events of a launch are ordered if one thread made both, if their block
// passed a barrier between them, or if their warp passed a __syncwarp between them.
struct Event {
    uint32_t block = 0;  // serial number over all launches, from 1; 0: nobody
    int32_t thread = 0;
    uint32_t barriers = 0;    // that the block had passed
    uint32_t warp_syncs = 0;  // that the warp had passed
    bool atomic = false;
};

struct Shadow {
    Event write;
    Event reads[2];  // the last ones by two threads
    bool written = false;
    bool pending = false;  // an asynchronous copy is under way
};

class Region {
  public:
    // `grain`: bytes that one shadow stands for.
    Region(std::string name, Space space, size_t bytes, size_t grain)
        : name_(std::move(name)),
          space_(space),
          bytes_(bytes),
          grain_(grain),
          storage_(bytes + kAlign),
          shadow_(space == Space::input ? 0 : (bytes + grain - 1) / grain) {
        void* at = storage_.data();
        size_t room = storage_.size();
        begin_ = static_cast<std::byte*>(std::align(kAlign, bytes, at, room));
        fill();
    }

    // With ones: NaN as any float.
    void fill() { std::memset(begin_, 0xff, bytes_); }

    const std::string& name() const { return name_; }
    Space space() const { return space_; }
    size_t bytes() const { return bytes_; }
    size_t grain() const { return grain_; }
    std::byte* begin() const { return begin_; }
    std::vector<Shadow>& shadow() { return shadow_; }
    void mark_written() {
        for (Shadow& s : shadow_) s.written = true;
    }

  private:
    static constexpr size_t kAlign = 256;  // what cudaMalloc gives

    std::string name_;
    Space space_;
    size_t bytes_, grain_;
    std::vector<std::byte> storage_;
    std::vector<Shadow> shadow_;
    std::byte* begin_ = nullptr;
};

}  // namespace sluice::kernels::cuda::sim
