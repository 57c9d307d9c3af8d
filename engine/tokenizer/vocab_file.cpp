#include "engine/tokenizer/vocab_file.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "engine/tokenizer/pretokenize.h"

namespace sluice::tokenizer {
namespace {

Error fault(const gguf::File& file, const char* key, const std::string& what) {
    return {ErrorKind::bad_file, file.path() + ": " + key + ": " + what, key};
}

std::optional<Error> read_token(const gguf::File& file, const char* key, int32_t& token) {
    if (!file.metadata(key)) return {};
    const auto value = file.integer(key);
    if (!value) return value.error();
    if (*value == std::numeric_limits<uint32_t>::max() || *value == -1) return {};  // how files say "none"
    if (*value < 0 || *value > std::numeric_limits<int32_t>::max())
        return fault(file, key, "no token id: " + std::to_string(*value));
    token = static_cast<int32_t>(*value);
    return {};
}

std::optional<Error> read_types(const gguf::File& file, std::vector<int32_t>& types) {
    constexpr const char* kKey = "tokenizer.ggml.token_type";
    if (!file.metadata(kKey)) return {};
    const auto values = file.integers(kKey);
    if (!values) return values.error();
    types.reserve(values->size());
    for (const int64_t value : *values) {
        if (value < 0 || value > std::numeric_limits<int32_t>::max())
            return fault(file, kKey, "no token type: " + std::to_string(value));
        types.push_back(static_cast<int32_t>(value));
    }
    return {};
}

std::optional<Error> read_add_bos(const gguf::File& file, VocabData& data) {
    constexpr const char* kKey = "tokenizer.ggml.add_bos_token";
    if (!file.metadata(kKey)) {
        const PreTokenizer* pre = find_pre_tokenizer(data.pre);
        data.add_bos = pre && pre->adds_bos && data.bos >= 0;
        return {};
    }
    const auto value = file.boolean(kKey);
    if (!value) return value.error();
    data.add_bos = *value;
    return {};
}

}  // namespace

Result<VocabData> read_vocab(const gguf::File& file) {
    VocabData data;
    auto model = file.string("tokenizer.ggml.model");
    if (!model) return model.error();
    data.model = std::move(*model);
    auto pre = file.string("tokenizer.ggml.pre");
    if (!pre) return pre.error();
    data.pre = std::move(*pre);
    auto tokens = file.strings("tokenizer.ggml.tokens");
    if (!tokens) return tokens.error();
    data.tokens = std::move(*tokens);
    auto merges = file.strings("tokenizer.ggml.merges");
    if (!merges) return merges.error();
    data.merges = std::move(*merges);
    if (auto error = read_types(file, data.types)) return *error;
    const std::pair<const char*, int32_t*> ids[] = {{"tokenizer.ggml.bos_token_id", &data.bos},
                                                    {"tokenizer.ggml.eos_token_id", &data.eos},
                                                    {"tokenizer.ggml.eot_token_id", &data.eot},
                                                    {"tokenizer.ggml.padding_token_id", &data.pad}};
    for (const auto& [key, token] : ids) {
        if (auto error = read_token(file, key, *token)) return *error;
    }
    if (auto error = read_add_bos(file, data)) return *error;
    return data;
}

}  // namespace sluice::tokenizer
