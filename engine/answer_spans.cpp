#include "engine/answer_spans.h"

#include <algorithm>
#include <string_view>

namespace sluice::engine {
namespace {

// Finds one mark, from left to right: each byte is looked at once, whatever is asked.
class Mark {
  public:
    Mark(const chat::RenderedPrompt& prompt, std::string_view mark) : prompt_(prompt), mark_(mark) {}

    // At or after `from`, which never falls; npos: none.
    size_t next(size_t from) {
        if (at_ == std::string::npos || (known_ && at_ >= from)) return at_;
        known_ = true;
        for (at_ = prompt_.text.find(mark_, from); at_ != std::string::npos;
             at_ = prompt_.text.find(mark_, at_ + 1)) {
            const std::string_view source = std::string_view(prompt_.from_user).substr(at_, mark_.size());
            if (source.find_first_not_of('\0') == std::string_view::npos) break;
        }
        return at_;
    }

  private:
    const chat::RenderedPrompt& prompt_;
    const std::string_view mark_;
    size_t at_ = 0;
    bool known_ = false;
};

}  // namespace

std::optional<AnswerMarks> find_marks(const chat::ChatTemplate& chat_template,
                                      const tokenizer::Tokenizer& tokenizer) {
    chat::TemplateInput input;
    input.messages.push_back(boost::json::object{{"role", "user"}, {"content", "x"}});
    const auto with = chat_template.render(input);
    input.add_generation_prompt = false;
    const auto without = chat_template.render(input);
    if (!with || !without || !with->text.starts_with(without->text)) return std::nullopt;
    AnswerMarks marks;
    marks.header = with->text.substr(without->text.size());
    marks.header_tokens = tokenizer.encode(marks.header);
    if (marks.header_tokens.empty() || !tokenizer.is_control(marks.header_tokens[0])) return std::nullopt;
    marks.opening = tokenizer.bytes(marks.header_tokens[0], true);
    for (const int32_t token : tokenizer.end_tokens()) {
        if (tokenizer.is_control(token)) marks.ends.emplace_back(tokenizer.bytes(token, true));
    }
    return marks;
}

std::vector<AnswerSpan> answer_spans(const chat::RenderedPrompt& prompt, const AnswerMarks& marks) {
    Mark opening(prompt, marks.opening);
    std::vector<Mark> ends;
    for (const std::string& end : marks.ends) ends.emplace_back(prompt, end);
    std::vector<AnswerSpan> out;
    for (size_t at = opening.next(0); at != std::string::npos;) {
        // The role within the header may come from the message.
        if (prompt.text.compare(at, marks.header.size(), marks.header) != 0) {
            at = opening.next(at + 1);
            continue;
        }
        const size_t begin = at + marks.header.size();
        size_t end = std::string::npos;
        for (Mark& mark : ends) end = std::min(end, mark.next(begin));
        if (end == std::string::npos) break;
        const size_t following = opening.next(begin);
        if (following >= end) out.push_back({at, begin, end});
        at = following;
    }
    return out;
}

}  // namespace sluice::engine
