#include "engine/chat/answer_parser.h"

#include <array>

#include "engine/chat/tool_call.h"

namespace sluice::chat {
namespace {

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>", kCall = "<tool_call>",
                           kCallEnd = "</tool_call>", kFunction = "<function=", kPython = "<|python_tag|>";
constexpr std::array kTags = {kThinkEnd, kCall, kCallEnd, kFunction};

}  // namespace

struct AnswerParser::State {
    enum class Mode : uint8_t { start, reasoning, content, opened, call, after_call, ignored };

    explicit State(AnswerOptions given) : options(std::move(given)) {
        mode = options.in_reasoning ? Mode::reasoning : Mode::start;
        thought = options.in_reasoning;
    }

    void push(char c, std::vector<AnswerPart>& out) {
        switch (mode) {
            case Mode::start:
                return start(c, out);
            case Mode::opened:
                return opened(c, out);
            case Mode::call:
                return in_call(c, out);
            case Mode::ignored:
                return;
            default:
                return text(c, out);
        }
    }

    void feed(const std::string& again, std::vector<AnswerPart>& out) {
        for (const char c : again) push(c, out);
    }

    // Before anything is said: <think>, or a call that is the whole answer, or content.
    void start(char c, std::vector<AnswerPart>& out) {
        held += c;
        if (is_space(c) && held.size() == first + 1) {
            ++first;
            return;
        }
        const std::string_view word = std::string_view(held).substr(first);
        if (whole_calls() && kPython.starts_with(word)) {
            if (word == kPython) first = held.size();
            return;
        }
        if (options.format.reasoning && kThink.starts_with(word)) {
            if (word != kThink) return;
            held.clear();
            mode = Mode::reasoning;
            thought = true;
            return;
        }
        const bool calls = whole_calls() && word[0] == '{';
        std::string again = std::exchange(held, {});
        mode = Mode::content;
        if (calls) {
            raw = again.substr(0, first);
            again.erase(0, first);
            begin_call(Mode::content, make_json_call(count, options.tools));
        }
        feed(again, out);
    }

    // Reasoning, content and what comes after calls: text in which tags may begin.
    void text(char c, std::vector<AnswerPart>& out) {
        if (!held.empty() || c == '<') {
            held += c;
            bool maybe = false;
            for (const std::string_view tag : kTags) {
                if (!counts(tag) || !tag.starts_with(held)) continue;
                if (tag == held) return take_tag(tag);
                maybe = true;
            }
            if (maybe) return;
            const std::string again = std::exchange(held, {});
            say(again[0], out);
            return feed(again.substr(1), out);
        }
        if (whole_calls() && mode == Mode::after_call && (c == ';' || c == '{')) {
            if (c == ';') {
                space += c;
                return;
            }
            raw = std::exchange(space, {});
            begin_call(Mode::content, make_json_call(count, options.tools));
            return push(c, out);
        }
        say(c, out);
    }

    bool whole_calls() const {
        return options.parse_tools && options.format.tools == ToolFormat::llama3_json;
    }

    bool counts(std::string_view tag) const {
        if (tag == kThinkEnd) return mode == Mode::reasoning || second_end;
        const bool tools = options.parse_tools && (options.format.tools == ToolFormat::hermes_json ||
                                                   options.format.tools == ToolFormat::qwen3_coder_xml);
        if (tag == kCallEnd) return tools && mode == Mode::after_call;
        if (tag == kFunction) {
            return tools && options.format.tools == ToolFormat::qwen3_coder_xml && mode != Mode::reasoning;
        }
        return tools;
    }

    void take_tag(std::string_view tag) {
        held.clear();
        if (tag == kThinkEnd) {
            second_end = mode == Mode::reasoning;
            if (mode == Mode::content && said) return;
            space.clear();
            said = false;
            mode = Mode::content;
        } else if (tag == kCall) {
            back = mode;
            raw = std::string(kCall);
            mode = Mode::opened;
        } else if (tag == kFunction) {
            raw = std::string(kFunction);
            begin_call(mode, make_xml_call(count, options.tools));
        } else {
            space.clear();  // the end of a call says nothing more
        }
    }

    // After <tool_call>: space, then what the format has.
    void opened(char c, std::vector<AnswerPart>& out) {
        if (options.format.tools == ToolFormat::hermes_json) {
            begin_call(back, make_json_call(count, options.tools));
            return in_call(c, out);
        }
        raw += c;
        if (held.empty() && is_space(c)) return;
        held += c;
        if (held == kFunction) {
            held.clear();
            return begin_call(back, make_xml_call(count, options.tools));
        }
        if (!kFunction.starts_with(held)) {
            held.clear();
            refuse(out);
        }
    }

