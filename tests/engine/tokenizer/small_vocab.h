// The committed vocabulary (data/tokens.txt, data/merges.txt), with a few special tokens behind it; and
// random texts. Written by tools/compare_tokenizer.py --write-sample.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace sluice::tokenizer {

inline std::vector<std::string> lines_of(const std::string& name) {
    std::ifstream in(std::string(SLUICE_TEST_DATA "/") + name, std::ios::binary);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    EXPECT_FALSE(lines.empty()) << name;
    return lines;
}

inline VocabData small_vocab(const char* pre = "qwen2") {
    VocabData data;
    data.model = "gpt2";
    data.pre = pre;
    data.tokens = lines_of("tokens.txt");
    data.merges = lines_of("merges.txt");
    data.types.assign(data.tokens.size(), static_cast<int32_t>(TokenType::normal));
    return data;
}

inline int32_t add(VocabData& data, const char* text, TokenType type) {
    data.tokens.emplace_back(text);
    data.types.push_back(static_cast<int32_t>(type));
    return static_cast<int32_t>(data.tokens.size()) - 1;
}

inline std::shared_ptr<const Tokenizer> make(VocabData data) {
    auto made = Tokenizer::make(std::move(data));
    if (!made) {
        ADD_FAILURE() << made.error().message;
        std::abort();
    }
    return *made;
}

inline std::string joined_bytes(const Tokenizer& tokenizer, const std::vector<int32_t>& tokens) {
    std::string text;
    for (const int32_t token : tokens) text += tokenizer.bytes(token);
    return text;
}

inline std::string utf8(char32_t c) {
    if (c < 0x80) return {static_cast<char>(c)};
    std::string tail;
    char32_t limit = 0x40;
    uint32_t lead = 0x80;
    for (; c >= limit; c >>= 6, limit >>= 1, lead = lead >> 1 | 0x80)
        tail.insert(tail.begin(), static_cast<char>(0x80 | (c & 0x3F)));
    return static_cast<char>((lead & 0xFF) | c) + tail;
}

}  // namespace sluice::tokenizer
