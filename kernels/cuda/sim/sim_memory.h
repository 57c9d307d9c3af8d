// The memory of a simulated device, with a limit like that of a card. Addresses are those of the regions'
// bytes; at() turns one into the pointer that kernels take. Thread: one at a time.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "kernels/cuda/sim/simulator.h"
#include "kernels/device_memory.h"

namespace sluice::kernels::cuda::sim {

class SimMemory final : public DeviceMemory {
  public:
    SimMemory(const Options& options, uint64_t bytes) : simulator_(options), total_(bytes) {}

    uint64_t total_bytes() const override { return total_; }
    uint64_t free_bytes() const override { return total_ - used_; }
    std::byte* allocate(const std::string& name, size_t bytes, size_t element) override;
    void free(std::byte* at) override;
    void clear(std::byte* at) override;
    void upload(std::byte* to, const void* from, size_t bytes) override;
    void download(void* to, const std::byte* from, size_t bytes) override;
    void copy(std::byte* to, const std::byte* from, size_t bytes) override;
    bool failed() const override { return failure_.has_value() || simulator_.fault().has_value(); }
    std::optional<std::string> take_failure() override;

    Simulator& stream() { return simulator_; }
    // `address` lies in an allocation, or is null.
    template <class T>
    Ptr<T> at(T* address) {
        if (address == nullptr) return nullptr;
        return {address, place_of(address, sizeof(T)).region};
    }

  private:
    struct Place {
        Region* region;
        size_t offset;
    };
    Place place_of(const void* address, size_t bytes) const;

    Simulator simulator_;
    const uint64_t total_;
    uint64_t used_ = 0;
    std::map<const std::byte*, Region*> regions_;  // by where they begin
    std::optional<std::string> failure_;
};

}  // namespace sluice::kernels::cuda::sim
