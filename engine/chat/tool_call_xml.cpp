// Calls as Qwen3-Coder writes them: NAME> then <parameter=P> VALUE </parameter> ... </function>. Values are
// raw text and may hold markup themselves: a closing tag counts only where what follows it can follow. A call
// has begun when after its name comes what only a call has: a name alone may be prose about the tool.
#include <algorithm>

#include "engine/chat/tool_call.h"

namespace sluice::chat {
namespace {

namespace json = boost::json;

constexpr std::string_view kParameter = "<parameter=", kParameterEnd = "</parameter>",
                           kFunctionEnd = "</function>", kCallEnd = "</tool_call>", kCall = "<tool_call>",
                           kFunction = "<function=";
constexpr size_t kMaxName = 256;
constexpr size_t kMaxSpace = 64;  // between tags; more of it is text

// Of a function or parameter; others end the attempt, so that no long text is held back.
bool is_in_name(char c) {
    return c != '<' && c != '\n' && c != '\r';
}

enum class Fit : uint8_t { no, maybe, yes };

Fit begins(std::string_view text, std::string_view tag) {
    if (text.size() >= tag.size()) return text.starts_with(tag) ? Fit::yes : Fit::no;
    return tag.starts_with(text) ? Fit::maybe : Fit::no;
}

class XmlCall final : public CallReader {
  public:
    XmlCall(int32_t index, const json::array& tools) : index_(index), tools_(tools) {}

    State push(char c, std::vector<AnswerPart>& out) override {
        switch (phase_) {
            case Phase::name:
                return name(c);
            case Phase::between:
                return between(c, out);
            case Phase::key:
                return key(c, out);
            case Phase::value:
                break;
        }
        held_ += c;
        return settle(out, false);
    }

    State finish(std::vector<AnswerPart>& out, bool cut) override {
        if (!begun_) return State::refused;
        if (phase_ == Phase::between && !cut) return close(out);
        if (phase_ != Phase::value) return State::open;
        const State state = settle(out, true);
        if (state == State::open && phase_ == Phase::between && !cut) return close(out);
        if (state != State::open || phase_ != Phase::value) return state;
        if (streams_) say(held_, out);  // cut within the value
        if (!streams_ && !repeated_ && !(value_ + held_).empty())
            add_part(out, CallArguments{index_, value_ + held_});
        return state;
    }

  private:
    enum class Phase : uint8_t { name, between, key, value };

    State name(char c) {
        if (c != '>') {
            held_ += c;
            return is_in_name(c) && held_.size() <= kMaxName ? State::open : State::refused;
        }
        function_ = find_tool(tools_, held_);
        if (!function_) return State::refused;
        name_ = std::exchange(held_, {});
        phase_ = Phase::between;
        return State::open;
    }

    void begin(std::vector<AnswerPart>& out) {
        if (!begun_) out.emplace_back(CallBegun{index_, name_});
        begun_ = true;
    }

    // What cannot be read ends a call that has begun: without CallEnded, for it is not complete.
    State give_up() {
        if (!begun_) return State::refused;
        rest_ = std::exchange(held_, {});
        return State::ended;
    }

    State between(char c, std::vector<AnswerPart>& out) {
        if (held_.empty() && is_space(c)) return State::open;
        held_ += c;
        const Fit parameter = begins(held_, kParameter), end = begins(held_, kFunctionEnd),
                  call_end = begins(held_, kCallEnd);
        if (parameter == Fit::yes) {
            held_.clear();
            phase_ = Phase::key;
            return State::open;
        }
        if (end == Fit::yes) {
            held_.clear();
            return close(out);
        }
        if (call_end == Fit::yes) {  // </function> was forgotten
            rest_ = std::exchange(held_, {});
            return close(out);
        }
        const bool maybe = parameter == Fit::maybe || end == Fit::maybe || call_end == Fit::maybe;
        return maybe ? State::open : give_up();
    }

    State key(char c, std::vector<AnswerPart>& out) {
        if (c == '>') {
            begin_value(std::exchange(held_, {}), out);
        } else {
            held_ += c;
            if (!is_in_name(c) || held_.size() > kMaxName) return give_up();
        }
        return State::open;
    }

    // Of parameters that come twice the first counts: it may have been passed on already.
    void begin_value(const std::string& name, std::vector<AnswerPart>& out) {
        begin(out);
        const json::value* parameters = function_->if_contains("parameters");
        const json::object* known = properties();
        const json::value* own = known ? known->if_contains(name) : nullptr;
        type_ = std::make_unique<ArgumentType>(own, parameters);
        repeated_ = seen_.contains(name);
        streams_ = type_->only_text() && !repeated_;
        phase_ = Phase::value;
        first_ = true;
        value_.clear();
        if (repeated_) return;
        std::string text = seen_.empty() ? "{\"" : ", \"";
        seen_[name] = true;
        append_escaped(text, name);
        text += streams_ ? "\": \"" : "\": ";
        add_part(out, CallArguments{index_, std::move(text)});
    }

    // Passes on of held_ what is certain to be the value's.
    State settle(std::vector<AnswerPart>& out, bool at_end) {
        for (;;) {
            if (first_ && !held_.empty()) {  // one line break after the tag is not part of the value
                if (held_ == "\r" && !at_end) return State::open;
                const size_t skip = held_.starts_with("\r\n") ? 2 : held_[0] == '\n' ? 1 : 0;
                held_.erase(0, skip);
                first_ = false;
            }
            const size_t at = held_.find_first_of("\r\n<");
            if (at == std::string::npos) {
                take(held_, held_.size(), out);
                return State::open;
            }
            take(held_, at, out);
            size_t used = 0;
            const Fit fit = ends(held_, at_end, used);
            if (fit == Fit::maybe) return State::open;
            if (fit == Fit::yes) return end_value(used, out);
            take(held_, 1, out);
        }
    }

