#include "kernels/cuda/sim/sim_memory.h"

#include <cstring>
#include <new>

#include "kernels/check.h"

namespace sluice::kernels::cuda::sim {

std::byte* SimMemory::allocate(const std::string& name, size_t bytes, size_t element) {
    if (failed()) return nullptr;
    if (bytes == 0) bytes = 1;  // an address of its own
    if (bytes > free_bytes()) {
        failure_ = "the device is out of memory: " + name + " needs " + std::to_string(bytes) + " bytes, " +
                   std::to_string(free_bytes()) + " of " + std::to_string(total_) + " are free";
        return nullptr;
    }
    try {
        Region& region = simulator_.allocate(name, bytes, element);
        regions_[region.begin()] = &region;
        used_ += bytes;
        return region.begin();
    } catch (const std::bad_alloc&) {
        failure_ = "this machine has no memory to simulate " + std::to_string(bytes) + " bytes for " + name;
        return nullptr;
    }
}

SimMemory::Place SimMemory::place_of(const void* address, size_t bytes) const {
    const auto* at = static_cast<const std::byte*>(address);
    auto behind = regions_.upper_bound(at);
    SLUICE_CHECK(behind != regions_.begin());
    Region* region = std::prev(behind)->second;
    const auto offset = static_cast<size_t>(at - region->begin());
    SLUICE_CHECK(offset + bytes <= region->bytes());
    return {region, offset};
}

void SimMemory::free(std::byte* at) {
    if (at == nullptr) return;
    const auto it = regions_.find(at);
    SLUICE_CHECK(it != regions_.end());
    used_ -= it->second->bytes();
    simulator_.free(*it->second);
    regions_.erase(it);
}

void SimMemory::clear(std::byte* at) {
    if (failed()) return;
    place_of(at, 1).region->clear();
}

void SimMemory::upload(std::byte* to, const void* from, size_t bytes) {
    if (failed() || bytes == 0) return;
    const Place place = place_of(to, bytes);
    std::memcpy(to, from, bytes);
    place.region->mark_written(place.offset, bytes);
}

void SimMemory::download(void* to, const std::byte* from, size_t bytes) {
    if (failed() || bytes == 0) return;
    const Place place = place_of(from, bytes);
    if (!place.region->is_written(place.offset, bytes)) {
        failure_ = std::string(name_of(Detector::uninitialised)) + ": the host reads " + place.region->name();
        return;
    }
    std::memcpy(to, from, bytes);
}

void SimMemory::copy(std::byte* to, const std::byte* from, size_t bytes) {
    if (failed() || bytes == 0) return;
    const Place source = place_of(from, bytes), target = place_of(to, bytes);
    std::memmove(to, from, bytes);
    if (source.region->is_written(source.offset, bytes)) target.region->mark_written(target.offset, bytes);
}

std::optional<std::string> SimMemory::take_failure() {
    if (simulator_.fault()) return "the device is lost: " + simulator_.fault()->message;
    return std::exchange(failure_, std::nullopt);
}

}  // namespace sluice::kernels::cuda::sim
