// Where earlier answers stand in a rendered conversation, as its chat template marks them. Pure functions;
// any thread. Linear in the text.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/chat/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace sluice::engine {

// What a template writes around answers.
struct AnswerMarks {
    std::string header;                  // in front, as add_generation_prompt adds it
    std::vector<int32_t> header_tokens;  // the first is a control token
    std::string opening;                 // that token's text: the part of the header that nobody can forge
    std::vector<std::string> ends;       // texts of tokens that end an answer
};

// None: the template adds nothing, or nothing that begins with a control token.
std::optional<AnswerMarks> find_marks(const chat::ChatTemplate& chat_template,
                                      const tokenizer::Tokenizer& tokenizer);

struct AnswerSpan {
    size_t header, begin, end;  // bytes: of the header, of the answer, of its end token
};

// Only what the template wrote itself counts as a mark: what a message says does not. An answer without end
// is left out.
std::vector<AnswerSpan> answer_spans(const chat::RenderedPrompt& prompt, const AnswerMarks& marks);

}  // namespace sluice::engine
