#include "engine/tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/tokenizer/unicode.h"

namespace sluice::tokenizer {
namespace {

using TextIndex = boost::unordered_flat_map<std::string_view, int32_t>;

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";

// Texts that end a turn or a document in the vocabularies of Qwen and Llama 3. They are control tokens
// whatever type the file gives them: converters have got it wrong, and a forged one would end a turn.
constexpr std::string_view kEndTexts[] = {"<|im_end|>",    "<|endoftext|>",   "<|eot_id|>",
                                          "<|eom_id|>",    "<|end_of_text|>", "<|fim_pad|>",
                                          "<|repo_name|>", "<|file_sep|>"};

Error fault(const char* key, const std::string& what) {
    return {ErrorKind::bad_file, std::string(key) + ": " + what, key};
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text.substr(0, 64)) + "'";
}

// GPT-2's alphabet: printable bytes of Latin-1 stand for themselves, the others, in order, for U+0100 and up.
bool stands_for_itself(int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr size_t kAlphabetEnd = 0x144;  // 68 bytes stand elsewhere

std::array<int16_t, kAlphabetEnd> make_alphabet() {
    std::array<int16_t, kAlphabetEnd> byte_of;
    byte_of.fill(-1);
    size_t next = 0x100;
    for (int16_t byte = 0; byte < 256; ++byte)
        byte_of[stands_for_itself(byte) ? static_cast<size_t>(byte) : next++] = byte;
    return byte_of;
}

// The bytes of a token's text; none if a character is not of the alphabet.
std::optional<std::string> decode_text(std::string_view text) {
    static const auto byte_of = make_alphabet();
    std::string bytes;
    while (!text.empty()) {
        const CodePoint c = decode_utf8(text);
        if (c.state != CodePoint::State::valid || c.value >= kAlphabetEnd || byte_of[c.value] < 0) return {};
        bytes += static_cast<char>(byte_of[c.value]);
        text.remove_prefix(c.length);
    }
    return bytes;
}

std::optional<Error> check_id(const char* key, int32_t id, size_t size) {
    if (id >= -1 && id < static_cast<int64_t>(size)) return {};
    return fault(key, "token " + std::to_string(id) + " of a vocabulary of " + std::to_string(size));
}

std::optional<Error> check_ids_and_types(const VocabData& data) {
    const size_t size = data.tokens.size();
    if (size == 0 || size > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
        return fault(kTokens, std::to_string(size) + " tokens");
    if (!data.types.empty() && data.types.size() != size)
        return fault(kTypes,
                     std::to_string(data.types.size()) + " types for " + std::to_string(size) + " tokens");
    for (const int32_t type : data.types) {
        if (type < static_cast<int32_t>(TokenType::normal) || type > static_cast<int32_t>(TokenType::byte))
            return fault(kTypes, "unknown type " + std::to_string(type));
    }
    const std::pair<const char*, int32_t> ids[] = {{"tokenizer.ggml.bos_token_id", data.bos},
                                                   {"tokenizer.ggml.eos_token_id", data.eos},
                                                   {"tokenizer.ggml.eot_token_id", data.eot},
                                                   {"tokenizer.ggml.padding_token_id", data.pad}};
    for (const auto& [key, id] : ids) {
        if (auto error = check_id(key, id, size)) return error;
    }
    if (data.add_bos && data.bos < 0)
        return fault("tokenizer.ggml.bos_token_id", "absent, but prompts are to start with it");
    return {};
}

bool is_end_text(std::string_view text) {
    return std::find(std::begin(kEndTexts), std::end(kEndTexts), text) != std::end(kEndTexts);
}

TokenType type_of(const VocabData& data, size_t token) {
    if (is_end_text(data.tokens[token])) return TokenType::control;
    const auto type = data.types.empty() ? TokenType::normal : static_cast<TokenType>(data.types[token]);
    return type == TokenType::unknown ? TokenType::control : type;
}

std::optional<Error> add_tokens(const VocabData& data, Vocabulary& vocabulary, TextIndex& by_text) {
    by_text.reserve(data.tokens.size());
    vocabulary.by_bytes.reserve(data.tokens.size());
    vocabulary.bytes.resize(data.tokens.size());
    vocabulary.control.resize(data.tokens.size());
    for (size_t i = 0; i < data.tokens.size(); ++i) {
        const std::string& text = data.tokens[i];
        const auto token = static_cast<int32_t>(i);
        if (text.empty()) return fault(kTokens, "token " + std::to_string(i) + " is empty");
        if (!by_text.emplace(text, token).second)
            return fault(kTokens, "token " + std::to_string(i) + " repeats " + quoted(text));
        const TokenType type = type_of(data, i);
        vocabulary.control[i] = type == TokenType::control;
        vocabulary.bytes[i] = text;
        if (type == TokenType::control || type == TokenType::user_defined) {
            vocabulary.special.add(text, token, type == TokenType::control);
        } else if (auto bytes = decode_text(text)) {
            vocabulary.bytes[i] = std::move(*bytes);
            vocabulary.by_bytes.emplace(vocabulary.bytes[i], token);
        }
        if (is_end_text(text)) vocabulary.end_tokens.push_back(token);
    }
    return {};
}

std::optional<Error> add_bytes(Vocabulary& vocabulary) {
    std::array<int32_t, 256> tokens;
    for (int i = 0; i < 256; ++i) {
        const char byte = static_cast<char>(i);
        const auto it = vocabulary.by_bytes.find(std::string_view(&byte, 1));
        if (it == vocabulary.by_bytes.end()) return fault(kTokens, "no token for byte " + std::to_string(i));
        tokens[i] = it->second;
    }
    vocabulary.bpe = Bpe(tokens);
    return {};
}

std::optional<Error> add_merges(const VocabData& data, const TextIndex& by_text, Vocabulary& vocabulary) {
    vocabulary.bpe.reserve(data.merges.size());
    std::string joined;
    for (size_t i = 0; i < data.merges.size(); ++i) {
        const std::string_view merge = data.merges[i];
        const auto broken = [&](const char* why) {
            return fault(kMerges, "merge " + std::to_string(i) + " " + quoted(merge) + " " + why);
        };
        const size_t space = merge.find(' ');
        if (space == std::string_view::npos) return broken("is not a pair");
        joined.assign(merge.substr(0, space)).append(merge.substr(space + 1));
        const auto left = by_text.find(merge.substr(0, space));
        const auto right = by_text.find(merge.substr(space + 1));
        const auto result = by_text.find(joined);
        if (left == by_text.end() || right == by_text.end() || result == by_text.end())
            return broken("is of absent tokens");
        if (vocabulary.control[result->second]) continue;  // else plain text could make a control token
        if (!vocabulary.bpe.add_merge(left->second, right->second, static_cast<int32_t>(i), result->second))
            return broken("is repeated");
    }
    return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::make(const VocabData& data) {
    if (auto error = check_ids_and_types(data)) return *error;
    if (data.merges.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
        return fault(kMerges, std::to_string(data.merges.size()) + " merges");
    Vocabulary vocabulary;
    TextIndex by_text;
    if (auto error = add_tokens(data, vocabulary, by_text)) return *error;
    if (auto error = add_bytes(vocabulary)) return *error;
    if (auto error = add_merges(data, by_text, vocabulary)) return *error;
    auto& ends = vocabulary.end_tokens;
    for (const int32_t token : {data.eos, data.eot}) {
        if (token >= 0) ends.push_back(token);
    }
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return vocabulary;
}

}  // namespace sluice::tokenizer
