#include "engine/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/tokenizer/vocabulary.h"
#include "tests/engine/tokenizer/small_vocab.h"

namespace sluice::tokenizer {
namespace {

TEST(Tokenizer, RandomBytesComeBack) {
    const auto tokenizer = make(small_vocab());
    std::mt19937_64 rng(1);
    for (int i = 0; i < 3000; ++i) {
        std::string bytes(rng() % 60, '\0');
        for (char& b : bytes) b = static_cast<char>(rng() % 3 ? rng() % 128 : rng());
        ASSERT_EQ(joined_bytes(*tokenizer, tokenizer->encode(bytes)), bytes) << i;
    }
}

TEST(Tokenizer, InvalidUtf8IsEncodedByteByByte) {
    const auto tokenizer = make(small_vocab());
    const auto tokens = tokenizer->encode("\xFF\xE4\xB8\xC0");
    ASSERT_EQ(tokens.size(), 4u);
    EXPECT_EQ(tokenizer->bytes(tokens[2]), "\xB8");
}

TEST(Tokenizer, IgnoreMergesTakesAWholeWord) {
    for (const char* pre : {"qwen2", "llama-bpe"}) {
        VocabData data = small_vocab(pre);
        const int32_t word = add(data, "qzqzqz", TokenType::normal);  // no merge leads there
        const auto tokens = make(std::move(data))->encode("qzqzqz");
        EXPECT_EQ(tokens == std::vector<int32_t>({word}), pre == std::string("llama-bpe")) << pre;
    }
}

TEST(Tokenizer, KnowsEndsAndBos) {
    VocabData data = small_vocab();
    data.eos = add(data, "<eos>", TokenType::control);
    data.bos = data.eos;
    data.add_bos = true;
    const int32_t im_end = add(data, "<|im_end|>", TokenType::user_defined);  // a converter's mistake
    const int32_t eos = data.eos;
    const auto tokenizer = make(std::move(data));
    const auto ends = tokenizer->end_tokens();
    EXPECT_EQ(std::vector<int32_t>(ends.begin(), ends.end()), std::vector<int32_t>({eos, im_end}));
    EXPECT_TRUE(tokenizer->is_control(im_end));
    EXPECT_EQ(tokenizer->bos(), eos);
    EXPECT_TRUE(tokenizer->add_bos());
    EXPECT_EQ(tokenizer->vocab_size(), im_end + 1);
}

TEST(Tokenizer, IdsBeyondTheVocabularyHaveNoBytes) {
    const auto tokenizer = make(small_vocab());
    for (const int32_t token : {-1, tokenizer->vocab_size(), INT32_MAX}) {
        EXPECT_EQ(tokenizer->bytes(token, true), "");
        EXPECT_FALSE(tokenizer->is_control(token));
    }
}

// The heap of a word of n bytes sees each pair at most three times: once at first, twice more per merge.
TEST(Tokenizer, AMegabyteOfOneLetterIsNotQuadratic) {
    VocabData data = small_vocab();
    for (std::string a = "aa"; a.size() <= 4096; a += a) {
        if (std::find(data.tokens.begin(), data.tokens.end(), a) == data.tokens.end())
            add(data, a.c_str(), TokenType::normal);
        const std::string half = a.substr(0, a.size() / 2), merge = half + " " + half;
        if (std::find(data.merges.begin(), data.merges.end(), merge) == data.merges.end())
            data.merges.push_back(merge);
    }
    const auto vocabulary = Vocabulary::make(data);
    ASSERT_TRUE(vocabulary) << vocabulary.error().message;
    const std::string text(1 << 20, 'a');
    Bpe::Scratch scratch;
    std::vector<int32_t> tokens;
    vocabulary->bpe.encode(text, scratch, tokens);
    EXPECT_GE(scratch.steps, text.size() / 2);
    EXPECT_LE(scratch.steps, 3 * text.size());
    EXPECT_EQ(tokens.size(), text.size() / 4096);
}

TEST(Tokenizer, LongRunsComeBackFromBothPreTokenizers) {
    for (const char* pre : {"qwen2", "llama-bpe"}) {
        const auto tokenizer = make(small_vocab(pre));
        for (const char* unit :
             {"a", " ", "\n", "1", "!", "<", "'", "\u3000", "\xFF", " \n", "<|im_", "\u0301"}) {
            std::string text;
            while (text.size() < (1 << 18)) text += unit;
            EXPECT_TRUE(joined_bytes(*tokenizer, tokenizer->encode(text)) == text) << unit;
        }
    }
}

}  // namespace
}  // namespace sluice::tokenizer
