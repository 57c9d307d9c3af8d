#include "engine/frontend.h"

#include <utility>

namespace sluice::engine {

Frontend::Frontend(std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
                   std::shared_ptr<const chat::ChatTemplate> chat_template)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      constraints_(std::make_shared<grammar::Constraints>(tokenizer_)) {}

Result<std::vector<int32_t>> Frontend::chat(const chat::TemplateInput& input) const {
    if (!chat_template_) {
        return Error{ErrorKind::unsupported, "this model has no chat template; use /v1/completions",
                     "messages"};
    }
    auto rendered = chat_template_->render(input);
    if (!rendered) return rendered.error();
    std::vector<int32_t> tokens = tokenizer_->encode(rendered->text, rendered->from_user);
    // Most templates write bos themselves; the metadata flag must not make it two.
    const int32_t bos = tokenizer_->bos();
    if (tokenizer_->add_bos() && bos >= 0 && (tokens.empty() || tokens.front() != bos)) {
        tokens.insert(tokens.begin(), bos);
    }
    if (tokens.empty())
        return Error{ErrorKind::invalid_request, "the conversation renders to no tokens", "messages"};
    return tokens;
}

Result<std::vector<int32_t>> Frontend::raw(std::string_view text) const {
    std::vector<int32_t> tokens = tokenizer_->encode(text);
    if (tokenizer_->add_bos() && tokenizer_->bos() >= 0) tokens.insert(tokens.begin(), tokenizer_->bos());
    if (tokens.empty()) return Error{ErrorKind::invalid_request, "the prompt has no tokens", "prompt"};
    return tokens;
}

}  // namespace sluice::engine
