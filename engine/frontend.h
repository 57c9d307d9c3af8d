// Text to tokens and back for one model: chat template + tokenizer. Immutable after construction; any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/grammar/constraints.h"
#include "engine/result.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::engine {

class Frontend {
  public:
    // chat_template may be null: then chat() fails with `unsupported`.
    Frontend(std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
             std::shared_ptr<const chat::ChatTemplate> chat_template);

    // A conversation as prompt tokens. Control tokens come from the template alone: the same characters in a
    // message stay plain text.
    Result<std::vector<int32_t>> chat(const chat::TemplateInput& input) const;

    // Raw text as prompt tokens; control tokens in it are recognised (the caller writes its own markup).
    Result<std::vector<int32_t>> raw(std::string_view text) const;

    const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
    const chat::ChatTemplate* chat_template() const { return chat_template_.get(); }
    grammar::Constraints& constraints() const { return *constraints_; }

  private:
    std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
    std::shared_ptr<const chat::ChatTemplate> chat_template_;
    std::shared_ptr<grammar::Constraints> constraints_;  // a cache: synchronised in itself
};

}  // namespace sluice::engine
