#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "kernels/half.h"
#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

// Sequences of given lengths in a pool whose unused slots hold NaN: whoever reads one shows it.
class Pages {
  public:
    Pages(std::mt19937& rng, DType type, int32_t kv_heads, int32_t head_dim,
          const std::vector<int32_t>& lengths)
        : lengths_(lengths) {
        int32_t blocks = 0;
        for (const int32_t n : lengths) blocks += (n + kBlockTokens - 1) / kBlockTokens;
        layer_ = {type, blocks + 2, kv_heads, head_dim, nullptr, nullptr};
        // All ones is a NaN in every float format, that of scales included.
        keys_.assign(layer_.tile(blocks + 2, 0), std::byte{0xff});
        values_ = keys_;
        layer_.keys = keys_.data();
        layer_.values = values_.data();
        std::vector<int32_t> free(static_cast<size_t>(blocks));
        std::iota(free.begin(), free.end(), 1);
        std::shuffle(free.begin(), free.end(), rng);
        for (const int32_t n : lengths) {
            begins_.push_back(static_cast<int32_t>(ids_.size()));
            for (int32_t b = 0; b < (n + kBlockTokens - 1) / kBlockTokens; ++b) {
                ids_.push_back(free.back());
                free.pop_back();
            }
        }
        for (size_t s = 0; s < lengths.size(); ++s) batch(s, 0, lengths[s]);
        keys_in_ = test::gaussian(rng, tokens() * kv_heads * head_dim);
        values_in_ = test::gaussian(rng, tokens() * kv_heads * head_dim);
    }
    void write(Backend& b) { write(b, keys_in_, values_in_); }

    // Adds the tokens at positions first..end-1 of a sequence to the batch.
    void batch(size_t sequence, int32_t first, int32_t end) {
        for (int32_t p = first; p < end; ++p) {
            positions_.push_back(p);
            table_begin_.push_back(begins_[sequence]);
        }
    }
    // Of the batch, as they are: without queries, norms and rotations.
    void write(Backend& b, std::vector<float> keys, const std::vector<float>& values) {
        b.rope_kv({nullptr, keys.data(), values.data(), nullptr, nullptr, 0, nullptr, nullptr, 0, 0, false,
                   view(), layer_});
    }
    // Makes the key and the value of a token NaN.
    void poison(Backend& b, size_t sequence, int32_t position) {
        clear_batch();
        batch(sequence, position, position + 1);
        const std::vector<float> nan(static_cast<size_t>(layer_.kv_heads * layer_.head_dim),
                                     std::numeric_limits<float>::quiet_NaN());
        write(b, nan, nan);
        clear_batch();
    }
    // Gives a sequence the first blocks of another one.
    void share(size_t sequence, size_t with, int32_t blocks) {
        std::copy_n(ids_.begin() + begins_[with], blocks, ids_.begin() + begins_[sequence]);
    }
    void clear_batch() {
        positions_.clear();
        table_begin_.clear();
    }
    int32_t block(size_t sequence, int32_t position) const {
        return ids_[static_cast<size_t>(begins_[sequence] + position / kBlockTokens)];
    }
    // What was written for a position of the first sequence.
    float input(bool key, int64_t position, int64_t head, int64_t d) const {
        const auto at = static_cast<size_t>((position * layer_.kv_heads + head) * layer_.head_dim + d);
        return key ? keys_in_[at] : values_in_[at];
    }
    BatchView view() const { return {positions_, table_begin_, ids_}; }
    int64_t tokens() const { return static_cast<int64_t>(positions_.size()); }
    const KvLayer& layer() const { return layer_; }

  private:
    std::vector<int32_t> lengths_, begins_, ids_, positions_, table_begin_;
    std::vector<std::byte> keys_, values_;
    std::vector<float> keys_in_, values_in_;
    KvLayer layer_;
};

std::vector<float> attend(Backend& backend, const Pages& pages, const std::vector<float>& q, int64_t heads) {
    std::vector<float> y(q.size());
    const float scale = 1.0f / std::sqrt(static_cast<float>(pages.layer().head_dim));
    backend.attention({q.data(), y.data(), heads, scale, pages.view(), pages.layer()});
    return y;
}

