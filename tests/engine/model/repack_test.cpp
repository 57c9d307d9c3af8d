// A repacked model computes the bits of the mapped one, from memory of its own.
#include "engine/model/repack.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/engine/model/model_fixture.h"

namespace sluice::model {
namespace {

tools::TinySpec spec(const std::string& type, const std::string& arch, bool tied) {
    tools::TinySpec s;
    s.type = type;
    s.arch = arch;
    s.tied = tied;
    s.hidden = 256;
    s.ffn = 256;
    s.head_dim = 64;
    s.vocab = 512;
    return s;
}

Weights bind(const std::shared_ptr<const gguf::File>& file) {
    const auto config = read_config(*file);
    EXPECT_TRUE(config.has_value());
    auto weights = bind_weights(file, *config);
    EXPECT_TRUE(weights.has_value());
    return std::move(*weights);
}

TEST(Repack, changes_no_bit_of_the_logits) {
    std::mt19937 rng(3);
    std::vector<int32_t> tokens(90);
    for (int32_t& t : tokens) t = static_cast<int32_t>(rng() % 256);
    for (const char* type : {"Q4_K_M", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "Q4_0", "F16"}) {
        for (const auto& [arch, tied] : {std::pair{"qwen3moe", false}, {"qwen3moe", true}, {"llama", true}}) {
            const auto make = [&](const std::string& isa, bool repacked) {
                return std::make_unique<test::ModelFixture>(spec(type, arch, tied),
                                                            kernels::make_cpu_backend({2, isa}),
                                                            kernels::DType::f16, repacked);
            };
            const auto want = make("scalar", false)->forward_in_chunks(tokens, 40);
            for (const std::string& isa : kernels::available_cpu_isas()) {
                if (isa == "scalar") continue;
                for (const bool repacked : {false, true}) {
                    const auto got = make(isa, repacked)->forward_in_chunks(tokens, 13);
                    ASSERT_EQ(0, std::memcmp(got.data(), want.data(), want.size() * 4))
                        << type << " " << arch << " " << isa << (repacked ? " repacked" : " mapped");
                }
            }
        }
    }
}

// From a real file: what fits strips leaves it, the rest stays; all bytes are told as progress, once.
TEST(Repack, moves_what_fits_out_of_the_file) {
    const auto tiny = tools::TinyModel::make(spec("Q4_K_M", "qwen3moe", false));
    ASSERT_TRUE(tiny.has_value());
    const std::string path = testing::TempDir() + "repack-" + std::to_string(::getpid()) + ".gguf";
    const auto bytes = tiny->bytes();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const auto file = gguf::File::open(path);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    Weights w = bind(*file);
    const gguf::Tensor* q = (*file)->find("blk.0.attn_q.weight");
    const std::vector before(q->data.begin(), q->data.end());
    uint64_t done = 0, total = 0;
    ASSERT_TRUE(repack(w, [&](uint64_t d, uint64_t t) { done = d, total = t; }).has_value());
    EXPECT_EQ(done, total);
    uint64_t tensor_bytes = 0;
    for (const gguf::Tensor& t : (*file)->tensors()) tensor_bytes += t.data.size();
    EXPECT_EQ(total, tensor_bytes);
    for (const LayerWeights& l : w.layers) {
        for (const kernels::Weight& m : {l.q, l.k, l.v, l.o}) EXPECT_EQ(m.layout, kernels::Layout::strips);
        for (const kernels::ExpertWeight& m : {l.gate_exps, l.up_exps, l.down_exps})
            EXPECT_EQ(m.layout, kernels::Layout::strips);
        EXPECT_EQ(l.router.layout, kernels::Layout::rows) << "floats have no strips";
    }
    EXPECT_EQ(w.output.layout, kernels::Layout::strips);
    EXPECT_EQ(w.embedding.layout, kernels::Layout::rows);
    EXPECT_EQ(before, std::vector(q->data.begin(), q->data.end())) << "the file can still be read";
    std::filesystem::remove(path);
}

}  // namespace
}  // namespace sluice::model
