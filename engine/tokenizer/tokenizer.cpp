#include "engine/tokenizer/tokenizer.h"

#include <utility>

#include "engine/tokenizer/pretokenize.h"
#include "engine/tokenizer/vocabulary.h"
#include "kernels/check.h"

namespace sluice::tokenizer {
namespace {

class ByteLevelBpe final : public Tokenizer {
  public:
    ByteLevelBpe(Vocabulary vocabulary, const PreTokenizer& pre, int32_t bos, bool add_bos)
        : vocabulary_(std::move(vocabulary)), pre_(pre), bos_(bos), add_bos_(add_bos) {}

    std::vector<int32_t> encode(std::string_view text, std::string_view from_user) const override {
        SLUICE_CHECK(from_user.empty() || from_user.size() == text.size());
        std::vector<int32_t> tokens;
        Bpe::Scratch scratch;
        for (size_t at = 0; at < text.size();) {
            const auto match = vocabulary_.special.next(text, from_user, at);
            encode_plain(text.substr(at, match.position - at), scratch, tokens);
            if (match.token >= 0) tokens.push_back(match.token);
            at = match.position + match.length;
        }
        return tokens;
    }

    std::string_view bytes(int32_t token, bool keep_control) const override {
        if (!known(token) || (vocabulary_.control[token] && !keep_control)) return {};
        return vocabulary_.bytes[token];
    }

    int32_t vocab_size() const override { return static_cast<int32_t>(vocabulary_.bytes.size()); }
    bool is_control(int32_t token) const override { return known(token) && vocabulary_.control[token]; }
    std::span<const int32_t> end_tokens() const override { return vocabulary_.end_tokens; }
    int32_t bos() const override { return bos_; }
    bool add_bos() const override { return add_bos_; }

    int32_t find(std::string_view token_text) const override {
        const int32_t special = vocabulary_.special.find(token_text);
        return special >= 0 ? special : whole(token_text);
    }

  private:
    // A model may have more logits than its file has tokens.
    bool known(int32_t token) const { return token >= 0 && token < vocab_size(); }

    int32_t whole(std::string_view piece) const {
        const auto it = vocabulary_.by_bytes.find(piece);
        return it == vocabulary_.by_bytes.end() ? -1 : it->second;
    }

    void encode_plain(std::string_view text, Bpe::Scratch& scratch, std::vector<int32_t>& out) const {
        while (!text.empty()) {
            const std::string_view piece = text.substr(0, first_piece(text, pre_.max_digits));
            const int32_t token = pre_.ignore_merges ? whole(piece) : -1;
            if (token >= 0) {
                out.push_back(token);
            } else {
                vocabulary_.bpe.encode(piece, scratch, out);
            }
            text.remove_prefix(piece.size());
        }
    }

    Vocabulary vocabulary_;
    PreTokenizer pre_;
    int32_t bos_;
    bool add_bos_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::make(VocabData data) {
    if (data.model != "gpt2") {
        return Error{ErrorKind::unsupported,
                     "tokenizer.ggml.model: '" + data.model + "' is not supported; supported: gpt2",
                     "tokenizer.ggml.model"};
    }
    const PreTokenizer* pre = find_pre_tokenizer(data.pre);
    if (!pre) {
        return Error{ErrorKind::unsupported,
                     "tokenizer.ggml.pre: '" + data.pre +
                         "' is not supported; supported: " + supported_pre_tokenizers(),
                     "tokenizer.ggml.pre"};
    }
    auto vocabulary = Vocabulary::make(data);
    if (!vocabulary) return vocabulary.error();
    return std::shared_ptr<const Tokenizer>(
        std::make_shared<ByteLevelBpe>(std::move(*vocabulary), *pre, data.bos, data.add_bos));
}

}  // namespace sluice::tokenizer
