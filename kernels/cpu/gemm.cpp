#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <numeric>

#include "kernels/strips.h"

namespace sluice::kernels::cpu {
namespace {

constexpr int64_t kUnitRows = 32;  // outputs in a task: two strips
constexpr int64_t kDownRows = 64;  // outputs that a task owns for all experts
static_assert(kUnitRows % kStripRows == 0 && kDownRows % kStripRows == 0);

int64_t units(int64_t rows, int64_t per_unit) {
    return (rows + per_unit - 1) / per_unit;
}

template <class T>
void grow(std::vector<T>& v, int64_t size) {
    if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
}

// Elements that share a scale.
int64_t block_of(ActFormat format) {
    return format == ActFormat::blocks_256 ? 256 : format == ActFormat::blocks_32 ? 32 : 1;
}

// Rows in GGUF order: tiles of 8 outputs and up to 8 columns.
void tiles(const Isa& isa, const Weight& w, int64_t begin, int64_t rows, const std::byte* const* columns,
           int64_t count, float* out, int64_t stride) {
    float tile_out[kTileCols][kTileRows];
    const auto tile = isa.tile[static_cast<size_t>(w.type)];
    const size_t row_size = row_bytes(w.type, w.cols);
    for (int64_t c = 0; c < count; c += kTileCols) {
        const int cols = static_cast<int>(std::min<int64_t>(kTileCols, count - c));
        for (int64_t r = 0; r < rows; r += kTileRows) {
            const int n = static_cast<int>(std::min<int64_t>(kTileRows, rows - r));
            tile({w.row(begin + r), row_size, n, columns + c, cols, w.cols, tile_out});
            for (int i = 0; i < cols; ++i) std::copy_n(tile_out[i], n, out + (c + i) * stride + r);
        }
    }
}

// Where the weights of row `begin` lie, unless they are not in strips or behind the end.
StripPlace place_of(const Weight& w, int64_t begin) {
    if (w.layout == Layout::rows || begin >= w.rows) return {};
    const StripView view = strip_view(w);
    const auto strip = static_cast<size_t>(begin / kStripRows);
    return {view.heads + strip * view.head_bytes, view.bodies + strip * view.body_bytes};
}

}  // namespace

// out[c * stride + r] = row begin + r of w times column c. `next` is what the worker will read after it.
void Gemm::product(const Weight& w, int64_t begin, int64_t rows, const std::byte* const* columns,
                   int64_t count, float* out, int64_t stride, StripPlace next) const {
    if (w.layout == Layout::rows) return tiles(isa_, w, begin, rows, columns, count, out, stride);
    isa_.strips[static_cast<size_t>(w.type)](
        {w, begin / kStripRows, rows / kStripRows, columns, count, out, stride, next});
}

float* Gemm::scratch(int worker, int64_t floats) {
    auto& own = scratch_[static_cast<size_t>(worker)];
    grow(own, floats);
    return own.data();
}

// Room for `rows` activations of length k; floats stay where they are.
void Gemm::arrange(Activations& a, DType weight, const float* x, int64_t rows, int64_t k) {
    a.format = act_format(weight);
    const size_t bytes = act_bytes(a.format, k);
    const std::byte* base = reinterpret_cast<const std::byte*>(x);
    if (a.format != ActFormat::f32) {
        grow(a.store, static_cast<int64_t>((static_cast<size_t>(rows) * bytes + sizeof(Aligned) - 1) /
                                           sizeof(Aligned)));
        base = a.store.data()->bytes;
    }
    grow(a.rows, rows);
    for (int64_t r = 0; r < rows; ++r) a.rows[static_cast<size_t>(r)] = base + static_cast<size_t>(r) * bytes;
}

// Elements begin .. begin + n - 1 of a row, whole blocks.
void Gemm::quantise(Activations& a, int64_t row, int64_t begin, const float* x, int64_t n) {
    if (a.format == ActFormat::f32) return;
    const auto quantise = a.format == ActFormat::blocks_32 ? isa_.quantise_32 : isa_.quantise_256;
    auto* to = const_cast<std::byte*>(a.rows[static_cast<size_t>(row)]);  // in the store, which is ours
    quantise(x, n, to + act_bytes(a.format, begin));
}

void Gemm::prepare(Activations& a, DType weight, const float* x, int64_t rows, int64_t k) {
    arrange(a, weight, x, rows, k);
    if (a.format == ActFormat::f32) return;
    constexpr int64_t kRowsAtOnce = 4;
    pool_.run(units(rows, kRowsAtOnce), [&](int64_t unit, int) {
        for (int64_t r = unit * kRowsAtOnce; r < std::min(rows, (unit + 1) * kRowsAtOnce); ++r)
            quantise(a, r, 0, x + r * k, k);
    });
}

void Gemm::linear(const Linear& op) {
    if (op.tokens == 0 || op.parts.empty()) return;
    // Parts may want different formats (a Q6_K value matrix beside Q8_0 ones).
    bool have[3] = {};
    int64_t total = 0;
    for (const LinearPart& part : op.parts) {
        const auto f = static_cast<size_t>(act_format(part.weight.type));
        if (!have[f]) prepare(x_[f], part.weight.type, op.x, op.tokens, part.weight.cols);
        have[f] = true;
        total += units(part.weight.rows, kUnitRows);
    }
    pool_.run(total, [&](int64_t unit, int worker) {
        const LinearPart* part = op.parts.data();
        for (; unit >= units(part->weight.rows, kUnitRows); ++part)
            unit -= units(part->weight.rows, kUnitRows);
        linear_unit(*part, unit * kUnitRows, op.tokens, worker);
    });
}

void Gemm::linear_unit(const LinearPart& part, int64_t begin, int64_t tokens, int worker) {
    const Weight& w = part.weight;
    const int64_t rows = std::min(kUnitRows, w.rows - begin);
    const auto* columns = x_[static_cast<size_t>(act_format(w.type))].rows.data();
    float* y = part.y + begin;
    const StripPlace next = place_of(w, begin + rows);
    if (!part.bias && !part.accumulate) return product(w, begin, rows, columns, tokens, y, w.rows, next);
    float* values = scratch(worker, tokens * kUnitRows);
    product(w, begin, rows, columns, tokens, values, kUnitRows, next);
    for (int64_t t = 0; t < tokens; ++t, y += w.rows, values += kUnitRows) {
        if (part.bias) isa_.add_scaled(values, part.bias + begin, 1.0f, rows);
        if (part.accumulate) {
            isa_.add_scaled(y, values, 1.0f, rows);
        } else {
            std::copy_n(values, rows, y);
        }
    }
}

// A feed-forward as groups of rows; the dense one is a single group of all tokens with weight 1.
struct Gemm::Middle {
    const float* x;
    float* y;
    int64_t tokens, slots;
    const Weight& gate;  // any of them: all groups have one shape and type
    const Weight& up;
    const Weight& down;
};

void Gemm::moe_ffn(const MoeFfn& op) {
    if (op.tokens == 0) return;
    const int64_t slots = op.tokens * op.top_k;
    grow(slot_token_, slots);
    grow(slot_weight_, slots);
    for (int64_t s = 0; s < slots; ++s) {
        slot_token_[static_cast<size_t>(s)] = static_cast<int32_t>(op.row[s] / op.top_k);
        slot_weight_[static_cast<size_t>(s)] = op.weight[op.row[s]];
    }
    groups_.clear();
    for (int64_t e = 0; e < op.gate.experts; ++e) {
        const int64_t begin = op.expert_begin[e], end = op.expert_begin[e + 1];
        if (begin < end)
            groups_.push_back({begin, end, op.gate.expert(e), op.up.expert(e), op.down.expert(e)});
    }
    feed_forward({op.x, op.y, op.tokens, slots, groups_[0].gate, groups_[0].up, groups_[0].down});
}

void Gemm::dense_ffn(const DenseFfn& op) {
    if (op.tokens == 0) return;
    grow(slot_token_, op.tokens);
    grow(slot_weight_, op.tokens);
    std::iota(slot_token_.begin(), slot_token_.begin() + op.tokens, 0);
    std::fill_n(slot_weight_.begin(), op.tokens, 1.0f);
    groups_.assign(1, {0, op.tokens, op.gate, op.up, op.down});
    feed_forward({op.x, op.y, op.tokens, op.tokens, op.gate, op.up, op.down});
}

void Gemm::feed_forward(const Middle& m) {
    Activations& x = x_[static_cast<size_t>(act_format(m.gate.type))];
    prepare(x, m.gate.type, m.x, m.tokens, m.gate.cols);
    // Gate and up are of one type in all known files; if not, up gets its own activations.
    const bool same = act_format(m.gate.type) == act_format(m.up.type);
    if (!same) prepare(x_up_, m.up.type, m.x, m.tokens, m.up.cols);
    grow(gate_column_, m.slots);
    grow(up_column_, m.slots);
    for (size_t s = 0; s < static_cast<size_t>(m.slots); ++s) {
        const auto token = static_cast<size_t>(slot_token_[s]);
        gate_column_[s] = x.rows[token];
        up_column_[s] = (same ? x : x_up_).rows[token];
    }
    gate_and_up(m);
    down(m);
}

// hidden[slot] = silu(gate x) * (up x), in the format that `down` wants. A task is some rows of one group's
// expert; the last task of a block of hidden quantises it.
void Gemm::gate_and_up(const Middle& m) {
    const int64_t ffn = m.gate.rows, per_group = units(ffn, kUnitRows);
    grow(hidden_, m.slots * ffn);
    arrange(h_, m.down.type, hidden_.data(), m.slots, ffn);
    const int64_t block = std::max(kUnitRows, block_of(h_.format)), blocks = units(ffn, block);
    const auto count = groups_.size() * static_cast<size_t>(blocks);
    if (left_.size() < count) left_ = std::vector<std::atomic<int32_t>>(count);
    for (size_t i = 0; i < count; ++i) {
        const int64_t first = static_cast<int64_t>(i) % blocks * block;
        left_[i].store(static_cast<int32_t>(units(std::min(block, ffn - first), kUnitRows)));
    }
    pool_.run(static_cast<int64_t>(groups_.size()) * per_group, [&](int64_t task, int worker) {
        const int64_t group = task / per_group, begin = task % per_group * kUnitRows;
        const Group& g = groups_[static_cast<size_t>(group)];
        gate_and_up_unit(m, g, begin, std::min(kUnitRows, ffn - begin), worker);
        const int64_t b = begin / block, first = b * block, width = std::min(block, ffn - first);
        auto& left = left_[static_cast<size_t>(group * blocks + b)];
        if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        for (int64_t s = g.begin; s < g.end; ++s)
            quantise(h_, s, first, hidden_.data() + s * ffn + first, width);
    });
}

void Gemm::gate_and_up_unit(const Middle& m, const Group& g, int64_t begin, int64_t rows, int worker) {
    const int64_t columns = g.end - g.begin, ffn = m.gate.rows;
    float* gate = scratch(worker, 2 * columns * rows);
    float* up = gate + columns * rows;
    product(g.gate, begin, rows, gate_column_.data() + g.begin, columns, gate, rows, place_of(g.up, begin));
    product(g.up, begin, rows, up_column_.data() + g.begin, columns, up, rows,
            place_of(g.gate, begin + rows));
    for (int64_t c = 0; c < columns; ++c)
        isa_.silu_mul(gate + c * rows, up + c * rows, hidden_.data() + (g.begin + c) * ffn + begin, rows);
}

// y[token] += sum over groups, ascending, of weight * down h. A task owns some outputs for all groups, so
// nothing is added twice at a time and the order is always the same.
void Gemm::down(const Middle& m) {
    pool_.run(units(m.down.rows, kDownRows), [&](int64_t task, int worker) {
        const int64_t begin = task * kDownRows;
        down_unit(m, begin, std::min(kDownRows, m.down.rows - begin), worker);
    });
}

void Gemm::down_unit(const Middle& m, int64_t begin, int64_t rows, int worker) {
    float* sum = scratch(worker, 2 * m.tokens * rows);
    float* values = sum + m.tokens * rows;
    std::fill_n(sum, m.tokens * rows, 0.0f);
    for (size_t i = 0; i < groups_.size(); ++i) {
        const Group& g = groups_[i];
        const StripPlace next = i + 1 < groups_.size() ? place_of(groups_[i + 1].down, begin) : StripPlace{};
        product(g.down, begin, rows, h_.rows.data() + g.begin, g.end - g.begin, values, rows, next);
        for (int64_t s = g.begin; s < g.end; ++s) {
            const auto slot = static_cast<size_t>(s);
            isa_.add_scaled(sum + slot_token_[slot] * rows, values + (s - g.begin) * rows, slot_weight_[slot],
                            rows);
        }
    }
    for (int64_t t = 0; t < m.tokens; ++t)
        isa_.add_scaled(m.y + t * m.down.rows + begin, sum + t * rows, 1.0f, rows);
}

}  // namespace sluice::kernels::cpu