    void begin_call(Mode from, std::unique_ptr<CallReader> made) {
        back = from;
        reader = std::move(made);
        mode = Mode::call;
    }

    void in_call(char c, std::vector<AnswerPart>& out) {
        const size_t before = out.size();
        const CallReader::State state = reader->push(c, out);
        if (!begun) raw += c;
        note_begun(before, out);
        if (state == CallReader::State::refused) return refuse(out);
        if (state == CallReader::State::ended) end_call(out);
    }

    // What was held of the text in front of a call was its line break.
    void note_begun(size_t before, std::vector<AnswerPart>& out) {
        for (size_t i = before; i < out.size() && !begun; ++i) {
            if (!std::holds_alternative<CallBegun>(out[i])) continue;
            begun = true;
            second_end = second_end || back == Mode::reasoning;
            ++count;
            space.clear();
            raw.clear();
        }
    }

    void end_call(std::vector<AnswerPart>& out) {
        const std::string again = std::exchange(reader->rest(), {});
        reader.reset();
        begun = said = false;
        space.clear();
        mode = options.parallel ? Mode::after_call : Mode::ignored;
        feed(again, out);
    }

    // It was no call: its tag is text, and what follows is read again, for a call may begin there. Readers
    // refuse at the first '<' outside of strings, so that no text is read again more than twice.
    void refuse(std::vector<AnswerPart>& out) {
        ++failures;
        reader.reset();
        mode = back;
        const std::string again = std::exchange(raw, {});
        const size_t tag = again.starts_with(kCall)       ? kCall.size()
                           : again.starts_with(kFunction) ? kFunction.size()
                                                          : again.size();
        for (const char c : again.substr(0, tag)) say(c, out);
        feed(again.substr(tag), out);
    }

    // Space is held back while a call or the end of reasoning may follow it; in front of content and of
    // reasoning, line breaks are dropped where a tag came before them.
    void say(char c, std::vector<AnswerPart>& out) {
        const bool trims = thought || mode == Mode::after_call;
        if (mode == Mode::after_call && is_space(c)) {
            space += c;
            return;
        }
        if (mode == Mode::after_call) {
            if (!answered) space.clear();
            mode = Mode::content;
        }
        if (is_space(c) && (mode == Mode::reasoning || options.parse_tools || (trims && !said))) {
            if (!said && trims && (c == '\n' || c == '\r')) return;
            space += c;
            return;
        }
        std::string one = std::exchange(space, {}) + c;
        said = true;
        if (mode == Mode::reasoning) {
            add_part(out, ReasoningDelta{std::move(one)});
        } else {
            answered = true;
            add_part(out, ContentDelta{std::move(one)});
        }
    }

    void finish(std::vector<AnswerPart>& out, bool cut) {
        while (mode == Mode::call || mode == Mode::opened) {
            held.clear();
            if (mode == Mode::call && reader->finish(out, cut) != CallReader::State::refused) return;
            refuse(out);
        }
        if (mode == Mode::start) mode = Mode::content;
        if (mode == Mode::after_call && kCallEnd.starts_with(held)) held.clear();  // the call's end was cut
        for (const char c : std::exchange(held, {})) say(c, out);
        if (mode == Mode::content && !space.empty()) add_part(out, ContentDelta{std::exchange(space, {})});
    }

    AnswerOptions options;
    Mode mode = Mode::start;
    Mode back = Mode::content;  // where a refused call goes on
    bool thought = false;       // there was reasoning
    bool said = false;          // something of this stretch of text
    bool answered = false;      // some content: space after calls keeps other content apart from it
    bool second_end = false;    // one more </think> is dropped
    bool begun = false;         // the call has been told of
    std::string held, space, raw;
    size_t first = 0;  // in the beginning: where in `held` something else than space begins
    std::unique_ptr<CallReader> reader;
    int32_t count = 0, failures = 0;
};

AnswerParser::AnswerParser(AnswerOptions options) : state_(std::make_unique<State>(std::move(options))) {}
AnswerParser::~AnswerParser() = default;
AnswerParser::AnswerParser(AnswerParser&&) noexcept = default;

void AnswerParser::push(std::string_view text, std::vector<AnswerPart>& out) {
    for (const char c : text) state_->push(c, out);
}
void AnswerParser::finish(std::vector<AnswerPart>& out, bool cut) {
    state_->finish(out, cut);
}
void AnswerParser::restart() {
    state_ = std::make_unique<State>(std::move(state_->options));
}
bool AnswerParser::in_reasoning() const {
    return state_->mode == State::Mode::reasoning;
}
int32_t AnswerParser::parse_failures() const {
    return state_->failures;
}

}  // namespace sluice::chat
