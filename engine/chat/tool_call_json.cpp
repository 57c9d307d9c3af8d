// Calls as JSON. Once the name is known and the arguments begin, they are passed on as they come; a call in
// any other order is read to its end first. boost::json checks every character, so what is passed on of a
// complete call is valid. Arguments stay as the model wrote them, but for line breaks inside of strings,
// which JSON wants escaped.
#include <boost/json/parse.hpp>
#include <boost/json/stream_parser.hpp>

#include "engine/chat/tool_call.h"

namespace sluice::chat {
namespace {

namespace json = boost::json;

size_t string_end(std::string_view text, size_t at) {
    for (++at; text[at] != '"'; ++at) at += text[at] == '\\';
    return at + 1;
}

// An object's last member of that name, as it is written. The text is valid, and the member is an object.
std::string member(std::string_view object, std::string_view name) {
    std::string_view key, found;
    size_t begin = 0;
    for (size_t at = 0, depth = 0; at < object.size();) {
        const char c = object[at];
        if (c == '"') {
            const size_t end = string_end(object, at);
            if (depth == 1) key = object.substr(at + 1, end - at - 2);
            at = end;
            continue;
        }
        ++at;
        if ((c == '{' || c == '[') && ++depth == 2) begin = at - 1;
        if ((c == '}' || c == ']') && --depth == 1 && key == name) found = object.substr(begin, at - begin);
    }
    return std::string(found);
}

class JsonCall final : public CallReader {
  public:
    JsonCall(int32_t index, const json::array& tools)
        : index_(index), tools_(tools), whole_({}, deep_options()), arguments_({}, deep_options()) {}

    State push(char c, std::vector<AnswerPart>& out) override {
        if (phase_ == Phase::tail) return tail(c);
        const bool raw_control = in_string_ && !escape_ && static_cast<unsigned char>(c) < 0x20;
        if (!raw_control) {
            note_string(c);
            return read(c, out);
        }
        std::string escaped;
        append_escaped(escaped, std::string_view(&c, 1));
        State state = State::open;
        for (size_t i = 0; i < escaped.size() && state == State::open; ++i) state = read(escaped[i], out);
        if (state != State::open) rest_ = c;
        return state;
    }

    // What was not yet said is no call; what was, stays.
    State finish(std::vector<AnswerPart>&, bool) override {
        if (phase_ == Phase::head) return State::refused;
        return phase_ == Phase::tail ? State::ended : State::open;
    }

  private:
    enum class Phase : uint8_t { head, arguments, tail };

    void note_string(char c) {
        if (in_string_ && !escape_ && c == '\\') {
            escape_ = true;
            return;
        }
        if (!escape_ && c == '"') in_string_ = !in_string_;
        escape_ = false;
    }

    State read(char c, std::vector<AnswerPart>& out) {
        if (phase_ == Phase::arguments) return argument(c, out);
        if (raw_.empty() && is_space(c)) return State::open;
        if (raw_.empty() && c != '{') return State::refused;
        raw_ += c;
        json::error_code ec;
        whole_.write_some(&c, 1, ec);
        if (ec) return State::refused;
        if (whole_.done()) return take_whole(out);
        return c == '{' ? begin_arguments(out) : State::open;
    }

    // True when raw_ is {"name": "X", "arguments": { : then the call has begun.
    State begin_arguments(std::vector<AnswerPart>& out) {
        if (looked_ || raw_.size() < 2) return State::open;  // the first brace is the call's own
        looked_ = true;
        const std::string closed = raw_ + "}}";
        json::error_code ec;
        const auto value = json::parse(closed, ec, {}, deep_options());
        if (ec || !value.is_object() || value.get_object().size() != 2) return State::open;
        const json::object& call = value.get_object();
        const json::value* name = call.if_contains("name");
        const bool begins = call.contains("arguments") || call.contains("parameters");
        if (!name || !name->is_string() || !begins) return State::open;
        if (!find_tool(tools_, name->get_string())) return State::refused;
        out.emplace_back(CallBegun{index_, std::string(name->get_string())});
        phase_ = Phase::arguments;
        return argument('{', out);
    }

    State argument(char c, std::vector<AnswerPart>& out) {
        json::error_code ec;
        arguments_.write_some(&c, 1, ec);
        if (ec) {
            rest_ = c;
            return State::ended;
        }
        add_part(out, CallArguments{index_, std::string(1, c)});
        if (!arguments_.done()) return State::open;
        out.emplace_back(CallEnded{index_});
        phase_ = Phase::tail;
        return State::open;
    }

    State tail(char c) {
        if (is_space(c)) return State::open;
        if (c == '}' && braces_-- > 0) return State::open;
        rest_ = c;
        return State::ended;
    }

    State take_whole(std::vector<AnswerPart>& out) {
        const json::value value = whole_.release();
        const json::object& call = value.as_object();
        const json::value* name = call.if_contains("name");
        const json::value* arguments = call.if_contains("arguments");
        if (!arguments) arguments = call.if_contains("parameters");
        if (!name || !name->is_string() || !find_tool(tools_, name->get_string())) return State::refused;
        std::string text = "{}";
        if (arguments && arguments->is_object())
            text = member(raw_, call.contains("arguments") ? "arguments" : "parameters");
        if (arguments && arguments->is_string()) {  // an object in a string
            json::error_code ec;
            const auto inner = json::parse(arguments->get_string(), ec, {}, deep_options());
            if (ec || !inner.is_object()) return State::refused;
            text = std::string(arguments->get_string());
        } else if (arguments && !arguments->is_object() && !arguments->is_null()) {
            return State::refused;
        }
        if (text.empty()) return State::refused;  // the member's name is written with escapes
        out.emplace_back(CallBegun{index_, std::string(name->get_string())});
        add_part(out, CallArguments{index_, std::move(text)});
        out.emplace_back(CallEnded{index_});
        phase_ = Phase::tail;
        braces_ = 1;
        return State::open;
    }

    const int32_t index_;
    const json::array& tools_;
    Phase phase_ = Phase::head;
    bool looked_ = false;  // at the second brace, the only one that can begin the arguments in time
    int braces_ = 2;       // that may follow: the call's own, and one too many
    bool in_string_ = false, escape_ = false;  // of what was pushed
    std::string raw_;                          // the head
    json::stream_parser whole_, arguments_;
};

}  // namespace

const json::object* find_tool(const json::array& tools, std::string_view name) {
    for (const json::value& tool : tools) {
        const json::object* object = tool.if_object();
        const json::value* function = object ? object->if_contains("function") : nullptr;
        const json::value* own =
            function && function->is_object() ? function->get_object().if_contains("name") : nullptr;
        if (own && own->is_string() && own->get_string() == name) return &function->get_object();
    }
    return nullptr;
}

std::unique_ptr<CallReader> make_json_call(int32_t index, const json::array& tools) {
    return std::make_unique<JsonCall>(index, tools);
}

void add_part(std::vector<AnswerPart>& out, AnswerPart part) {
    if (!out.empty() && out.back().index() == part.index()) {
        if (auto* content = std::get_if<ContentDelta>(&part)) {
            std::get<ContentDelta>(out.back()).text += content->text;
            return;
        }
        if (auto* reasoning = std::get_if<ReasoningDelta>(&part)) {
            std::get<ReasoningDelta>(out.back()).text += reasoning->text;
            return;
        }
        if (auto* arguments = std::get_if<CallArguments>(&part)) {
            std::get<CallArguments>(out.back()).text += arguments->text;
            return;
        }
    }
    out.push_back(std::move(part));
}

}  // namespace sluice::chat
