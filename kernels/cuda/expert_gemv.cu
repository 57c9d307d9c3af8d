// Experts' rows times few activations each, with dp4a. A warp takes four rows and up to eight activations of
// an expert: its lanes share out the blocks along k, whose integers are exact in any order, and put each
// block's scale and sum into shared memory; then every lane adds up one (row, activation) by ascending block,
// as decision 1 asks. So a result does not depend on who else chose the expert.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"
#include "kernels/cuda/q4_k.h"
#include "kernels/quant.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kLanes;
constexpr int kRows = 4;     // of a warp
constexpr int kColumns = 8;  // activations at a time
constexpr int kChains = kRows * kColumns;
static_assert(kChains == kLanes);

__device__ int sum_over(int value, int lanes) {
    for (int bits = lanes / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(kAllLanes, value, bits);
    return value;
}

// A format says how many lanes share a block and what a lane does with its part. Term: what a block adds to a
// result.
struct Q8_0 {
    static constexpr int kElems = 32, kBytes = sizeof(BlockQ8_0), kActBytes = sizeof(cpu::Act32);
    static constexpr int kParts = 1;
    using Term = float2;  // scale, sum
    struct Activation {
        int q[8];
        float d;
    };
    using Weights = Activation;

    static __device__ Weights weights(Ptr<const std::byte> block, int) {
        Weights w;
        // Blocks of 34 bytes are aligned to 2.
        w.d = from_f16(ptr_cast<const uint16_t>(block)[0]);
        const auto halves = ptr_cast<const uint16_t>(block + offsetof(BlockQ8_0, qs));
        for (int i = 0; i < 8; ++i) {
            w.q[i] = static_cast<int>(halves[2 * i] | static_cast<uint32_t>(halves[2 * i + 1]) << 16);
        }
        return w;
    }
    static __device__ Activation activation(Ptr<const std::byte> block, int) {
        Activation a;
        a.d = ptr_cast<const float>(block)[0];
        const auto words = ptr_cast<const int>(block + offsetof(cpu::Act32, q));
        for (int i = 0; i < 8; ++i) a.q[i] = words[i];
        return a;
    }
    static __device__ Term term(const Weights& w, const Activation& a) {
        int sum = 0;
        for (int i = 0; i < (SLUICE_BUG(gemv_short_dot) ? 7 : 8); ++i) sum = dp4a(w.q[i], a.q[i], sum);
        return make_float2(__fmul_rn(w.d, a.d), static_cast<float>(sum));
    }
    static __device__ float add(float result, const Term& t) { return __fmaf_rn(t.x, t.y, result); }
};

// Eight lanes a block, each with a group of 32.
struct Q4_K {
    static constexpr int kElems = 256, kBytes = sizeof(BlockQ4_K), kActBytes = sizeof(cpu::Act256);
    static constexpr int kParts = 8;
    using Term = float4;  // scale, sum, scale of the minimums, their sum
    struct Weights {
        int q[8];
        int scale, min;
        float d, dmin;
    };
    struct Activation {
        int q[8];
        int sum;
        float d;
    };

    static __device__ Weights weights(Ptr<const std::byte> block, int group) {
        Weights w;
        const int misplaced = SLUICE_BUG(gemv_misaligned) ? 4 : 0;
        const ScalesQ4_K s(block + misplaced, group);
        w.scale = s.scale, w.min = s.min, w.d = s.d, w.dmin = s.dmin;
        const auto nibbles = ptr_cast<const uint4>(block + offsetof(BlockQ4_K, qs) + group / 2 * 32);
        const int shift = (SLUICE_BUG(gemv_wrong_nibble) ? group / 4 : group % 2) * 4;
        for (int i = 0; i < 2; ++i) {
            const uint4 v = nibbles[i];
            const uint32_t words[4] = {v.x, v.y, v.z, v.w};
            for (int j = 0; j < 4; ++j) w.q[i * 4 + j] = static_cast<int>(words[j] >> shift & 0x0f0f0f0fu);
        }
        return w;
    }
    static __device__ Activation activation(Ptr<const std::byte> block, int group) {
        Activation a;
        a.d = ptr_cast<const float>(block)[0];
        a.sum = ptr_cast<const int16_t>(block + offsetof(cpu::Act256, sum32))[group];
        const auto words = ptr_cast<const int>(block + offsetof(cpu::Act256, q) + group * 32);
        for (int i = 0; i < 8; ++i) a.q[i] = words[i];
        return a;
    }
    static __device__ Term term(const Weights& w, const Activation& a) {
        int sum = 0;
        for (int i = 0; i < 8; ++i) sum = dp4a(w.q[i], a.q[i], sum);
        const int all = sum_over(w.scale * sum, kParts), mins = sum_over(w.min * a.sum, kParts);
        return make_float4(__fmul_rn(w.d, a.d), static_cast<float>(all), -__fmul_rn(w.dmin, a.d),
                           static_cast<float>(mins));
    }
    static __device__ float add(float result, const Term& t) {
        return __fmaf_rn(t.z, t.w, __fmaf_rn(t.x, t.y, result));
    }
};

template <class Format>
struct Work {
    using Term = typename Format::Term;
    static constexpr int kBlocks = kLanes / Format::kParts;  // along k at a time
    static constexpr int kStride = kBlocks + 1;              // keeps chains in different banks

    const ExpertArgs& a;
    Ptr<Term> terms;  // [kChains, kStride], of the warp
    int expert, first_row;
    int blocks = a.cols / Format::kElems;

    // Rows behind the last are computed as copies of it and thrown away.
    __device__ Ptr<const std::byte> weight(int r, int block) const {
        const bool inside = first_row + r < a.rows || SLUICE_BUG(gemv_rows_behind_the_end);
        const int row = inside ? first_row + r : a.rows - 1;
        return a.weights + ((int64_t{expert} * a.rows + row) * blocks + block) * Format::kBytes;
    }
    __device__ Ptr<const std::byte> activation(int slot, int block) const {
        return a.x + (int64_t{slot / a.slots_per_x} * blocks + block) * Format::kActBytes;
    }

    // The terms of kBlocks blocks from `base` on.
    __device__ void multiply(int base, int first_slot, int columns) const {
        const int lane = lane_index(), part = lane % Format::kParts, own = lane / Format::kParts;
        const int block = base + own < blocks ? base + own : blocks - 1;
        typename Format::Weights w[kRows];
        for (int r = 0; r < kRows; ++r) w[r] = Format::weights(weight(r, block), part);
        for (int c = 0; c < columns; ++c) {
            const int slot = a.row[first_slot + c];
            const typename Format::Activation x = Format::activation(activation(slot, block), part);
            for (int r = 0; r < kRows; ++r) {
                const Term term = Format::term(w[r], x);
                if (part == 0) terms[(r * kColumns + c) * kStride + own] = term;
            }
        }
    }

    // Up to kColumns slots from `first_slot` on.
    __device__ void run(int first_slot, int columns) const {
        const int lane = lane_index(), column = lane % kColumns, row = first_row + lane / kColumns;
        float result = 0.0f;
        for (int base = 0; base < blocks; base += kBlocks) {
            multiply(base, first_slot, columns);
            if (!SLUICE_BUG(gemv_add_before_sync)) __syncwarp();
            const int n = blocks - base < kBlocks ? blocks - base : kBlocks;
            if (column < columns)
                for (int i = 0; i < n; ++i) result = Format::add(result, terms[lane * kStride + i]);
            if (!SLUICE_BUG(gemv_terms_overwritten)) __syncwarp();
        }
        if (column < columns && row < a.rows)
            a.y[int64_t{a.row[first_slot + column]} * a.rows + row] = result;
    }
};

template <class Format>
__global__ void __launch_bounds__(kThreads) expert_gemv_kernel(ExpertArgs a) {
    using Term = typename Format::Term;
    constexpr int kTerms = kChains * Work<Format>::kStride;
    SLUICE_SHARED(Term, terms, kWarps * kTerms);
    const int expert = static_cast<int>(blockIdx.y);
    const int first_row = (static_cast<int>(blockIdx.x) * kWarps + warp_index()) * kRows;
    if (first_row >= a.rows) return;
    const Work<Format> work{a, terms + warp_index() * kTerms, expert, first_row};
    const int begin = a.expert_begin[expert];
    const int end = a.expert_begin[expert + (SLUICE_BUG(gemv_slot_of_next_expert) ? 2 : 1)];
    for (int slot = begin; slot < end; slot += kColumns)
        work.run(slot, end - slot < kColumns ? end - slot : kColumns);
}

}  // namespace

void expert_gemv(Stream& stream, DType type, const ExpertArgs& args) {
    if (args.rows == 0) return;
    constexpr int kBlockRows = kWarps * kRows;
    stream.launch(grid_of((args.rows + kBlockRows - 1) / kBlockRows, kThreads, args.experts),
                  type == DType::q4_k ? expert_gemv_kernel<Q4_K> : expert_gemv_kernel<Q8_0>, args);
}

}  // namespace sluice::kernels::cuda
