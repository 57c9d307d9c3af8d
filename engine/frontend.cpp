#include "engine/frontend.h"

#include <algorithm>
#include <utility>

#include "engine/chat/canonical.h"

namespace sluice::engine {

Frontend::Frontend(std::shared_ptr<const tokenizer::Tokenizer> tokenizer,
                   std::shared_ptr<const chat::ChatTemplate> chat_template, ReplayLimits replay)
    : tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      constraints_(std::make_shared<grammar::Constraints>(tokenizer_)),
      memory_(std::make_shared<ReplayMemory>(replay)) {
    if (!chat_template_) return;
    marks_ = find_marks(*chat_template_, *tokenizer_);
    format_ = chat::detect_answer_format(chat_template_->source());
}

Result<std::vector<int32_t>> Frontend::chat(const chat::TemplateInput& input, std::string_view salt) const {
    if (!chat_template_) {
        return Error{ErrorKind::unsupported, "this model has no chat template; use /v1/completions",
                     "messages"};
    }
    auto rendered = chat_template_->render(input);
    if (!rendered) return rendered.error();
    std::vector<int32_t> tokens = encode(*rendered, input.tools, salt);
    if (tokens.empty())
        return Error{ErrorKind::invalid_request, "the conversation renders to no tokens", "messages"};
    return tokens;
}

// Most templates write bos themselves; the metadata flag must not make it two.
void Frontend::add_bos(std::vector<int32_t>& tokens) const {
    const int32_t bos = tokenizer_->bos();
    if (tokenizer_->add_bos() && bos >= 0 && (tokens.empty() || tokens.front() != bos))
        tokens.insert(tokens.begin(), bos);
}

// The text is cut only where a control token begins, so that an answer that is not known gives the tokens
// that it would give uncut.
std::vector<int32_t> Frontend::encode(const chat::RenderedPrompt& prompt, const boost::json::array& tools,
                                      std::string_view salt) const {
    std::vector<AnswerSpan> spans;
    if (marks_ && !memory_->empty()) spans = answer_spans(prompt, *marks_);
    const std::string_view text = prompt.text, source = prompt.from_user;
    const auto piece = [&](size_t from, size_t to) {
        return tokenizer_->encode(text.substr(from, to - from), source.substr(from, to - from));
    };
    std::vector<int32_t> tokens = piece(0, spans.empty() ? text.size() : spans.front().header);
    add_bos(tokens);
    if (spans.empty()) return tokens;

    chat::AnswerOptions how;
    how.format = format_;
    how.tools = tools;
    how.parse_tools = !tools.empty();
    chat::AnswerParser parser(std::move(how));
    ReplayPrefix before(salt);
    size_t hashed = 0;
    for (size_t i = 0; i < spans.size(); ++i) {
        const AnswerSpan& span = spans[i];
        const size_t next = i + 1 < spans.size() ? spans[i + 1].header : text.size();
        before.add(std::span(tokens).subspan(hashed));
        hashed = tokens.size();
        const std::string message =
            chat::canonical_answer(parser, text.substr(span.begin, span.end - span.begin));
        const std::vector<int32_t> known = memory_->find(before.key(marks_->header_tokens, message));
        // Found by a hash: what it says is compared too.
        const bool same = !known.empty() && chat::canonical_answer(parser, text_of(known)) == message;
        if (same) {
            tokens.insert(tokens.end(), marks_->header_tokens.begin(), marks_->header_tokens.end());
            tokens.insert(tokens.end(), known.begin(), known.end());
        }
        const std::vector<int32_t> rest = piece(same ? span.end : span.header, next);
        tokens.insert(tokens.end(), rest.begin(), rest.end());
    }
    return tokens;
}

std::string Frontend::text_of(std::span<const int32_t> tokens) const {
    tokenizer::Detokenizer joined;
    std::string text;
    for (const int32_t token : tokens) text += joined.push(tokenizer_->bytes(token));
    return text + joined.finish();
}

void Frontend::remember(const ReplayPrefix& before, std::span<const int32_t> answer,
                        const chat::AnswerOptions& how) const {
    const auto ends = tokenizer_->end_tokens();
    if (!answer.empty() && std::find(ends.begin(), ends.end(), answer.back()) != ends.end())
        answer = answer.first(answer.size() - 1);
    const auto control = [&](int32_t token) { return tokenizer_->is_control(token); };
    if (!marks_ || answer.empty() || std::any_of(answer.begin(), answer.end(), control)) return;
    chat::AnswerParser parser(how);
    memory_->put(before.key({}, chat::canonical_answer(parser, text_of(answer))), answer);
}

Result<std::vector<int32_t>> Frontend::raw(std::string_view text) const {
    std::vector<int32_t> tokens = tokenizer_->encode(text);
    if (tokenizer_->add_bos() && tokenizer_->bos() >= 0) tokens.insert(tokens.begin(), tokenizer_->bos());
    if (tokens.empty()) return Error{ErrorKind::invalid_request, "the prompt has no tokens", "prompt"};
    return tokens;
}

}  // namespace sluice::engine
