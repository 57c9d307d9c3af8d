#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <numeric>

namespace sluice::kernels::cpu {
namespace {

constexpr int64_t kUnitRows = 32;  // outputs in a task of linear layers: enough to outweigh taking it
constexpr int64_t kDownRows = 64;  // outputs that a task owns for all experts

int64_t units(int64_t rows, int64_t per_unit) {
    return (rows + per_unit - 1) / per_unit;
}

template <class T>
void grow(std::vector<T>& v, int64_t size) {
    if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<size_t>(size));
}

// Calls done(column, first row, row count, values) for each tile of `w` rows [begin, end) times the columns.
template <class Column, class Done>
void each_tile(const Isa& isa, const Weight& w, int64_t begin, int64_t end, int64_t columns, Column&& column,
               Done&& done) {
    float out[kTileCols][kTileRows];
    const std::byte* acts[kTileCols];
    const auto tile = isa.tile[static_cast<size_t>(w.type)];
    const size_t stride = row_bytes(w.type, w.cols);
    for (int64_t c = 0; c < columns; c += kTileCols) {
        const int cols = static_cast<int>(std::min<int64_t>(kTileCols, columns - c));
        for (int i = 0; i < cols; ++i) acts[i] = column(c + i);
        for (int64_t r = begin; r < end; r += kTileRows) {
            const int rows = static_cast<int>(std::min<int64_t>(kTileRows, end - r));
            tile({w.row(r), stride, rows, acts, cols, w.cols, out});
            for (int i = 0; i < cols; ++i) done(c + i, r, rows, out[i]);
        }
    }
}

}  // namespace

// Quantises each row, or passes floats on as they are.
Gemm::Activations Gemm::prepare(const float* x, int64_t rows, int64_t k, DType weight,
                                std::vector<Aligned>& store) {
    const ActFormat format = act_format(weight);
    const size_t bytes = act_bytes(format, k);
    if (format == ActFormat::f32) return {format, bytes, reinterpret_cast<const std::byte*>(x)};
    grow(store,
         static_cast<int64_t>((static_cast<size_t>(rows) * bytes + sizeof(Aligned) - 1) / sizeof(Aligned)));
    auto* data = reinterpret_cast<std::byte*>(store.data());
    const auto quantise = format == ActFormat::blocks_32 ? isa_.quantise_32 : isa_.quantise_256;
    constexpr int64_t kRowsAtOnce = 4;
    pool_.run(units(rows, kRowsAtOnce), [&](int64_t unit, int) {
        for (int64_t r = unit * kRowsAtOnce; r < std::min(rows, (unit + 1) * kRowsAtOnce); ++r)
            quantise(x + r * k, k, data + static_cast<size_t>(r) * bytes);
    });
    return {format, bytes, data};
}

void Gemm::linear(const Linear& op) {
    if (op.tokens == 0 || op.parts.empty()) return;
    // Parts may want different formats (a Q6_K value matrix beside Q8_0 ones).
    Activations by_format[3];
    bool have[3] = {};
    int64_t total = 0;
    for (const LinearPart& part : op.parts) {
        const auto f = static_cast<size_t>(act_format(part.weight.type));
        if (!have[f])
            by_format[f] =
                prepare(op.x, op.tokens, part.weight.cols, part.weight.type, f == 1 ? x_store_ : x2_store_);
        have[f] = true;
        total += units(part.weight.rows, kUnitRows);
    }
    pool_.run(total, [&](int64_t unit, int) {
        const LinearPart* part = op.parts.data();
        for (; unit >= units(part->weight.rows, kUnitRows); ++part)
            unit -= units(part->weight.rows, kUnitRows);
        const Weight& w = part->weight;
        const Activations& a = by_format[static_cast<size_t>(act_format(w.type))];
        const int64_t begin = unit * kUnitRows, end = std::min(w.rows, begin + kUnitRows);
        each_tile(
            isa_, w, begin, end, op.tokens, [&](int64_t t) { return a.row(t); },
            [&](int64_t t, int64_t r, int rows, const float* values) {
                float* y = part->y + t * w.rows + r;
                for (int i = 0; i < rows; ++i) {
                    const float v = part->bias ? values[i] + part->bias[r + i] : values[i];
                    y[i] = part->accumulate ? y[i] + v : v;
                }
            });
    });
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
    const Activations x = prepare(m.x, m.tokens, m.gate.cols, m.gate.type, x_store_);
    gate_and_up(m, x);
    down(m, prepare(hidden_.data(), m.slots, m.down.cols, m.down.type, h_store_));
}

