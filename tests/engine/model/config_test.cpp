// Files whose metadata or tensors do not fit together are refused with the key or tensor at fault.
#include "engine/model/config.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/model/weights.h"
#include "tools/tiny_model.h"

namespace sluice::model {
namespace {

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() : bytes_(tools::TinyModel::make({})->bytes()) {}

    // Overwrites the first `from` in the file; both have one length.
    void replace(const std::string& from, const std::string& to) {
        ASSERT_EQ(from.size(), to.size());
        const std::string_view all(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
        const size_t at = all.find(from);
        ASSERT_NE(at, std::string_view::npos) << from;
        std::memcpy(bytes_.data() + at, to.data(), to.size());
    }
    // Changes a uint32 value behind its key.
    void set(const std::string& key, uint32_t value) {
        const std::string_view all(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
        const size_t at = all.find(key);
        ASSERT_NE(at, std::string_view::npos) << key;
        std::memcpy(bytes_.data() + at + key.size() + 4, &value, 4);
    }
    Result<Config> config() { return read_config(**gguf::File::from_memory(bytes_, "tiny.gguf")); }
    Result<Weights> weights() {
        const auto file = gguf::File::from_memory(bytes_, "tiny.gguf");
        const auto c = read_config(**file);
        EXPECT_TRUE(c.has_value());
        return bind_weights(*file, *c);
    }
    static void expect_error(const Error& e, ErrorKind kind, const std::string& word) {
        EXPECT_EQ(e.kind, kind) << e.message;
        EXPECT_NE(e.message.find(word), std::string::npos) << e.message;
        EXPECT_NE(e.message.find("tiny.gguf"), std::string::npos) << e.message;
    }

    std::vector<std::byte> bytes_;
};

TEST_F(ConfigTest, reads_what_was_written) {
    const auto c = config();
    ASSERT_TRUE(c.has_value());
    EXPECT_EQ(c->arch.name, "qwen3moe");
    EXPECT_EQ(c->layers, 2);
    EXPECT_EQ(c->hidden, 64);
    EXPECT_EQ(c->experts, 8);
    EXPECT_EQ(c->experts_used, 2);
    EXPECT_EQ(c->ffn, 96);
    EXPECT_EQ(c->head_dim, 16);
    EXPECT_FLOAT_EQ(static_cast<float>(c->rope_base), 1e6f);
    ASSERT_TRUE(weights().has_value());
}

TEST_F(ConfigTest, unknown_architecture) {
    replace("qwen3moe", "qwen9moe");
    const auto c = config();
    ASSERT_FALSE(c.has_value());
    expect_error(c.error(), ErrorKind::unsupported_architecture, "qwen9moe");
    EXPECT_NE(c.error().message.find("llama"), std::string::npos);
}

TEST_F(ConfigTest, numbers_out_of_range) {
    for (const auto& [key, value] : {std::pair{"qwen3moe.block_count", 0u},
                                     {"qwen3moe.attention.head_count", 0u},
                                     {"qwen3moe.attention.head_count_kv", 3u},
                                     {"qwen3moe.attention.key_length", 100'000u},
                                     {"qwen3moe.expert_used_count", 9u},
                                     {"qwen3moe.expert_count", 0u},
                                     {"qwen3moe.context_length", 0u},
                                     {"qwen3moe.embedding_length", 0xffffffffu}}) {
        const auto saved = bytes_;
        set(key, value);
        const auto c = config();
        ASSERT_FALSE(c.has_value()) << key;
        expect_error(c.error(), ErrorKind::bad_file, std::string(key).substr(9));
        bytes_ = saved;
    }
}

TEST_F(ConfigTest, missing_key) {
    replace("qwen3moe.block_count", "qwen3moe.block_cound");
    const auto c = config();
    ASSERT_FALSE(c.has_value());
    expect_error(c.error(), ErrorKind::bad_file, "qwen3moe.block_count");
}

TEST_F(ConfigTest, missing_tensor_and_wrong_shape) {
    const auto saved = bytes_;
    replace("blk.1.ffn_up_exps.weight", "blk.1.ffn_xx_exps.weight");
    auto w = weights();
    ASSERT_FALSE(w.has_value());
    expect_error(w.error(), ErrorKind::bad_file, "blk.1.ffn_up_exps.weight is missing");
    bytes_ = saved;
    set("qwen3moe.expert_feed_forward_length", 95);
    w = weights();
    ASSERT_FALSE(w.has_value());
    expect_error(w.error(), ErrorKind::bad_file, "expected [8, 95, 64]");
}

TEST_F(ConfigTest, merged_expert_tensors_are_named) {
    replace("blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp.weighx");
    const auto w = weights();
    ASSERT_FALSE(w.has_value());
    expect_error(w.error(), ErrorKind::bad_file, "blk.0.ffn_gate_inp.weight");
}

}  // namespace
}  // namespace sluice::model
