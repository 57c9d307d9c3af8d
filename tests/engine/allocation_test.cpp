// A step that only decodes allocates nothing: not in the plan, the batch, the model, the choice of tokens and
// the commit, and not for the events either. Counted by an operator new of this program, on all threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "engine/engine.h"

namespace {
std::atomic<int64_t> allocations{0};

void* counted(size_t size, size_t alignment) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    void* memory = alignment <= alignof(std::max_align_t)
                       ? std::malloc(size)
                       : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (!memory) throw std::bad_alloc();
    return memory;
}
}  // namespace

void* operator new(size_t size) {
    return counted(size, 1);
}
void* operator new(size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return std::malloc(size);
}
// Not inlined: gcc would warn that free() gets what operator new gave.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace sluice::engine {
namespace {

constexpr int kStreams = 16, kWarmUp = 40, kSteps = 400;

// What the streams see together: a token of each of them is a step. It allocates nothing itself, so that what
// is counted is the engine's.
class Observer : public EventSink {
  public:
    void on_event(Event event) override {
        const std::lock_guard lock(mutex_);
        if (const auto* delta = std::get_if<Delta>(&event)) count(static_cast<int>(delta->tokens.size()));
        ended_ += std::holds_alternative<Finished>(event);
        failed_ |= std::holds_alternative<Failed>(event);
        changed_.notify_all();
    }
    // Allocations of each step.
    std::vector<int64_t> wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_ == kStreams || failed_; });
        EXPECT_FALSE(failed_);
        std::vector<int64_t> out;
        for (size_t i = 0; i < kSteps; ++i) out.push_back(marks_[i + 1] - marks_[i]);
        return out;
    }

  private:
    void count(int tokens) {
        tokens_ += tokens;
        const int step = tokens_ / kStreams - kWarmUp;
        if (step < 0 || step > kSteps || tokens_ % kStreams != 0) return;
        marks_[static_cast<size_t>(step)] = allocations;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    int tokens_ = 0, ended_ = 0;
    bool failed_ = false;
    std::array<int64_t, kSteps + 1> marks_{};
};

std::vector<int64_t> allocations_of_steps(const std::function<void(int, sampling::Params&)>& set) {
    Options options;
    options.model_path = SLUICE_RANDOM_MODEL;
    options.threads = 2;
    options.kv_memory_bytes = 64u << 20;
    auto engine = Engine::load(options);
    EXPECT_TRUE(engine.has_value());
    const auto observer = std::make_shared<Observer>();
    for (int i = 0; i < kStreams; ++i) {
        Request request;
        for (int t = 0; t < 3; ++t) request.prompt.push_back(40 + i + t);
        request.max_tokens = kWarmUp + kSteps + 40;
        request.ignore_eos = true;
        request.sampling.seed = static_cast<uint64_t>(i);
        set(i, request.sampling);
        request.sink = observer;
        EXPECT_TRUE((*engine)->submit(std::move(request)).has_value());
    }
    return observer->wait();
}

// A few steps find a buffer too small for what was not seen before: a longer context, or the first row that a
// thread samples. All others allocate nothing.
TEST(Allocation, NoneInStepsThatDecode) {
    const auto counts = allocations_of_steps([](int i, sampling::Params& p) {
        p.temperature = i % 4 == 0 ? 0.0f : 0.9f;
        p.top_k = i % 4 == 1 ? 20 : 0;
        p.top_p = i % 3 == 1 ? 0.9f : 1.0f;
        p.min_p = i % 5 == 2 ? 0.05f : 0.0f;
        if (i % 6 == 5) p.logit_bias = {{50, 1.0f}, {60, -100.0f}};
    });
    EXPECT_LE(kSteps - std::ranges::count(counts, 0), kSteps / 25);
}

// The tokens that a stream has used stand in a table, which doubles a few times.
TEST(Allocation, NoneForPenaltiesEither) {
    const auto counts = allocations_of_steps([](int, sampling::Params& p) { p.repetition_penalty = 1.1f; });
    EXPECT_LE(kSteps - std::ranges::count(counts, 0), kSteps / 25 + 4 * kStreams);
}

// What a client asked for beyond text belongs to it: three lists a token, of tokens and of the likeliest. The
// texts in them are short.
TEST(Allocation, LogprobsAreListsOfTheClient) {
    const auto counts = allocations_of_steps([](int, sampling::Params& p) { p.top_logprobs = 2; });
    EXPECT_LE(std::ranges::count_if(counts, [](int64_t n) { return n > 3 * kStreams; }), kSteps / 25);
}

}  // namespace
}  // namespace sluice::engine
