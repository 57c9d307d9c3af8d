// Memory as the simulated device sees it: regions with a name and bounds, and beside each piece of a region
// its shadow, which says who touched it last. Pointers of kernels carry their region (pointer.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
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

struct Shadow {  // all zeros to begin with
    Event write;
    Event reads[2];  // the last ones by two threads
    bool written = false;
    bool pending = false;  // an asynchronous copy is under way
};

class Region {
  public:
    // `grain`: bytes that one shadow stands for.
    Region(std::string name, Space space, size_t bytes, size_t grain)
        : name_(std::move(name)), space_(space), bytes_(bytes), grain_(grain), storage_(bytes + kAlign) {
        if (space != Space::input) make_shadow((bytes + grain - 1) / grain);
        void* at = storage_.data();
        size_t room = storage_.size();
        begin_ = static_cast<std::byte*>(std::align(kAlign, bytes, at, room));
        fill();
    }

    // With ones: NaN as any float.
    void fill() { std::memset(begin_, 0xff, bytes_); }
    // With zeros, which count as written.
    void clear() {
        std::memset(begin_, 0, bytes_);
        cleared_ = true;
    }

    const std::string& name() const { return name_; }
    Space space() const { return space_; }
    size_t bytes() const { return bytes_; }
    size_t grain() const { return grain_; }
    std::byte* begin() const { return begin_; }
    bool cleared() const { return cleared_; }
    Shadow* shadow() { return shadow_.get(); }
    bool is_written(size_t offset, size_t bytes) const {
        if (!shadow_ || cleared_) return true;
        for (size_t g = offset / grain_; g * grain_ < offset + bytes; ++g)
            if (!shadow_[g].written) return false;
        return true;
    }
    void mark_written(size_t offset, size_t bytes) {
        if (!shadow_) return;
        for (size_t g = offset / grain_; g * grain_ < offset + bytes; ++g) shadow_[g].written = true;
    }

  private:
    static constexpr size_t kAlign = 256;  // what cudaMalloc gives
    struct Free {
        void operator()(Shadow* s) const { std::free(s); }
    };

    // Zeros from the system, whose pages are taken when first touched: a KV cache is seldom full.
    void make_shadow(size_t count) {
        shadow_.reset(static_cast<Shadow*>(std::calloc(count > 0 ? count : 1, sizeof(Shadow))));
        if (!shadow_) throw std::bad_alloc();
    }

    std::string name_;
    Space space_;
    size_t bytes_, grain_;
    std::vector<std::byte> storage_;
    bool cleared_ = false;
    std::unique_ptr<Shadow[], Free> shadow_;
    std::byte* begin_ = nullptr;
};

}  // namespace sluice::kernels::cuda::sim