TEST(Attention, matches_the_oracle_for_all_cache_types_and_shapes) {
    std::mt19937 rng(21);
    const auto oracle = make_reference_backend();
    for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::q8_0}) {
        // Queries and weights are rounded to int16 beside int8.
        const double limit = type == DType::q8_0 ? 1e-8 : 1e-11;
        for (const auto& [heads, kv_heads, dim] :
             {std::tuple{4, 4, 16}, {8, 2, 32}, {16, 2, 128}, {6, 3, 20}, {5, 1, 80}}) {
            Pages pages(rng, type, kv_heads, dim, {1, 31, 32, 33, 300, 5});
            pages.write(*oracle);
            const auto q = test::gaussian(rng, pages.tokens() * heads * dim);
            const auto want = attend(*oracle, pages, q, heads);
            for (const auto& backend : test::cpu_backends(2))
                EXPECT_LE(test::nmse(attend(*backend, pages, q, heads), want), limit)
                    << backend->name() << " " << test::name_of(type) << " head size " << dim;
        }
    }
}

// An int8 cache against the softmax over keys and values as they were before they were rounded.
TEST(Attention, over_int8_is_close_to_that_over_floats) {
    std::mt19937 rng(26);
    const auto oracle = make_reference_backend();
    for (const auto& [heads, kv_heads, dim] : {std::tuple{16, 2, 128}, {4, 4, 64}, {8, 1, 256}}) {
        std::mt19937 same = rng;
        Pages exact(rng, DType::f32, kv_heads, dim, {500, 40});
        Pages rounded(same, DType::q8_0, kv_heads, dim, {500, 40});
        exact.write(*oracle);
        rounded.write(*oracle);
        const auto q = test::gaussian(rng, exact.tokens() * heads * dim);
        const auto want = attend(*oracle, exact, q, heads);
        for (const auto& backend : test::cpu_backends(2))
            EXPECT_LE(test::nmse(attend(*backend, rounded, q, heads), want), 1e-4)
                << backend->name() << " head size " << dim;
    }
}

class AttentionBits : public testing::TestWithParam<DType> {};