    // Whether the value ends at the start of `text`: perhaps a line break, then a tag. `used`: what of it is
    // the end's own.
    Fit ends(std::string_view text, bool at_end, size_t& used) const {
        const size_t line = text.starts_with("\r\n") ? 2 : text[0] == '\n' ? 1 : 0;
        const std::string_view tag = text.substr(line);
        if (text == "\r" || tag.empty()) return at_end ? Fit::no : Fit::maybe;
        if (tag[0] != '<') return Fit::no;
        Fit best = Fit::no;
        const auto consider = [&](Fit fit, size_t length) {
            if (fit == Fit::yes && best != Fit::yes) used = length;
            if (fit == Fit::yes || (fit == Fit::maybe && best == Fit::no)) best = fit;
        };
        if (begins(tag, kParameterEnd) != Fit::no) {
            const Fit closed = begins(tag, kParameterEnd);
            const auto after = tag.substr(std::min(tag.size(), kParameterEnd.size()));
            consider(
                closed == Fit::yes ? follows(after, {kParameter, kFunctionEnd, kCallEnd}, at_end) : closed,
                line + kParameterEnd.size());
        }
        if (begins(tag, kFunctionEnd) != Fit::no) {
            const Fit closed = begins(tag, kFunctionEnd);
            const auto after = tag.substr(std::min(tag.size(), kFunctionEnd.size()));
            consider(closed == Fit::yes ? follows(after, {kCallEnd, kCall, kFunction}, at_end) : closed,
                     line);
        }
        if (line > 0) consider(next_parameter(tag), line);  // the closing tag was forgotten
        if (best == Fit::maybe && at_end) return Fit::no;
        return best;
    }

    const json::object* properties() const {
        const json::value* parameters = function_->if_contains("parameters");
        const json::object* schema = parameters ? parameters->if_object() : nullptr;
        const json::value* known = schema ? schema->if_contains("properties") : nullptr;
        return known ? known->if_object() : nullptr;
    }

    // Whether a parameter that the tool has, and that was not yet given, begins: any other is text.
    Fit next_parameter(std::string_view tag) const {
        const Fit begun = begins(tag, kParameter);
        if (begun != Fit::yes) return begun;
        const std::string_view name = tag.substr(kParameter.size());
        const size_t end = name.find('>');
        const json::object* known = properties();
        if (end != std::string_view::npos) {
            const std::string_view own = name.substr(0, end);
            return known && known->contains(own) && !seen_.contains(own) ? Fit::yes : Fit::no;
        }
        if (!known) return Fit::no;
        const auto goes_on = [&](const auto& property) { return property.key().starts_with(name); };
        return std::any_of(known->begin(), known->end(), goes_on) ? Fit::maybe : Fit::no;
    }

    static Fit follows(std::string_view after, std::initializer_list<std::string_view> tags, bool at_end) {
        size_t space = 0;
        while (space < after.size() && is_space(after[space])) ++space;
        if (space > kMaxSpace) return Fit::no;
        if (space == after.size()) return at_end ? Fit::yes : Fit::maybe;
        Fit best = Fit::no;
        for (const std::string_view tag : tags) {
            const Fit fit = begins(after.substr(space), tag);
            if (fit == Fit::yes || best == Fit::no) best = fit == Fit::no ? best : fit;
        }
        return best;
    }

    State end_value(size_t used, std::vector<AnswerPart>& out) {
        std::string after = held_.substr(used);
        held_.clear();
        if (streams_) {
            add_part(out, CallArguments{index_, "\""});
        } else if (!repeated_) {
            add_part(out, CallArguments{index_, type_->to_json(value_)});
        }
        phase_ = Phase::between;
        State state = State::open;
        for (size_t i = 0; i < after.size(); ++i) {
            state = push(after[i], out);
            if (state == State::open) continue;
            rest_ += after.substr(i + 1);
            break;
        }
        return state;
    }

    void take(std::string& from, size_t count, std::vector<AnswerPart>& out) {
        if (count == 0) return;
        const std::string text = from.substr(0, count);
        from.erase(0, count);
        if (streams_) return say(text, out);
        if (repeated_) return;
        value_ += text;
        const bool null =
            std::string_view("null").starts_with(value_) || std::string_view("None").starts_with(value_);
        if (!type_->text_or_null() || null) return;
        streams_ = true;  // it is text for certain
        add_part(out, CallArguments{index_, "\""});
        say(value_, out);
    }
    void say(std::string_view text, std::vector<AnswerPart>& out) {
        std::string escaped;
        append_escaped(escaped, text);
        if (!escaped.empty()) add_part(out, CallArguments{index_, std::move(escaped)});
    }

    State close(std::vector<AnswerPart>& out) {
        begin(out);
        add_part(out, CallArguments{index_, seen_.empty() ? "{}" : "}"});
        out.emplace_back(CallEnded{index_});
        return State::ended;
    }

    const int32_t index_;
    const json::array& tools_;
    const json::object* function_ = nullptr;
    std::string name_;
    bool begun_ = false;  // CallBegun was said
    Phase phase_ = Phase::name;
    std::string held_;   // not yet decided
    std::string value_;  // of a parameter that is no text
    std::unique_ptr<ArgumentType> type_;
    json::object seen_;  // parameters so far
    bool streams_ = false, repeated_ = false, first_ = false;
};

}  // namespace

std::unique_ptr<CallReader> make_xml_call(int32_t index, const json::array& tools) {
    return std::make_unique<XmlCall>(index, tools);
}

}  // namespace sluice::chat
