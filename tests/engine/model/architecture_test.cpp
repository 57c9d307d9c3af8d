#include "engine/model/architecture.h"

#include <gtest/gtest.h>

namespace sluice::model {
namespace {

// Gate V1_002: which names mean a mixture of experts, and which do not.
TEST(Architecture, V1_002_is_moe) {
    for (const char* name :
         {"qwen3moe", "qwen3_moe", "qwen3-moe", "Qwen3MoE", "Qwen3MoeForCausalLM", "QWEN3MOE"})
        EXPECT_TRUE(is_moe_architecture(name)) << name;
    for (const char* name :
         {"qwen3", "qwen2", "llama", "Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM"})
        EXPECT_FALSE(is_moe_architecture(name)) << name;
    for (const char* name : {"", "mixtral", "deepseek2", "qwen3moe2", "moe", "gpt2", "qwen2moe"})
        EXPECT_FALSE(is_moe_architecture(name)) << name;
}

TEST(Architecture, spellings_lead_to_one_entry) {
    for (const auto& [name, canonical] : {std::pair{"qwen3moe", "qwen3moe"},
                                          {"Qwen3MoeForCausalLM", "qwen3moe"},
                                          {"Qwen3ForCausalLM", "qwen3"},
                                          {"qwen2", "qwen2"},
                                          {"Qwen2ForCausalLM", "qwen2"},
                                          {"LlamaForCausalLM", "llama"},
                                          {"Llama", "llama"}}) {
        const auto found = find_architecture(name);
        ASSERT_TRUE(found.has_value()) << name;
        EXPECT_EQ(found->name, canonical);
    }
}

TEST(Architecture, unknown_names_are_answered_with_the_supported_ones) {
    const auto found = find_architecture("mamba");
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().kind, ErrorKind::unsupported_architecture);
    EXPECT_NE(found.error().message.find("mamba"), std::string::npos);
    for (const Architecture& a : supported_architectures())
        EXPECT_NE(found.error().message.find(a.name), std::string::npos) << a.name;
}

TEST(Architecture, families_differ_where_they_should) {
    EXPECT_TRUE(find_architecture("llama")->interleaved_rope);
    EXPECT_FALSE(find_architecture("qwen2")->interleaved_rope);
    EXPECT_TRUE(find_architecture("qwen3")->qk_norm);
    EXPECT_TRUE(find_architecture("qwen3moe")->qk_norm);
    EXPECT_FALSE(find_architecture("qwen2")->qk_norm);
}

}  // namespace
}  // namespace sluice::model
