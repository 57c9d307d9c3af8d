// read_vocab on metadata that is whole, lacks a key, or has one of another type.
#include "engine/tokenizer/vocab_file.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

namespace sluice::tokenizer {
namespace {

class FakeFile final : public gguf::File {
  public:
    std::map<std::string, gguf::Value, std::less<>> values = {
        {"tokenizer.ggml.model", std::string("gpt2")},
        {"tokenizer.ggml.pre", std::string("llama-bpe")},
        {"tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "ab"}},
        {"tokenizer.ggml.token_type", std::vector<int64_t>{1, 1, 3}},
        {"tokenizer.ggml.merges", std::vector<std::string>{"a b"}},
        {"tokenizer.ggml.bos_token_id", uint64_t{2}},
        {"tokenizer.ggml.eos_token_id", uint64_t{1}},
        {"tokenizer.ggml.eot_token_id", uint64_t{0}},
        {"tokenizer.ggml.padding_token_id", uint64_t{0xFFFFFFFF}}};

    const std::string& path() const override { return path_; }
    uint64_t size_bytes() const override { return 0; }
    std::span<const gguf::Tensor> tensors() const override { return {}; }
    const gguf::Tensor* find(std::string_view) const override { return nullptr; }
    const gguf::Value* metadata(std::string_view key) const override {
        const auto it = values.find(key);
        return it == values.end() ? nullptr : &it->second;
    }
    std::vector<std::string_view> keys() const override { return {}; }
    void read_ahead(const std::function<void(uint64_t, uint64_t)>&) const override {}

  private:
    std::string path_ = "model.gguf";
};

void expect_refused(const FakeFile& file, const std::string& key) {
    const auto read = read_vocab(file);
    ASSERT_FALSE(read) << key;
    EXPECT_EQ(read.error().kind, ErrorKind::bad_file) << key;
    EXPECT_NE(read.error().message.find(key), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find("model.gguf"), std::string::npos) << read.error().message;
}

TEST(VocabFile, ReadsAllKeys) {
    const auto read = read_vocab(FakeFile());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->model, "gpt2");
    EXPECT_EQ(read->pre, "llama-bpe");
    EXPECT_EQ(read->tokens, std::vector<std::string>({"a", "b", "ab"}));
    EXPECT_EQ(read->types, std::vector<int32_t>({1, 1, 3}));
    EXPECT_EQ(read->merges, std::vector<std::string>({"a b"}));
    EXPECT_EQ(read->bos, 2);
    EXPECT_EQ(read->eos, 1);
    EXPECT_EQ(read->eot, 0);
    EXPECT_EQ(read->pad, -1);
    EXPECT_TRUE(read->add_bos);  // the custom of llama-bpe files without the key
}

TEST(VocabFile, AddBosIsWhatTheFileSays) {
    FakeFile file;
    file.values["tokenizer.ggml.add_bos_token"] = false;
    EXPECT_FALSE(read_vocab(file)->add_bos);
    file.values["tokenizer.ggml.pre"] = std::string("qwen2");
    file.values["tokenizer.ggml.add_bos_token"] = true;
    EXPECT_TRUE(read_vocab(file)->add_bos);
    file.values.erase("tokenizer.ggml.add_bos_token");
    EXPECT_FALSE(read_vocab(file)->add_bos);
}

TEST(VocabFile, AbsentKeysAreNamed) {
    for (const char* key :
         {"tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
        FakeFile file;
        file.values.erase(key);
        expect_refused(file, key);
    }
}

TEST(VocabFile, KeysOfAnotherTypeAreNamed) {
    FakeFile whole;
    whole.values["tokenizer.ggml.add_bos_token"] = true;
    for (const auto& [key, value] : whole.values) {
        FakeFile file = whole;
        file.values[key] = std::vector<double>{0.5};
        expect_refused(file, key);
    }
}

TEST(VocabFile, NumbersOutOfRangeAreNamed) {
    for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.padding_token_id"}) {
        FakeFile file;
        file.values[key] = uint64_t{1} << 31;
        expect_refused(file, key);
        file.values[key] = int64_t{-2};
        expect_refused(file, key);
    }
    FakeFile file;
    file.values["tokenizer.ggml.token_type"] = std::vector<int64_t>{1, int64_t{1} << 32, 1};
    expect_refused(file, "tokenizer.ggml.token_type");
}

}  // namespace
}  // namespace sluice::tokenizer
