// Cuts text into the pieces inside which BPE merges, by hand-written scanners that are exactly the regular
// expression (N = 1 for qwen2, 3 for llama-bpe):
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
//   |\s+(?!\S)|\s+
// Pure functions, linear time; any thread.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::tokenizer {

struct PreTokenizer {
    int max_digits;      // N above
    bool ignore_merges;  // a piece that is a token is taken whole, even where merges lead elsewhere
    bool adds_bos;       // unless the file says otherwise
};

// By the spelling in tokenizer.ggml.pre; null: not supported.
const PreTokenizer* find_pre_tokenizer(std::string_view name);
std::string supported_pre_tokenizers();  // for error messages: "qwen2, ..."

// Bytes of the first piece of a text that is not empty. A byte that is not UTF-8 is a piece of its own, and
// what stands before it is cut as if the text ended there.
size_t first_piece(std::string_view text, int max_digits);

}  // namespace sluice::tokenizer
