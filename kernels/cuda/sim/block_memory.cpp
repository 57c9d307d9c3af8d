// What a block's threads do to memory: shared arrays, the checks of every access, asynchronous copies.
#include <algorithm>
#include <cstring>

#include "kernels/check.h"
#include "kernels/cuda/sim/block.h"

namespace sluice::kernels::cuda::sim {
namespace {

std::string element(const Region& region, size_t grain) {
    return region.name() + "[" + std::to_string(grain) + "]";
}

}  // namespace

Region* Block::shared_region(const void* tag, const char* name, size_t bytes, size_t grain) {
    auto& all = workshop_.shared;
    auto shared = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.tag == tag; });
    if (shared != all.end() && shared->block == setup_.serial) return shared->region.get();
    shared_bytes_ += (bytes + 15) / 16 * 16;
    if (shared_bytes_ > kSharedBytes) {
        blame(Detector::shared_memory,
              std::string(name) + " makes " + std::to_string(shared_bytes_) + " bytes");
        stop();
    }
    if (shared == all.end()) {
        all.push_back({tag, std::make_unique<Region>(name, Space::shared, bytes, grain), 0});
        shared = all.end() - 1;
    }
    SLUICE_CHECK(shared->region->bytes() == bytes);
    shared->region->fill();
    shared->block = setup_.serial;
    return shared->region.get();
}

Event Block::event(bool atomic) const {
    const uint32_t syncs = warps_[static_cast<size_t>(running_ / kWarpLanes)].syncs;
    return {setup_.serial, running_, barriers_, syncs, atomic};
}

// Whether nothing orders two events of which one is a write.
bool Block::conflict(const Region& region, const Event& before, const Event& now) const {
    if (before.block < setup_.launch_begin) return false;
    if (before.atomic && now.atomic) return false;
    if (before.block != now.block) return region.space() != Space::shared;  // another block's shared memory
    if (before.thread == now.thread || before.barriers != now.barriers) return false;
    const bool same_warp = before.thread / kWarpLanes == now.thread / kWarpLanes;
    return !same_warp || before.warp_syncs == now.warp_syncs;
}

void Block::race(Region& region, size_t grain, Access access, const Event& other) {
    const bool between = other.block != setup_.serial, wrote = &other == &region.shadow()[grain].write;
    const Detector kind = between                           ? Detector::block_race
                          : region.space() == Space::shared ? Detector::shared_race
                                                            : Detector::global_race;
    blame(kind, std::string(access == Access::read ? "reads " : "writes ") + element(region, grain) +
                    " that thread " + std::to_string(other.thread) + (between ? " of another block" : "") +
                    (wrote ? " wrote" : " read"));
    stop();
}

void Block::touch_grain(Region& region, size_t grain, Access access, const Event& now) {
    Shadow& s = region.shadow()[grain];
    if (s.pending) {
        blame(Detector::pending_copy, element(region, grain) + " is being copied to");
        stop();
    }
    const bool written =
        region.cleared() || (s.written && (region.space() != Space::shared || s.write.block == now.block));
    if (access != Access::write && !written) {
        blame(Detector::uninitialised, "reads " + element(region, grain));
        stop();
    }
    const Event* other = conflict(region, s.write, now) ? &s.write : nullptr;
    if (access != Access::read)
        for (const Event& read : s.reads)
            if (conflict(region, read, now)) other = &read;
    if (other != nullptr) race(region, grain, access, *other);
    if (access != Access::read) {
        s.write = now;
        s.written = true;
        return;
    }
    if (s.reads[0].thread != now.thread || s.reads[0].block != now.block) s.reads[1] = s.reads[0];
    s.reads[0] = now;
}

void Block::touch(Region* region, const void* at, size_t bytes, size_t align, Access access) {
    if (region == nullptr) {
        blame(Detector::out_of_bounds, "null pointer");
        stop();
    }
    const auto offset = static_cast<const std::byte*>(at) - region->begin();
    if (offset < 0 || static_cast<size_t>(offset) + bytes > region->bytes()) {
        blame(Detector::out_of_bounds, region->name() + " has " + std::to_string(region->bytes()) +
                                           " bytes, touched at " + std::to_string(offset));
        stop();
    }
    if (reinterpret_cast<uintptr_t>(at) % align != 0) {
        blame(Detector::misaligned, region->name() + " at byte " + std::to_string(offset) + ", " +
                                        std::to_string(align) + " bytes at once");
        stop();
    }
    if (region->space() == Space::input) return;
    const Event now = event(access == Access::atomic);
    const size_t first = static_cast<size_t>(offset) / region->grain();
    const size_t last = (static_cast<size_t>(offset) + bytes - 1) / region->grain();
    for (size_t g = first; g <= last; ++g) touch_grain(*region, g, access, now);
}

void Block::set_pending(const Copy& copy, bool pending) {
    const auto first = static_cast<size_t>(copy.to - copy.region->begin()) / copy.region->grain();
    for (size_t g = 0; g < copy.bytes / copy.region->grain(); ++g)
        copy.region->shadow()[first + g].pending = pending;
}

void Block::finish_copy(const Copy& copy) {
    set_pending(copy, false);
    touch(copy.region, copy.to, copy.bytes, copy.bytes, Access::write);
    std::memcpy(copy.to, copy.from, copy.bytes);
}

void Block::copy_async(Region* to_region, void* to, Region* from_region, const void* from, size_t bytes) {
    touch(from_region, from, bytes, bytes, Access::read);
    touch(to_region, to, bytes, bytes, Access::write);
    const Copy copy{to_region, static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes};
    auto& groups = threads_[static_cast<size_t>(running_)].copies;
    if (groups.empty()) groups.emplace_back();
    groups.back().push_back(copy);
    if (setup_.eager_copies) return finish_copy(copy);
    std::memset(to, 0xff, bytes);
    set_pending(copy, true);
}

void Block::copy_async_commit() {
    threads_[static_cast<size_t>(running_)].copies.emplace_back();
}

void Block::copy_async_wait(int groups_left) {
    auto& groups = threads_[static_cast<size_t>(running_)].copies;
    // The last group is still open; with it groups_left + 1 stay.
    while (static_cast<int>(groups.size()) > groups_left + 1) {
        if (!setup_.eager_copies)
            for (const Copy& copy : groups.front()) finish_copy(copy);
        groups.erase(groups.begin());
    }
}

}  // namespace sluice::kernels::cuda::sim
