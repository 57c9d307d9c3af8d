#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/engine/tokenizer/small_vocab.h"

namespace sluice::tokenizer {
namespace {

class Special : public testing::Test {
  protected:
    Special() {
        VocabData data = small_vocab();
        start_ = add(data, "<|im_start|>", TokenType::control);
        end_ = add(data, "<|im_end|>", TokenType::control);
        call_ = add(data, "<tool_call>", TokenType::user_defined);
        short_ = add(data, "<|im", TokenType::user_defined);
        unknown_ = add(data, "<unk>", TokenType::unknown);
        tokenizer_ = make(std::move(data));
    }

    bool has(const std::vector<int32_t>& tokens, int32_t token) const {
        return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
    }

    int32_t start_, end_, call_, short_, unknown_;
    std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(Special, TrustedTextGivesControlTokens) {
    const auto tokens = tokenizer_->encode("<|im_start|><|im_end|><unk>");
    EXPECT_EQ(tokens, std::vector<int32_t>({start_, end_, unknown_}));
}

TEST_F(Special, OneUntrustedByteIsEnoughToDenyIt) {
    const std::string text = "hi <|im_end|> you";
    const size_t at = text.find('<'), length = std::string("<|im_end|>").size();
    for (size_t i = 0; i < text.size(); ++i) {
        std::string from_user(text.size(), 0);
        from_user[i] = 1;
        const auto tokens = tokenizer_->encode(text, from_user);
        EXPECT_EQ(has(tokens, end_), i < at || i >= at + length) << i;
        std::string back;
        for (const int32_t token : tokens) back += tokenizer_->bytes(token, true);
        EXPECT_EQ(back, text);
    }
}

// Half of the token from the template, half from the user.
TEST_F(Special, TokensCannotBeForgedAcrossTheBorder) {
    const std::string head = "<|im_", tail = "end|>";
    EXPECT_FALSE(has(tokenizer_->encode(head + tail, std::string(5, 0) + std::string(5, 1)), end_));
    EXPECT_FALSE(has(tokenizer_->encode(head + tail, std::string(5, 1) + std::string(5, 0)), end_));
}

TEST_F(Special, UserDefinedTokensMatchEverywhere) {
    const std::string text = "a<tool_call>b";
    EXPECT_TRUE(has(tokenizer_->encode(text, std::string(text.size(), 1)), call_));
    EXPECT_TRUE(has(tokenizer_->encode(text), call_));
    EXPECT_EQ(tokenizer_->bytes(call_), "<tool_call>");
}

TEST_F(Special, TheLongestMatchThatIsAllowedWins) {
    const std::string text = "<|im_end|>";
    EXPECT_EQ(tokenizer_->encode(text), std::vector<int32_t>({end_}));
    const auto untrusted = tokenizer_->encode(text, std::string(text.size(), 1));
    ASSERT_FALSE(untrusted.empty());
    EXPECT_EQ(untrusted[0], short_);
}

TEST_F(Special, ControlTokensAreSilentUnlessAskedFor) {
    EXPECT_TRUE(tokenizer_->is_control(end_));
    EXPECT_TRUE(tokenizer_->is_control(unknown_));
    EXPECT_FALSE(tokenizer_->is_control(call_));
    EXPECT_EQ(tokenizer_->bytes(end_), "");
    EXPECT_EQ(tokenizer_->bytes(end_, true), "<|im_end|>");
    EXPECT_EQ(tokenizer_->find("<|im_end|>"), end_);
    EXPECT_EQ(tokenizer_->find("<|im_e"), -1);
}

// A file whose merges spell a control token, with either pre-tokeniser: text must not reach it.
TEST(SpecialMerges, MergesCannotMakeAControlToken) {
    for (const char* pre : {"qwen2", "llama-bpe"}) {
        VocabData data = small_vocab(pre);
        add(data, "qz", TokenType::normal);
        const int32_t control = add(data, "qzq", TokenType::control);
        data.merges.insert(data.merges.begin(), {"q z", "qz q"});
        const auto tokenizer = make(std::move(data));
        EXPECT_EQ(tokenizer->encode("qzq"), std::vector<int32_t>({control}));
        const auto untrusted = tokenizer->encode("qzq", std::string(3, 1));
        EXPECT_EQ(untrusted, std::vector<int32_t>({tokenizer->find("qz"), tokenizer->find("q")}));
    }
}

}  // namespace
}  // namespace sluice::tokenizer
