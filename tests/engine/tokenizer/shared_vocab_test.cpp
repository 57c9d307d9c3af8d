// The vocabularies beside the repository, with the ids that their publishers expect for each text.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "engine/gguf/file.h"
#include "engine/tokenizer/vocab_file.h"

namespace sluice::tokenizer {
namespace {

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> texts(const std::string& path) {
    const std::string all = read(path), separator = "\n__ggml_vocab_test__\n";
    std::vector<std::string> parts;
    for (size_t at = 0; at < all.size();) {
        const size_t end = std::min(all.find(separator, at), all.size());
        parts.push_back(all.substr(at, end - at));
        at = end + separator.size();
    }
    return parts;
}

std::vector<std::vector<int32_t>> id_lines(const std::string& path) {
    std::ifstream in(path);
    std::vector<std::vector<int32_t>> lines;
    for (std::string line; std::getline(in, line);) {
        std::istringstream ids(line);
        lines.emplace_back(std::istream_iterator<int32_t>(ids), std::istream_iterator<int32_t>());
    }
    return lines;
}

class SharedVocab : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        path_ = std::string(SLUICE_SHARED "/vocab/ggml-vocab-") + GetParam() + ".gguf";
        if (!std::filesystem::exists(path_)) GTEST_SKIP() << path_ << " is absent";
        const auto file = gguf::File::open(path_);
        ASSERT_TRUE(file) << file.error().message;
        auto data = read_vocab(**file);
        ASSERT_TRUE(data) << data.error().message;
        auto made = Tokenizer::make(std::move(*data));
        ASSERT_TRUE(made) << made.error().message;
        tokenizer_ = *made;
    }

    std::string path_;
    std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_P(SharedVocab, GivesThePublishedIds) {
    const auto in = texts(path_ + ".inp");
    const auto expected = id_lines(path_ + ".out");
    ASSERT_EQ(in.size(), expected.size());
    ASSERT_GE(in.size(), 40u);
    for (size_t i = 0; i < in.size(); ++i) {
        EXPECT_EQ(tokenizer_->encode(in[i]), expected[i]) << in[i];
        std::string back;
        for (const int32_t token : tokenizer_->encode(in[i])) back += tokenizer_->bytes(token);
        EXPECT_EQ(back, in[i]);
    }
}

TEST_P(SharedVocab, KnowsBosAndEnds) {
    const bool llama = std::string(GetParam()) == "llama-bpe";
    EXPECT_EQ(tokenizer_->add_bos(), llama);
    EXPECT_EQ(tokenizer_->bos(), llama ? 128000 : 151643);
    const std::vector<int32_t> ends(tokenizer_->end_tokens().begin(), tokenizer_->end_tokens().end());
    EXPECT_EQ(ends, llama ? std::vector<int32_t>({128001, 128009}) : std::vector<int32_t>({151643, 151645}));
    EXPECT_EQ(tokenizer_->find(llama ? "<|eot_id|>" : "<|im_end|>"), ends.back());
    EXPECT_EQ(tokenizer_->vocab_size(), llama ? 128256 : 151936);
}

INSTANTIATE_TEST_SUITE_P(All, SharedVocab, testing::Values("qwen2", "llama-bpe"),
                         [](const auto& test) { return std::string(test.param).substr(0, 5); });

}  // namespace
}  // namespace sluice::tokenizer
