// Byte-level BPE as GGUF files of Qwen and Llama 3 carry it (tokenizer.ggml.model = "gpt2").
// Text is never normalised: Qwen's Hugging Face tokenizer composes to NFC first, the GGUF readers that models
// are tried with do not, and the token ids published beside the GGUF vocabularies are those of the text as it
// is. Immutable after make(); const members may be called from any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"

namespace sluice::tokenizer {

enum class TokenType : uint8_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6
};

// What a model file says about its vocabulary.
struct VocabData {
    std::string model;                // "gpt2"
    std::string pre;                  // "qwen2" or "llama-bpe" (spellings: see pretokenize.h)
    std::vector<std::string> tokens;  // in the byte-to-unicode alphabet of GPT-2
    std::vector<int32_t> types;       // TokenType values; empty: all normal
    std::vector<std::string> merges;  // "left right", by rank
    int32_t bos = -1, eos = -1, eot = -1, pad = -1;
    bool add_bos = false;
};

class Tokenizer {
  public:
    // Errors name the metadata key at fault: unknown model or pre, a merge of absent tokens, ids out of
    // range.
    static Result<std::shared_ptr<const Tokenizer>> make(VocabData data);
    virtual ~Tokenizer() = default;

    // Token ids of `text`. User-defined tokens are matched everywhere. Control tokens are matched only where
    // every byte is trusted: `from_user` is empty (all trusted) or has one byte per byte of text, 1 =
    // untrusted. Invalid UTF-8 is encoded byte by byte. Does not add bos (see bos()). Cost: n log n at worst.
    virtual std::vector<int32_t> encode(std::string_view text, std::string_view from_user = {}) const = 0;

    // The bytes that a token stands for: empty for control tokens unless `keep_control`.
    virtual std::string_view bytes(int32_t token, bool keep_control = false) const = 0;

    virtual int32_t vocab_size() const = 0;
    virtual bool is_control(int32_t token) const = 0;
    virtual std::span<const int32_t> end_tokens()
        const = 0;                     // any of them ends a generation (eos, eot, <|im_end|>, ...)
    virtual int32_t bos() const = 0;   // -1: none
    virtual bool add_bos() const = 0;  // prompts start with bos
    virtual int32_t find(
        std::string_view token_text) const = 0;  // id of a token by its literal text; -1: none
};

// Joins token bytes into text, holding back the tail that is not yet a whole code point. Invalid bytes become
// U+FFFD as soon as they are known to be invalid. Value type; one per choice.
class Detokenizer {
  public:
    std::string push(std::string_view token_bytes);  // whole code points that are now complete
    std::string finish();                            // what is left, as U+FFFD

  private:
    std::string pending_;
};

}  // namespace sluice::tokenizer
