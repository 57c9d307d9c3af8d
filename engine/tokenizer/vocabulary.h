// The checked tables of a VocabData: what each token stands for, and how to find tokens by bytes.
// Immutable after make(); any thread. Moves keep all views valid; copies would not.
#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::tokenizer {

struct Vocabulary {
    Vocabulary() = default;
    Vocabulary(Vocabulary&&) = default;
    Vocabulary& operator=(Vocabulary&&) = default;

    static Result<Vocabulary> make(const VocabData& data);

    std::vector<std::string> bytes;  // by token; control tokens: their literal text
    std::vector<bool> control;
    std::vector<int32_t> end_tokens;  // sorted
    boost::unordered_flat_map<std::string_view, int32_t>
        by_bytes;  // those that merges can make; views of bytes
    SpecialTokens special;
    Bpe bpe{{}};
};

}  // namespace sluice::tokenizer
