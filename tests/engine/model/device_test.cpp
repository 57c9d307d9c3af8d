// The whole decoder on the simulated device: the bits of the CPU, and models that a device cannot compute.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "kernels/cuda/backend.h"
#include "tests/engine/model/model_fixture.h"

namespace sluice {
namespace {

using kernels::DType;

std::unique_ptr<kernels::Backend> sim(uint64_t bytes = 64 << 20) {
    kernels::cuda::SimOptions options;
    options.host = {1, ""};
    options.memory_bytes = bytes;
    return kernels::cuda::make_sim_backend(options);
}

tools::TinySpec small(const std::string& arch, const std::string& type = "Q8_0", bool tied = false) {
    tools::TinySpec s;
    s.arch = arch;
    s.type = type;
    s.tied = tied;
    if (type == "Q4_K" || type == "Q4_K_M") s.hidden = 256, s.ffn = 256, s.head_dim = 64, s.layers = 1;
    return s;
}

std::vector<int32_t> prompt(size_t n, uint32_t seed = 3) {
    std::mt19937 rng(seed);
    std::vector<int32_t> out(n);
    for (int32_t& t : out) t = static_cast<int32_t>(rng() % 256);
    return out;
}

void expect_equal_bits(const std::vector<float>& got, const std::vector<float>& want) {
    ASSERT_EQ(got.size(), want.size());
    ASSERT_FALSE(want.empty());
    EXPECT_EQ(0, std::memcmp(got.data(), want.data(), want.size() * sizeof(float)));
}

struct Case {
    const char* arch;
    const char* type;
    bool tied;
    DType kv;
};
void PrintTo(const Case& c, std::ostream* out) {
    *out << c.arch << " " << c.type;
}

class OnDevice : public testing::TestWithParam<Case> {};

// A prompt at once, then tokens one by one, over the end of a block of the cache.
TEST_P(OnDevice, prompts_and_single_tokens_have_the_bits_of_the_cpu) {
    const Case& c = GetParam();
    test::ModelFixture device(small(c.arch, c.type, c.tied), sim(), c.kv);
    test::ModelFixture cpu(small(c.arch, c.type, c.tied), kernels::make_cpu_backend({1, ""}), c.kv);
    const auto tokens = prompt(33);
    for (const auto& [first, count] : {std::pair{0, 30}, {30, 1}, {31, 1}, {32, 1}}) {
        const std::span part(tokens.data() + first, static_cast<size_t>(count));
        expect_equal_bits(device.forward(part, first), cpu.forward(part, first));
    }
    EXPECT_FALSE(device.model().backend().device()->failed());
    const auto own = device.model().expert_use(), other = cpu.model().expert_use();
    ASSERT_EQ(own == nullptr, other == nullptr);
    if (!own) return;
    EXPECT_EQ(own->chosen, other->chosen);
    EXPECT_EQ(own->distinct, other->distinct);
}

INSTANTIATE_TEST_SUITE_P(
    Models, OnDevice,
    testing::Values(Case{"qwen3moe", "Q8_0", false, DType::f16}, Case{"qwen3moe", "Q4_K", true, DType::bf16},
                    Case{"qwen3", "Q8_0", true, DType::f32}, Case{"qwen2", "Q8_0", false, DType::f16},
                    Case{"llama", "Q8_0", false, DType::f16}),
    [](const auto& test_info) { return std::string(test_info.param.arch) + "_" + test_info.param.type; });

TEST(OnDeviceAlone, copies_blocks_and_shows_states) {
    test::ModelFixture device(small("qwen3moe"), sim()),
        cpu(small("qwen3moe"), kernels::make_cpu_backend({1, ""}));
    const auto tokens = prompt(5);
    expect_equal_bits(device.states(tokens), cpu.states(tokens));
    for (auto* f : {&device, &cpu}) {
        f->model().copy_block(31, 7);  // away from where positions 0.. are, and back after others were there
        f->forward(prompt(5, 4));
        f->model().copy_block(7, 31);
    }
    expect_equal_bits(device.forward(prompt(1), 5), cpu.forward(prompt(1), 5));
}

TEST(OnDeviceAlone, long_contexts_have_several_splits) {
    auto spec = small("qwen3moe");
    spec.layers = 1;
    test::ModelFixture device(spec, sim()), cpu(spec, kernels::make_cpu_backend({1, ""}));
    const auto tokens = prompt(280);
    cpu.forward(tokens);
    const auto after = prompt(1);
    device.forward(tokens);
    expect_equal_bits(device.forward(after, 280), cpu.forward(after, 280));
}

// What the device says of a model.
Error refusal(const tools::TinySpec& spec, DType kv = DType::f16) {
    const auto bytes = tools::TinyModel::make(spec)->bytes();
    const auto file = *gguf::File::from_memory(bytes, "tiny");
    const auto config = *model::read_config(*file);
    const auto can = model::check_for_device(*model::bind_weights(file, config), config, kv);
    return can.has_value() ? Error{ErrorKind::internal, "it can"} : can.error();
}

TEST(OnDeviceAlone, names_the_tensor_that_it_cannot_compute) {
    EXPECT_EQ(refusal(small("qwen3moe")).message, "it can");
    EXPECT_EQ(
        refusal(small("qwen3moe", "Q4_K_M")).message,
        "tiny: tensor blk.0.attn_v.weight is Q6_K, and the device computes with it only as F32, F16, BF16, "
        "Q8_0 or Q4_K");
    EXPECT_EQ(
        refusal(small("qwen3moe", "F16")).message,
        "tiny: tensor blk.0.ffn_gate_exps.weight is F16, and the device computes with it only as Q8_0 or "
        "Q4_K");
    EXPECT_EQ(refusal(small("qwen3", "Q4_0")).param, "token_embd.weight");
    auto wide = small("qwen3moe");
    wide.head_dim = 160;
    EXPECT_EQ(refusal(wide).message, "tiny: has 160 elements a head, and the device computes up to 128");
    EXPECT_EQ(refusal(small("qwen3moe"), DType::q8_0).param, "--kv-type");
}

TEST(OnDeviceAlone, names_the_tensor_that_has_no_room) {
    const auto bytes = tools::TinyModel::make(small("qwen3moe"))->bytes();
    const auto file = *gguf::File::from_memory(bytes, "tiny");
    const auto config = *model::read_config(*file);
    auto weights = *model::bind_weights(file, config);
    const auto backend = sim(100 << 10);
    const auto done = model::upload(weights, *backend->device(), {});
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().kind, ErrorKind::out_of_memory);
    EXPECT_NE(done.error().message.find("blk.0."), std::string::npos) << done.error().message;
}

}  // namespace
}  // namespace sluice
