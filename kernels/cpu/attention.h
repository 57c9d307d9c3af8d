// Paged attention over the batch's block tables: query rows of neighbouring tokens and of one KV head are
// computed together, in fixed 256-token splits that are merged in ascending order. Driven by the backend's
// thread.
#pragma once
#include <cstdint>
#include <vector>

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
    // Up to kTileTokens tokens of one sequence.
    struct TokenTile {
        int64_t first;
        int32_t count;
        int32_t splits;  // that the last token reaches into
    };
    // One split of one tile and KV head; `state` is where its partial results begin.
    struct Part {
        int32_t tile, kv_head, split;
        int64_t state;
    };
    void plan(const Attention& op);
    void compute(const Attention& op, const Part& part, std::vector<float>& scratch, float* state);
    void finish(const Attention& op, const Part& first, float* states);

    const Isa& isa_;
    WorkerPool& pool_;
    std::vector<TokenTile> tiles_;
    std::vector<Part> parts_;
    std::vector<int64_t> starts_;              // the first part of each tile and KV head
    std::vector<float> states_;                // partial results, when splits are spread over workers
    std::vector<std::vector<float>> scratch_;  // of each worker
};

}  // namespace sluice::kernels::cpu
