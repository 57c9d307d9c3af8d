// Experts' rows times many activations each, on tensor cores: the same bits as expert_gemv.cu. A warp takes
// 16 rows and up to 16 activations of an expert. One mma_s8 makes the integers of 32 weights along k for 16
// rows and 8 activations; they are exact, so what is added up in floats, by ascending block, is what decision
// 1 defines. Fragments (ptx.h) are read from memory as they lie: with g = lane / 4 and q = lane % 4, a lane
// has rows g and g + 8, and of each tile of activations the column g as input and columns 2q and 2q + 1 as
// results.
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/numerics.h"
#include "kernels/cuda/q4_k.h"
#include "kernels/quant.h"

namespace sluice::kernels::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kLanes;
constexpr int kRows = 16;        // of a warp
constexpr int kTileColumns = 8;  // of one mma
constexpr int kTiles = 2;        // more spill registers
constexpr int kColumns = kTiles * kTileColumns;
constexpr int kResults = 4;  // of a lane in a tile: rows g, g, g + 8, g + 8

// A format says what 32 weights of a row are as bytes, and how their integers scale.
struct Q8_0 {
    static constexpr int kElems = 32, kBytes = sizeof(BlockQ8_0), kActBytes = sizeof(cpu::Act32);
    static constexpr int kGroups = 1, kActQuants = offsetof(cpu::Act32, q);
    static constexpr bool kHasMinimums = false;
    struct Scales {
        float d, dmin = 0.0f;
        int scale = 1, min = 0;
    };

    static __device__ Scales scales(Ptr<const std::byte> block, int) {
        return {from_f16(ptr_cast<const uint16_t>(block)[0])};
    }
    // Four weights from `i` on.
    static __device__ uint32_t four(Ptr<const std::byte> block, int, int i) {
        const auto halves = ptr_cast<const uint16_t>(block + offsetof(BlockQ8_0, qs) + i);
        return halves[0] | static_cast<uint32_t>(halves[1]) << 16;
    }
    static __device__ int sum(Ptr<const std::byte>, int) { return 0; }
};

struct Q4_K {
    static constexpr int kElems = 256, kBytes = sizeof(BlockQ4_K), kActBytes = sizeof(cpu::Act256);
    static constexpr int kGroups = 8, kActQuants = offsetof(cpu::Act256, q);
    static constexpr bool kHasMinimums = true;
    using Scales = ScalesQ4_K;

    static __device__ Scales scales(Ptr<const std::byte> block, int group) { return {block, group}; }
    static __device__ uint32_t four(Ptr<const std::byte> block, int group, int i) {
        const auto at = block + offsetof(BlockQ4_K, qs) + group / 2 * 32 + i;
        return ptr_cast<const uint32_t>(at)[0] >> (group % 2 * 4) & 0x0f0f0f0fu;
    }
    static __device__ int sum(Ptr<const std::byte> activation, int group) {
        return ptr_cast<const int16_t>(activation + offsetof(cpu::Act256, sum32))[group];
    }
};

template <class Format>
struct Work {
    const ExpertArgs& a;
    int expert, first_row, first_slot, end_slot;
    int blocks = a.cols / Format::kElems;
    int g = lane_index() / 4, q = lane_index() % 4;

    // Rows and slots behind the last are computed as copies of it and thrown away.
    __device__ Ptr<const std::byte> weight(int r, int block) const {
        const int row = first_row + r < a.rows ? first_row + r : a.rows - 1;
        return a.weights + ((int64_t{expert} * a.rows + row) * blocks + block) * Format::kBytes;
    }
    __device__ Ptr<const std::byte> activation(int column, int block) const {
        const int slot = a.row[first_slot + column < end_slot ? first_slot + column : end_slot - 1];
        return a.x + (int64_t{slot / a.slots_per_x} * blocks + block) * Format::kActBytes;
    }

