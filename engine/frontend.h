// Text to tokens and back for one model: chat template + tokenizer, and the answers to recognise. Any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answer_spans.h"
#include "engine/chat/answer_parser.h"
#include "engine/chat/chat_template.h"
#include "engine/grammar/constraints.h"
#include "engine/replay.h"
#include "engine/result.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::engine {

class Frontend {
  public:
    // chat_template may be null: then chat() fails with `unsupported`.
    Frontend(std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
             std::shared_ptr<const chat::ChatTemplate> chat_template, ReplayLimits replay = {});

    // A conversation as prompt tokens. Control tokens come from the template alone: the same characters in a
    // message stay plain text. Answers that were remembered under this salt after the same tokens keep their
    // tokens, whatever encoding their text would give; the message they say is the same.
    Result<std::vector<int32_t>> chat(const chat::TemplateInput& input, std::string_view salt = {}) const;

    // An answer to `before` (salt and prompt of the request), read as `how` says. Without control tokens, but
    // for the one at its end; others are not remembered.
    void remember(const ReplayPrefix& before, std::span<const int32_t> answer,
                  const chat::AnswerOptions& how) const;

    bool remembers() const { return marks_ && !memory_->off(); }

    // Raw text as prompt tokens; control tokens in it are recognised (the caller writes its own markup).
    Result<std::vector<int32_t>> raw(std::string_view text) const;

    const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
    const chat::ChatTemplate* chat_template() const { return chat_template_.get(); }
    grammar::Constraints& constraints() const { return *constraints_; }

  private:
    std::vector<int32_t> encode(const chat::RenderedPrompt& prompt, const boost::json::array& tools,
                                std::string_view salt) const;
    void add_bos(std::vector<int32_t>& tokens) const;
    std::string text_of(std::span<const int32_t> tokens) const;

    std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
    std::shared_ptr<const chat::ChatTemplate> chat_template_;
    std::shared_ptr<grammar::Constraints> constraints_;  // a cache: synchronised in itself
    std::shared_ptr<ReplayMemory> memory_;               // the same
    std::optional<AnswerMarks> marks_;
    chat::AnswerFormat format_;
};

}  // namespace sluice::engine
