// What a damaged or hostile vocabulary is answered.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/engine/tokenizer/small_vocab.h"

namespace sluice::tokenizer {
namespace {

struct Damage {
    const char* name;
    const char* key;      // named by the error
    const char* message;  // a part of it
    std::function<void(VocabData&)> apply;
};

void PrintTo(const Damage& damage, std::ostream* out) {
    *out << damage.name;
}

class Damaged : public testing::TestWithParam<Damage> {};

TEST_P(Damaged, IsRefusedByKey) {
    VocabData data = small_vocab();
    ASSERT_TRUE(Tokenizer::make(data));
    GetParam().apply(data);
    const auto made = Tokenizer::make(std::move(data));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().param, GetParam().key);
    EXPECT_EQ(made.error().message.rfind(GetParam().key, 0), 0u) << made.error().message;
    EXPECT_NE(made.error().message.find(GetParam().message), std::string::npos) << made.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, Damaged,
    testing::Values(
        Damage{"Model", "tokenizer.ggml.model", "supported: gpt2", [](VocabData& d) { d.model = "llama"; }},
        Damage{"Pre", "tokenizer.ggml.pre", "supported: qwen2", [](VocabData& d) { d.pre = "gpt-4o"; }},
        Damage{"NoTokens", "tokenizer.ggml.tokens", "0 tokens", [](VocabData& d) { d.tokens.clear(); }},
        Damage{"Repeated", "tokenizer.ggml.tokens", "repeats 'a'", [](VocabData& d) { d.tokens[300] = "a"; }},
        Damage{"Empty", "tokenizer.ggml.tokens", "token 300 is empty",
               [](VocabData& d) { d.tokens[300] = ""; }},
        Damage{"NoByte", "tokenizer.ggml.tokens", "no token for byte 97",
               [](VocabData& d) { *std::find(d.tokens.begin(), d.tokens.end(), "a") = "\u4E2D"; }},
        Damage{"TooFewTypes", "tokenizer.ggml.token_type", "types for",
               [](VocabData& d) { d.types.pop_back(); }},
        Damage{"ZeroType", "tokenizer.ggml.token_type", "unknown type 0",
               [](VocabData& d) { d.types[3] = 0; }},
        Damage{"BigType", "tokenizer.ggml.token_type", "unknown type 7",
               [](VocabData& d) { d.types[3] = 7; }},
        Damage{"Bos", "tokenizer.ggml.bos_token_id", "token 1000000",
               [](VocabData& d) { d.bos = 1'000'000; }},
        Damage{"NoBos", "tokenizer.ggml.bos_token_id", "absent", [](VocabData& d) { d.add_bos = true; }},
        Damage{"Eos", "tokenizer.ggml.eos_token_id", "token -2", [](VocabData& d) { d.eos = -2; }},
        Damage{"Eot", "tokenizer.ggml.eot_token_id", "of a vocabulary of",
               [](VocabData& d) { d.eot = static_cast<int32_t>(d.tokens.size()); }},
        Damage{"Pad", "tokenizer.ggml.padding_token_id", "token", [](VocabData& d) { d.pad = INT32_MAX; }},
        Damage{"NoPair", "tokenizer.ggml.merges", "is not a pair", [](VocabData& d) { d.merges[5] = "ab"; }},
        Damage{"AbsentPart", "tokenizer.ggml.merges", "merge 5 'qqqq z' is of absent tokens",
               [](VocabData& d) { d.merges[5] = "qqqq z"; }},
        Damage{"AbsentResult", "tokenizer.ggml.merges", "is of absent tokens",
               [](VocabData& d) { d.merges[5] = "z \u0100"; }},
        Damage{"EmptyPart", "tokenizer.ggml.merges", "is of absent tokens",
               [](VocabData& d) { d.merges[5] = " a"; }},
        Damage{"RepeatedMerge", "tokenizer.ggml.merges", "is repeated",
               [](VocabData& d) { d.merges.push_back(d.merges[0]); }}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace sluice::tokenizer