    // The integers of a block: sums of products times scales, and sums of activations times minimums.
    __device__ void multiply(int block, int tiles, int (&sums)[kTiles][kResults],
                             int (&minimums)[kTiles][kResults]) const {
        const auto low = weight(g, block), high = weight(g + 8, block);
        for (int group = 0; group < Format::kGroups; ++group) {
            const typename Format::Scales scales[2] = {Format::scales(low, group),
                                                       Format::scales(high, group)};
            MmaS8 m;
            m.a[0] = Format::four(low, group, 4 * q);
            m.a[1] = Format::four(high, group, 4 * q);
            m.a[2] = Format::four(low, group, 4 * q + 16);
            m.a[3] = Format::four(high, group, 4 * q + 16);
            if (SLUICE_BUG(gemm_wrong_fragment)) m.a[1] = Format::four(low, group, 4 * q + 16);
            for (int t = 0; t < kTiles; ++t) {
                if (t >= tiles) break;
                const auto words = ptr_cast<const uint32_t>(activation(t * kTileColumns + g, block) +
                                                            Format::kActQuants + group * 32);
                m.b[0] = words[q];
                m.b[1] = words[q + 4];
                for (int i = 0; i < kResults; ++i) m.d[i] = 0;
                mma_s8(m);
                for (int i = 0; i < kResults; ++i) {
                    sums[t][i] += scales[i / 2].scale * m.d[i];
                    if (!Format::kHasMinimums) continue;
                    const auto x = activation(t * kTileColumns + 2 * q + i % 2, block);
                    minimums[t][i] += scales[i / 2].min * Format::sum(x, group);
                }
            }
        }
    }

    __device__ void add(int block, int tiles, float (&results)[kTiles][kResults]) const {
        int sums[kTiles][kResults] = {}, minimums[kTiles][kResults] = {};
        multiply(block, tiles, sums, minimums);
        for (int i = 0; i < kResults; ++i) {
            const typename Format::Scales w = Format::scales(weight(g + i / 2 * 8, block), 0);
            for (int t = 0; t < kTiles; ++t) {
                if (t >= tiles) break;
                const auto x = activation(t * kTileColumns + 2 * q + i % 2, block);
                const float d = ptr_cast<const float>(x)[0];
                float& result = results[t][i];
                result = __fmaf_rn(__fmul_rn(w.d, d), static_cast<float>(sums[t][i]), result);
                if (Format::kHasMinimums)
                    result = __fmaf_rn(-__fmul_rn(w.dmin, d), static_cast<float>(minimums[t][i]), result);
            }
        }
    }

    __device__ void run() const {
        const int columns = end_slot - first_slot, all = (columns + kTileColumns - 1) / kTileColumns;
        const int tiles = all < kTiles ? all : kTiles;
        float results[kTiles][kResults] = {};
        for (int block = 0; block < blocks; ++block) add(block, tiles, results);
        for (int t = 0; t < kTiles; ++t) {
            for (int i = 0; i < kResults; ++i) {
                const int column = t * kTileColumns + 2 * q + i % 2, row = first_row + g + i / 2 * 8;
                if (t < tiles && column < columns && row < a.rows)
                    a.y[int64_t{a.row[first_slot + column]} * a.rows + row] = results[t][i];
            }
        }
    }
};

template <class Format>
__global__ void __launch_bounds__(kThreads) expert_gemm_kernel(ExpertArgs a) {
    const int expert = static_cast<int>(blockIdx.y);
    const int first_row = (static_cast<int>(blockIdx.x) * kWarps + warp_index()) * kRows;
    if (first_row >= a.rows) return;
    const int end = a.expert_begin[expert + 1];
    for (int slot = a.expert_begin[expert]; slot < end; slot += kColumns)
        Work<Format>{a, expert, first_row, slot, slot + kColumns < end ? slot + kColumns : end}.run();
}

}  // namespace

void expert_gemm(Stream& stream, DType type, const ExpertArgs& args) {
    if (args.rows == 0) return;
    constexpr int kBlockRows = kWarps * kRows;
    stream.launch(grid_of((args.rows + kBlockRows - 1) / kBlockRows, kThreads, args.experts),
                  type == DType::q4_k ? expert_gemm_kernel<Q4_K> : expert_gemm_kernel<Q8_0>, args);
}

}  // namespace sluice::kernels::cuda