// The same token gives the same bits alone, in a chunk, beside others, and on any number of threads.
TEST_P(AttentionBits, do_not_depend_on_chunks_neighbours_threads_or_instruction_set) {
    std::mt19937 rng(22);
    const int64_t heads = 8, dim = 40;
    Pages pages(rng, GetParam(), 2, dim, {700, 45});
    pages.write(*make_reference_backend());
    const auto q = test::gaussian(rng, 745 * heads * dim);
    const auto want = attend(*test::cpu_backends(1).front(), pages, q, heads);
    const auto row = static_cast<size_t>(heads * dim);
    for (const int threads : {1, 2, 7}) {
        for (const auto& backend : test::cpu_backends(threads)) {
            Pages chunk = pages;
            for (const auto& [first, end] : {std::pair{0, 1}, {255, 258}, {511, 520}, {699, 700}, {3, 690}}) {
                chunk.clear_batch();
                chunk.batch(0, first, end);
                const auto from = q.begin() + static_cast<long>(static_cast<size_t>(first) * row);
                const std::vector<float> part(
                    from, from + static_cast<long>(static_cast<size_t>(end - first) * row));
                const auto y = attend(*backend, chunk, part, heads);
                ASSERT_EQ(0,
                          std::memcmp(y.data(), want.data() + static_cast<size_t>(first) * row, y.size() * 4))
                    << backend->name() << " threads " << threads << " chunk " << first << ".." << end;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(CacheTypes, AttentionBits, testing::Values(DType::f16, DType::q8_0),
                         [](const auto& one) { return std::string(test::name_of(one.param)); });

// What a token writes is not seen by those before it, not even as a product with a weight of zero.
TEST(Attention, does_not_look_ahead) {
    std::mt19937 rng(24);
    const int64_t heads = 6, dim = 48;
    for (const auto& backend : test::cpu_backends(2)) {
        for (const DType type : {DType::f16, DType::q8_0}) {
            Pages pages(rng, type, 2, dim, {290});
            pages.write(*backend);
            const auto q = test::gaussian(rng, 290 * heads * dim);
            const auto want = attend(*backend, pages, q, heads);
            pages.poison(*backend, 0, 277);
            pages.batch(0, 0, 290);
            const auto got = attend(*backend, pages, q, heads);
            const auto clean = static_cast<size_t>(277 * heads * dim);
            EXPECT_EQ(0, std::memcmp(got.data(), want.data(), clean * 4)) << backend->name();
            for (size_t i = clean; i < got.size(); ++i)
                ASSERT_TRUE(std::isnan(got[i])) << backend->name() << " " << test::name_of(type) << " " << i;
        }
    }
}

// Sequences that share blocks are computed together; each gets the bits that it has alone.
TEST(Attention, of_shared_blocks_gives_the_bits_of_each_sequence_alone) {
    std::mt19937 rng(25);
    const int64_t heads = 8, dim = 64;
    const std::vector<int32_t> lengths{900, 1100, 1030, 290, 600, 513, 1100, 800, 1023, 1200, 1300};
    // Who shares how many leading blocks with whom: trees of several levels, and a second family.
    const std::vector<std::tuple<size_t, size_t, int32_t>> shares{
        {1, 0, 28}, {2, 0, 20}, {4, 1, 18}, {5, 0, 16}, {6, 1, 34}, {8, 7, 25}, {9, 6, 34}, {10, 9, 37}};
    for (const DType type : {DType::f16, DType::f32, DType::q8_0}) {
        Pages pages(rng, type, 2, dim, lengths);
        pages.write(*make_reference_backend());
        for (const auto& [sequence, with, blocks] : shares) pages.share(sequence, with, blocks);
        const auto q = test::gaussian(rng, static_cast<int64_t>(lengths.size()) * heads * dim);
        std::vector<float> want;
        for (size_t s = 0; s < lengths.size(); ++s) {
            pages.clear_batch();
            pages.batch(s, lengths[s] - 1, lengths[s]);
            const auto from = q.begin() + static_cast<long>(s) * heads * dim;
            const auto y = attend(*test::cpu_backends(1).front(), pages,
                                  std::vector<float>(from, from + heads * dim), heads);
            want.insert(want.end(), y.begin(), y.end());
        }
        pages.clear_batch();
        for (size_t s = 0; s < lengths.size(); ++s) pages.batch(s, lengths[s] - 1, lengths[s]);
        for (const int threads : {1, 3}) {
            for (const auto& backend : test::cpu_backends(threads)) {
                const auto y = attend(*backend, pages, q, heads);
                EXPECT_EQ(0, std::memcmp(y.data(), want.data(), y.size() * 4))
                    << backend->name() << " threads " << threads;
            }
        }
    }
}

TEST(Attention, stores_rounded_keys_and_values_at_their_slots_only) {
    std::mt19937 rng(23);
    const auto plain = make_reference_backend();
    Pages a(rng, DType::f16, 2, 16, {40, 33});
    a.write(*plain);
    const size_t bytes = a.layer().tile(a.layer().num_blocks, 0);
    const std::vector<std::byte> keys(a.layer().keys, a.layer().keys + bytes);
    int64_t untouched = 0;
    for (size_t i = 0; i < bytes; i += 2)
        untouched += keys[i] == std::byte{0xff} && keys[i + 1] == std::byte{0xff};
    EXPECT_EQ(untouched, static_cast<int64_t>(bytes / 2) - (40 + 33) * 2 * 16);
    for (const auto& backend : test::cpu_backends(3)) {
        std::memset(a.layer().keys, 0xff, bytes);
        a.write(*backend);
        EXPECT_EQ(0, std::memcmp(a.layer().keys, keys.data(), bytes)) << backend->name();
    }
}

TEST(Attention, stores_int8_within_half_a_step_of_the_scale) {
    std::mt19937 rng(27);
    for (const auto& backend : test::cpu_backends(2)) {
        Pages pages(rng, DType::q8_0, 2, 6, {40});
        pages.write(*backend);
        for (int32_t position = 0; position < 40; ++position) {
            for (const bool key : {true, false}) {
                const KvLayer& layer = pages.layer();
                const std::byte* tile =
                    (key ? layer.keys : layer.values) + layer.tile(pages.block(0, position), 1);
                const int64_t slot = position % kBlockTokens;
                float scale, greatest = 0;
                std::memcpy(&scale, tile + layer.tile_elems() + slot * 4, sizeof scale);
                for (int64_t d = 0; d < 6; ++d) {
                    const int64_t at = key ? layer.key_at(slot, d) : layer.value_at(slot, d);
                    const float x = pages.input(key, position, 1, d);
                    EXPECT_NEAR(scale * static_cast<float>(static_cast<int8_t>(tile[at])), x, 0.501f * scale)
                        << backend->name() << " " << position;
                    greatest = std::max(greatest, std::fabs(x));
                }
                EXPECT_FLOAT_EQ(scale, greatest / 127);
            }
        }
    }
}

}  // namespace
}  // namespace sluice::kernels
