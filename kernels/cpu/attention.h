// Paged attention over the batch's block tables: the query rows of a KV head are computed together, in fixed
// 256-token splits that are merged in ascending order. Driven by the backend's thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/attention_plan.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/worker_pool.h"
#include "kernels/ops.h"

namespace sluice::kernels::cpu {

class PagedAttention {
  public:
    PagedAttention(const Isa& isa, WorkerPool& pool)
        : isa_(isa), pool_(pool), scratch_(static_cast<size_t>(pool.size())) {}

    void run(const Attention& op);

  private:
    void compute(const Attention& op, const AttentionPlan::Task& task, std::byte* scratch);
    void attend(const Attention& op, const AttentionPlan::Task& task, std::span<const int32_t> tiles,
                int32_t split, std::byte* scratch);
    void keep(int64_t row, bool first, const float* state);
    void finish(const Attention& op, const AttentionPlan::Tile& tile, int32_t kv_head);
    float* state(int64_t row) { return states_.data() + row * (kAcc + wide_); }

    // State of a row: the greatest score, the sum of the weights, the weighted sum of the values.
    static constexpr int64_t kMaximum = 0, kSum = 1, kAcc = 2;

    const Isa& isa_;
    WorkerPool& pool_;
    AttentionPlan plan_;
    int64_t group_ = 0, dim_ = 0, wide_ = 0;       // heads of a KV head; head size, and padded to vectors
    std::vector<float> states_;                    // [rows of slots, kAcc + wide]
    std::vector<std::vector<std::byte>> scratch_;  // of each worker
};

}  // namespace sluice::kernels::cpu
