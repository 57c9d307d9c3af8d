// Ids that the PyPI library `tokenizers` gave for random texts with the committed vocabulary.
#include <gtest/gtest.h>

#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/engine/tokenizer/small_vocab.h"

namespace sluice::tokenizer {
namespace {

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

std::vector<int32_t> ids(const std::string& column) {
    std::istringstream in(column);
    return {std::istream_iterator<int32_t>(in), std::istream_iterator<int32_t>()};
}

TEST(Sample, EqualsTheLibrary) {
    const auto qwen2 = make(small_vocab("qwen2"));
    const auto llama = make(small_vocab("llama-bpe"));
    const auto lines = lines_of("samples.tsv");
    ASSERT_EQ(lines.size(), 300u);
    for (const std::string& line : lines) {
        std::istringstream in(line);
        std::string hex, qwen2_ids, llama_ids;
        ASSERT_TRUE(std::getline(in, hex, '\t') && std::getline(in, qwen2_ids, '\t') &&
                    std::getline(in, llama_ids));
        EXPECT_EQ(qwen2->encode(from_hex(hex)), ids(qwen2_ids)) << hex;
        EXPECT_EQ(llama->encode(from_hex(hex)), ids(llama_ids)) << hex;
    }
}

}  // namespace
}  // namespace sluice::tokenizer