// hidden[slot] = silu(gate x) * (up x). A task is some rows of one group's expert.
void Gemm::gate_and_up(const Middle& m, const Activations& x) {
    const int64_t ffn = m.gate.rows, per_group = units(ffn, kUnitRows);
    grow(hidden_, m.slots * ffn);
    // Gate and up are of one type in all known files; if not, up gets its own activations.
    const bool same = act_format(m.gate.type) == act_format(m.up.type);
    const Activations x_up = same ? x : prepare(m.x, m.tokens, m.up.cols, m.up.type, x2_store_);
    pool_.run(static_cast<int64_t>(groups_.size()) * per_group, [&](int64_t task, int worker) {
        const Group& g = groups_[static_cast<size_t>(task / per_group)];
        const int64_t begin = task % per_group * kUnitRows, end = std::min(ffn, begin + kUnitRows);
        const int64_t columns = g.end - g.begin, width = end - begin;
        auto& gate = scratch_[static_cast<size_t>(worker)];
        grow(gate, 2 * columns * width);
        float* up = gate.data() + columns * width;
        const auto token = [&](int64_t c) { return slot_token_[static_cast<size_t>(g.begin + c)]; };
        const auto store = [&](float* to) {
            return [=](int64_t c, int64_t r, int rows, const float* values) {
                std::copy_n(values, rows, to + c * width + (r - begin));
            };
        };
        each_tile(
            isa_, g.gate, begin, end, columns, [&](int64_t c) { return x.row(token(c)); },
            store(gate.data()));
        each_tile(
            isa_, g.up, begin, end, columns, [&](int64_t c) { return x_up.row(token(c)); }, store(up));
        for (int64_t c = 0; c < columns; ++c)
            isa_.silu_mul(gate.data() + c * width, up + c * width,
                          hidden_.data() + (g.begin + c) * ffn + begin, width);
    });
}

// y[token] += sum over groups, ascending, of weight * down h. A task owns some outputs for all groups, so
// nothing is added twice at a time and the order is always the same.
void Gemm::down(const Middle& m, const Activations& h) {
    const int64_t hidden = m.down.rows;
    pool_.run(units(hidden, kDownRows), [&](int64_t task, int worker) {
        const int64_t begin = task * kDownRows, end = std::min(hidden, begin + kDownRows),
                      width = end - begin;
        auto& sum = scratch_[static_cast<size_t>(worker)];
        grow(sum, m.tokens * width);
        std::fill_n(sum.begin(), m.tokens * width, 0.0f);
        for (const Group& g : groups_) {
            each_tile(
                isa_, g.down, begin, end, g.end - g.begin, [&](int64_t c) { return h.row(g.begin + c); },
                [&](int64_t c, int64_t r, int rows, const float* values) {
                    const auto slot = static_cast<size_t>(g.begin + c);
                    float* to = sum.data() + slot_token_[slot] * width + (r - begin);
                    for (int i = 0; i < rows; ++i) to[i] += slot_weight_[slot] * values[i];
                });
        }
        for (int64_t t = 0; t < m.tokens; ++t)
            for (int64_t i = 0; i < width; ++i)
                m.y[t * hidden + begin + i] += sum[static_cast<size_t>(t * width + i)];
    });
}

}  // namespace sluice::kernels::cpu
