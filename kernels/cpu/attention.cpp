#include "kernels/cpu/attention.h"

#include <algorithm>

#include "kernels/check.h"

namespace sluice::kernels::cpu {
namespace {

constexpr int32_t kTileTokens = 4;
constexpr int64_t kTileQueries = 256;  // query rows of a tile, at most
constexpr int32_t kSplitBlocks = 256 / kBlockTokens;

template <class T>
void grow(std::vector<T>& v, int64_t size) {
    if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
}

// Floats of one split's partial result: maximum and sum of each row, then acc.
int64_t state_size(int64_t rows, int64_t wide) {
    return rows * (2 + wide);
}

}  // namespace

void PagedAttention::plan(const Attention& op) {
    tiles_.clear();
    parts_.clear();
    const BatchView& b = op.batch;
    const int64_t group = op.heads / op.cache.kv_heads, wide = padded(op.cache.head_dim);
    SLUICE_CHECK(group <= kTileQueries);
    const auto most = static_cast<int32_t>(std::min<int64_t>(kTileTokens, kTileQueries / group));
    for (int64_t t = 0; t < b.num_tokens();) {
        const auto at = static_cast<size_t>(t);
        int32_t n = 1;
        while (n < most && t + n < b.num_tokens() &&
               b.table_begin[at + static_cast<size_t>(n)] == b.table_begin[at])
            ++n;
        const int32_t last = b.positions[at + static_cast<size_t>(n) - 1];
        tiles_.push_back({t, n, last / (kSplitBlocks * kBlockTokens) + 1});
        t += n;
    }
    int64_t state = 0;
    for (size_t i = 0; i < tiles_.size(); ++i) {
        for (int32_t h = 0; h < op.cache.kv_heads; ++h) {
            for (int32_t s = 0; s < tiles_[i].splits; ++s) {
                parts_.push_back({static_cast<int32_t>(i), h, s, state});
                state += state_size(tiles_[i].count * group, wide);
            }
        }
    }
}

// The partial result of one split. Rows that do not reach into it get sum 0.
void PagedAttention::compute(const Attention& op, const Part& part, std::vector<float>& scratch,
                             float* state) {
    const TokenTile& tile = tiles_[static_cast<size_t>(part.tile)];
    const int64_t group = op.heads / op.cache.kv_heads, dim = op.cache.head_dim;
    const int64_t rows = tile.count * group;
    const float* q[kTileQueries];
    int32_t last[kTileQueries];
    for (int64_t r = 0; r < rows; ++r) {
        const int64_t t = tile.first + r / group;
        q[r] = op.q + (t * op.heads + part.kv_head * group + r % group) * dim;
        last[r] = op.batch.positions[static_cast<size_t>(t)];
    }
    const int32_t first = part.split * kSplitBlocks;
    const int32_t end = std::min(first + kSplitBlocks, last[rows - 1] / kBlockTokens + 1);
    grow(scratch, attend_scratch(dim, rows));
    isa_.attend(
        {op.cache, part.kv_head,
         &op.batch.block_ids[static_cast<size_t>(op.batch.table_begin[static_cast<size_t>(tile.first)])],
         first, end, static_cast<int>(rows), q, last, op.scale, state, state + rows, state + 2 * rows,
         scratch.data()});
}

// Merges the splits of a tile and KV head, whose states follow one another, and writes the outputs.
void PagedAttention::finish(const Attention& op, const Part& first, float* states) {
    const TokenTile& tile = tiles_[static_cast<size_t>(first.tile)];
    const int64_t group = op.heads / op.cache.kv_heads, dim = op.cache.head_dim, wide = padded(dim);
    const int64_t rows = tile.count * group, size = state_size(rows, wide);
    for (int64_t r = 0; r < rows; ++r) {
        float* acc = states + 2 * rows + r * wide;
        for (int32_t s = 1; s < tile.splits; ++s) {
            const float* other = states + s * size;
            if (other[rows + r] != 0.0f)
                isa_.merge(states[r], states[rows + r], acc, other[r], other[rows + r],
                           other + 2 * rows + r * wide, wide);
        }
        const int64_t t = tile.first + r / group;
        float* y = op.y + (t * op.heads + first.kv_head * group + r % group) * dim;
        for (int64_t d = 0; d < dim; ++d) y[d] = acc[d] / states[rows + r];
    }
}

void PagedAttention::run(const Attention& op) {
    plan(op);
    const int64_t group = op.heads / op.cache.kv_heads, wide = padded(op.cache.head_dim);
    const int64_t heads = static_cast<int64_t>(tiles_.size()) * op.cache.kv_heads;
    const auto first_part = [this](int64_t i) { return parts_[static_cast<size_t>(i)].split == 0; };
    // Few rows: spread the splits as well. Many: each worker keeps its own, one after the other. Same sums.
    if (heads >= 2 * pool_.size()) {
        starts_.clear();
        for (int64_t i = 0; i < static_cast<int64_t>(parts_.size()); ++i)
            if (first_part(i)) starts_.push_back(i);
        pool_.run(heads, [&](int64_t task, int worker) {
            const int64_t start = starts_[static_cast<size_t>(task)];
            const TokenTile& tile = tiles_[static_cast<size_t>(parts_[static_cast<size_t>(start)].tile)];
            const int64_t rows = tile.count * group, size = state_size(rows, wide),
                          work = attend_scratch(op.cache.head_dim, rows);
            auto& scratch = scratch_[static_cast<size_t>(worker)];
            grow(scratch, work + tile.splits * size);
            for (int32_t s = 0; s < tile.splits; ++s)
                compute(op, parts_[static_cast<size_t>(start + s)], scratch,
                        scratch.data() + work + s * size);
            finish(op, parts_[static_cast<size_t>(start)], scratch.data() + work);
        });
        return;
    }
    if (!parts_.empty()) {
        const TokenTile& tile = tiles_[static_cast<size_t>(parts_.back().tile)];
        grow(states_, parts_.back().state + state_size(tile.count * group, wide));
    }
    pool_.run(static_cast<int64_t>(parts_.size()), [&](int64_t i, int worker) {
        const Part& part = parts_[static_cast<size_t>(i)];
        compute(op, part, scratch_[static_cast<size_t>(worker)], states_.data() + part.state);
    });
    pool_.run(static_cast<int64_t>(parts_.size()), [&](int64_t i, int) {
        const Part& part = parts_[static_cast<size_t>(i)];
        if (first_part(i)) finish(op, part, states_.data() + part.state);
    });
}

}  // namespace sluice::kernels::cpu
