// The whole decoder: chunks, threads and instruction sets change nothing; the oracle backend agrees.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/engine/model/model_fixture.h"
#include "tests/kernels/data.h"

namespace sluice {
namespace {

tools::TinySpec quantised() {
    tools::TinySpec s;
    s.type = "Q4_K_M";
    s.hidden = 256;
    s.ffn = 256;
    s.head_dim = 64;
    return s;
}

std::vector<int32_t> prompt(size_t n) {
    std::mt19937 rng(3);
    std::vector<int32_t> out(n);
    for (int32_t& t : out) t = static_cast<int32_t>(rng() % 256);
    return out;
}

TEST(Transformer, chunks_threads_and_instruction_sets_change_no_bit) {
    const auto tokens = prompt(300);
    for (const kernels::DType kv :
         {kernels::DType::f16, kernels::DType::bf16, kernels::DType::f32, kernels::DType::q8_0}) {
        std::vector<float> first;
        for (const std::string& isa : kernels::available_cpu_isas()) {
            for (const auto& [threads, chunk] : {std::pair{1, 300}, {2, 64}, {3, 7}}) {
                test::ModelFixture fixture(quantised(), kernels::make_cpu_backend({threads, isa}), kv);
                const auto logits = fixture.forward_in_chunks(tokens, static_cast<size_t>(chunk));
                if (first.empty()) first = logits;
                ASSERT_EQ(logits.size(), first.size());
                ASSERT_EQ(0, std::memcmp(logits.data(), first.data(), logits.size() * 4))
                    << isa << " threads " << threads << " chunk " << chunk;
            }
        }
    }
}

TEST(Transformer, agrees_with_the_oracle_backend) {
    const auto tokens = prompt(50);
    test::ModelFixture plain({}, kernels::make_reference_backend()),
        fast({}, kernels::make_cpu_backend({2, ""}));
    EXPECT_LE(test::nmse(fast.forward(tokens), plain.forward(tokens)), 1e-9);
}

TEST(Transformer, counts_which_feed_forward_ran) {
    test::ModelFixture moe({}, kernels::make_cpu_backend({1, ""}));
    moe.forward(prompt(3));
    EXPECT_EQ(moe.model().backend().counters().moe_ffn, 2);
    EXPECT_EQ(moe.model().backend().counters().dense_ffn, 0);
    tools::TinySpec dense;
    dense.arch = "qwen3";
    test::ModelFixture other(dense, kernels::make_cpu_backend({1, ""}));
    other.forward(prompt(3));
    EXPECT_EQ(other.model().backend().counters().moe_ffn, 0);
    EXPECT_EQ(other.model().backend().counters().dense_ffn, 2);
}

}  // namespace
}  // namespace sluice
