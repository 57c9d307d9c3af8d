#include "kernels/cuda/sim/block.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/check.h"

namespace sluice::kernels::cuda::sim {

constinit thread_local Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace {

thread_local Block* current = nullptr;

Block& block() {
    SLUICE_CHECK(current != nullptr);  // a call that only kernels may make
    return *current;
}

std::string place(const std::source_location& at) {
    const std::string file = at.file_name();
    return file.substr(file.rfind('/') + 1) + ":" + std::to_string(at.line());
}

bool same(const std::source_location& a, const std::source_location& b) {
    if (a.line() != b.line() || a.column() != b.column()) return false;
    return a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0;
}

bool has(uint32_t mask, int lane) {
    return (mask >> lane & 1u) != 0;
}

}  // namespace

Block::Block(const Setup& setup, Workshop& workshop, std::mt19937_64& rng)
    : setup_(setup),
      workshop_(workshop),
      rng_(rng),
      threads_(setup.threads.x * setup.threads.y * setup.threads.z),
      warps_((threads_.size() + kWarpLanes - 1) / kWarpLanes) {}

void Block::thread_main(void* at) {
    auto* self = static_cast<Block*>(at);
    self->setup_.kernel(self->setup_.arguments);
    for (const auto& group : self->threads_[static_cast<size_t>(self->running_)].copies)
        if (!group.empty()) self->blame(Detector::pending_copy, "ends without waiting for its copies");
    self->suspend(Waits::ended, std::source_location::current());
}

std::optional<Fault> Block::run() {
    current = this;
    blockIdx = setup_.index;
    blockDim = setup_.threads;
    gridDim = setup_.grid;
    auto& fibres = workshop_.fibres;
    while (fibres.size() < threads_.size())
        fibres.push_back(std::make_unique<Fibre>(static_cast<int>(fibres.size())));
    for (size_t t = 0; t < threads_.size(); ++t) fibres[t]->start(&thread_main, this);
    release(0, size(), Waits::no, ~0u);
    const unsigned wide = setup_.threads.x, high = setup_.threads.y;
    while (ready_begin_ < ready_.size() && !fault_) {
        running_ = take();
        const auto t = static_cast<unsigned>(running_);
        threadIdx = {t % wide, t / wide % high, t / wide / high};
        fibres[t]->resume();
    }
    if (!fault_) report_stuck();
    current = nullptr;
    return fault_;
}

int Block::take() {
    size_t at = ready_begin_;
    if (setup_.order == Order::depth_first) at = ready_.size() - 1;
    if (setup_.order == Order::random) at += rng_() % (ready_.size() - ready_begin_);
    const int thread = ready_[at];
    if (at == ready_begin_) {
        ++ready_begin_;
    } else {
        ready_[at] = ready_.back();
        ready_.pop_back();
    }
    if (ready_begin_ == ready_.size()) {
        ready_.clear();
        ready_begin_ = 0;
    }
    return thread;
}

// Lets threads of begin..end-1 go on that wait for `from`; lane l of a warp only if mask has it.
void Block::release(int begin, int end, Waits from, uint32_t mask) {
    const bool down = setup_.order == Order::reverse;
    for (int i = begin; i < end; ++i) {
        const int t = down ? begin + end - 1 - i : i;
        Thread& thread = threads_[static_cast<size_t>(t)];
        if (thread.waits != from || !has(mask, t % kWarpLanes)) continue;
        thread.waits = Waits::no;
        ready_.push_back(t);
    }
}

void Block::suspend(Waits waits, const std::source_location& at) {
    const auto self = static_cast<size_t>(running_);
    threads_[self].waits = waits;
    threads_[self].at = at;
    workshop_.fibres[self]->suspend();
}

std::string Block::describe(int thread) const {
    return "thread " + std::to_string(thread) + " of block " + std::to_string(setup_.index.x) + "," +
           std::to_string(setup_.index.y);
}

void Block::report(Detector detector, const std::string& what) {
    fault_ = Fault{detector, std::string(name_of(detector)) + ": " + what};
}

void Block::blame(Detector detector, const std::string& what) {
    report(detector, describe(running_) + ": " + what);
}

void Block::stop() {
    suspend(Waits::ended, std::source_location::current());
    std::abort();  // run() resumes nobody after a fault
}

// Nobody can run: either all have ended, or some wait for what does not come.
void Block::report_stuck() {
    int ended = 0;
    for (const Thread& t : threads_) ended += t.waits == Waits::ended;
    if (ended == size()) return;
    for (int t = 0; t < size(); ++t) {
        const Thread& thread = threads_[static_cast<size_t>(t)];
        if (thread.waits != Waits::in_warp) continue;
        std::string text = describe(t) + " waits in " + thread.operation + " at " + place(thread.at);
        for (int lane = 0; lane < kWarpLanes; ++lane) {
            const int other = warp_begin(t) + lane;
            if (!has(thread.mask, lane)) continue;
            const Thread& o = threads_[static_cast<size_t>(other)];
            if (o.waits == Waits::in_warp && same(o.at, thread.at)) continue;
            text += "; lane " + std::to_string(lane) +
                    (o.waits == Waits::ended ? " has ended" : " waits at " + place(o.at));
            break;
        }
        return report(Detector::warp_mask, text);
    }
    const Thread& waiting = threads_[static_cast<size_t>(first_at_barrier_)];
    report(Detector::divergent_barrier, describe(first_at_barrier_) + " waits at " + place(waiting.at) +
                                            ", but " + std::to_string(ended) + " threads have ended");
}

void Block::barrier(const std::source_location& at) {
    if (at_barrier_ == 0) first_at_barrier_ = running_;
    const auto& first = threads_[static_cast<size_t>(first_at_barrier_)];
    if (at_barrier_ > 0 && !same(first.at, at)) {
        blame(Detector::divergent_barrier, "comes to the barrier at " + place(at) + " while thread " +
                                               std::to_string(first_at_barrier_) + " waits at " +
                                               place(first.at));
        stop();
    }
    ++at_barrier_;
    threads_[static_cast<size_t>(running_)].waits = Waits::at_barrier;
    if (at_barrier_ == size()) {
        at_barrier_ = 0;
        ++barriers_;
        release(0, size(), Waits::at_barrier, ~0u);
        suspend(Waits::no, at);
    } else {
        suspend(Waits::at_barrier, at);
    }
}

int Block::lanes_of_warp(int first) const {
    return std::min(kWarpLanes, size() - first);
}

// Whether the running thread may wait with this mask beside those of its warp that wait already. Comparing
// with one of them is enough: they were compared with each other, and who does not fit never goes on.
void Block::check_mask(uint32_t mask, int first, const char* name) {
    const int own = running_ - first, lanes = lanes_of_warp(first);
    if (!has(mask, own)) {
        blame(Detector::warp_mask, std::string(name) + " without itself in the mask");
        stop();
    }
    if (lanes < kWarpLanes && (mask >> lanes) != 0) {
        blame(Detector::warp_mask, std::string(name) + " with lanes that the block does not have");
        stop();
    }
    const uint32_t others = warps_[static_cast<size_t>(first / kWarpLanes)].waiting & mask;
    if (others == 0) return;
    const int lane = std::countr_zero(others);
    const Thread& other = threads_[static_cast<size_t>(first + lane)];
    const Thread& self = threads_[static_cast<size_t>(running_)];
    if (has(other.mask, own) && (other.mask != mask || !same(other.at, self.at))) {
        blame(Detector::warp_mask, std::string(name) + " at " + place(self.at) + " meets lane " +
                                       std::to_string(lane) + " in " + other.operation + " at " +
                                       place(other.at) + (other.mask != mask ? " with another mask" : ""));
        stop();
    }
}

// Whether all of the mask wait where the running thread does.
bool Block::all_there(uint32_t mask, int first) const {
    if ((warps_[static_cast<size_t>(first / kWarpLanes)].waiting & mask) != mask) return false;
    const Thread& self = threads_[static_cast<size_t>(running_)];
    for (int lane = 0; lane < lanes_of_warp(first); ++lane) {
        const Thread& other = threads_[static_cast<size_t>(first + lane)];
        if (has(mask, lane) && (other.mask != mask || !same(other.at, self.at))) return false;
    }
    return true;
}

void Block::warp_operation(const char* name, uint32_t mask, void* arguments, Finish finish,
                           const std::source_location& at) {
    const int first = warp_begin(running_);
    Warp& warp = warps_[static_cast<size_t>(first / kWarpLanes)];
    Thread& self = threads_[static_cast<size_t>(running_)];
    self.at = at;
    check_mask(mask, first, name);
    self.operation = name;
    self.mask = mask;
    self.arguments = arguments;
    self.waits = Waits::in_warp;
    warp.waiting |= 1u << (running_ - first);
    if (!all_there(mask, first)) return suspend(Waits::in_warp, at);
    void* by_lane[kWarpLanes] = {};
    for (int lane = 0; lane < lanes_of_warp(first); ++lane)
        by_lane[lane] = threads_[static_cast<size_t>(first + lane)].arguments;
    if (finish != nullptr) {
        finish(by_lane, mask);
    } else {
        ++warp.syncs;  // __syncwarp
    }
    warp.waiting &= ~mask;
    release(first, first + lanes_of_warp(first), Waits::in_warp, mask);
    suspend(Waits::no, at);
}

void blame(Detector detector, const std::string& what) {
    block().blame(detector, what);
}
void stop() {
    block().stop();
}
void touch(Region* region, const void* at, size_t bytes, size_t align, Access access) {
    block().touch(region, at, bytes, align, access);
}
Region* shared_region(const void* tag, const char* name, size_t bytes, size_t grain) {
    return block().shared_region(tag, name, bytes, grain);
}
void barrier(const std::source_location& at) {
    block().barrier(at);
}
void warp_operation(const char* name, uint32_t mask, void* arguments, Finish finish,
                    const std::source_location& at) {
    block().warp_operation(name, mask, arguments, finish, at);
}
int lane() {
    return block().running() % kWarpLanes;
}
void copy_async(Region* to_region, void* to, Region* from_region, const void* from, size_t bytes) {
    block().copy_async(to_region, to, from_region, from, bytes);
}
void copy_async_commit() {
    block().copy_async_commit();
}
void copy_async_wait(int groups_left) {
    block().copy_async_wait(groups_left);
}

}  // namespace sluice::kernels::cuda::sim
