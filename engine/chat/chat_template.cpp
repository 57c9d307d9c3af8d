#include "engine/chat/chat_template.h"

#include <algorithm>

#include "engine/chat/jinja/builtins.h"
#include "engine/chat/jinja/parser.h"

namespace sluice::chat {

namespace {

using jinja::Failure;
using jinja::Interpreter;
using jinja::TextView;
using jinja::Value;
using Variables = std::vector<std::pair<std::string, Value>>;

Error invalid(std::string message, std::string param) {
    return {ErrorKind::invalid_request, std::move(message), std::move(param)};
}

RenderedPrompt to_prompt(TextView text) {
    std::string marks = text.marks.empty() ? std::string(text.size(), '\0') : std::string(text.marks);
    return {std::string(text.bytes), std::move(marks)};
}

// The text of the last message that generation goes on from: its content, or its last part with text.
Result<std::string> final_text(const boost::json::array& messages) {
    const Error missing =
        invalid("continue_final_message needs a last message with text content", "messages");
    const auto* message = messages.empty() ? nullptr : messages.back().if_object();
    const auto* content = message != nullptr ? message->if_contains("content") : nullptr;
    if (content == nullptr) return missing;
    if (const auto* text = content->if_string()) return std::string(text->data(), text->size());
    const auto* parts = content->if_array();
    for (auto part = parts != nullptr ? parts->rbegin() : boost::json::array::const_reverse_iterator();
         parts != nullptr && part != parts->rend(); ++part) {
        const auto* object = part->if_object();
        const auto* text = object != nullptr ? object->if_contains("text") : nullptr;
        if (text != nullptr && text->is_string()) return std::string(text->get_string());
    }
    return missing;
}

// Cuts what the template puts after the last message. Templates may trim the content: then the trimmed text
// counts.
Result<TextView> cut_after_final(TextView rendered, const std::string& final) {
    const std::string_view trimmed = jinja::strip({final}, jinja::Side::both).bytes;
    const std::string_view from_start = jinja::strip({final}, jinja::Side::left).bytes;
    const size_t at = rendered.bytes.rfind(trimmed);
    if (at == std::string_view::npos)
        return invalid("continue_final_message: the template does not show the last message",
                       "continue_final_message");
    const bool kept = rendered.bytes.substr(at, from_start.size()) == from_start;
    return rendered.substr(0, at + (kept ? from_start : trimmed).size());
}

class JinjaTemplate final : public ChatTemplate {
  public:
    JinjaTemplate(std::string source, jinja::Body body, std::string bos, std::string eos, Clock clock)
        : source_(std::move(source)),
          body_(std::move(body)),
          bos_(std::move(bos)),
          eos_(std::move(eos)),
          clock_(std::move(clock)) {}

    std::string_view source() const override { return source_; }

    Result<RenderedPrompt> render(const TemplateInput& input, const Budget& budget) const override {
        Interpreter interpreter(budget, clock_);
        try {
            auto variables = make_variables(interpreter, input);
            if (!variables) return variables.error();
            const jinja::TextPtr text = interpreter.render(body_, *variables);
            if (!input.continue_final_message) return to_prompt(text->view());
            const auto final = final_text(input.messages);
            if (!final) return final.error();
            const auto cut = cut_after_final(text->view(), *final);
            if (!cut) return cut.error();
            return to_prompt(*cut);
        } catch (const Failure& failure) {
            return invalid(
                failure.what() + (" (chat template, line " + std::to_string(interpreter.line()) + ")"),
                "messages");
        }
    }

  private:
    Result<Variables> make_variables(Interpreter& interpreter, const TemplateInput& input) const {
        Variables variables = jinja::global_functions();
        variables.emplace_back("bos_token", Value::string(bos_));
        variables.emplace_back("eos_token", Value::string(eos_));
        variables.emplace_back("messages", jinja::from_json(interpreter.meter(), input.messages));
        const bool prompt = input.add_generation_prompt && !input.continue_final_message;
        variables.emplace_back("add_generation_prompt", Value{prompt});
        const size_t reserved = variables.size();
        if (!input.tools.empty())
            variables.emplace_back("tools", jinja::from_json(interpreter.meter(), input.tools));
        for (const auto& [key, value] : input.kwargs) {
            const std::string name(key);
            const bool taken =
                name == "tools" || name == "continue_final_message" ||
                std::any_of(variables.begin(), variables.begin() + static_cast<ptrdiff_t>(reserved),
                            [&](const auto& each) { return each.first == name; });
            if (taken)
                return invalid("chat_template_kwargs may not set '" + name + "'", "chat_template_kwargs");
            variables.emplace_back(name, jinja::from_json(interpreter.meter(), value));
        }
        return variables;
    }

    std::string source_;
    jinja::Body body_;
    std::string bos_, eos_;
    Clock clock_;
};

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::parse(std::string_view source,
                                                                std::string bos_token, std::string eos_token,
                                                                Clock clock) {
    try {
        std::shared_ptr<const ChatTemplate> made =
            std::make_shared<JinjaTemplate>(std::string(source), jinja::parse(source), std::move(bos_token),
                                            std::move(eos_token), std::move(clock));
        return made;
    } catch (const jinja::SyntaxError& error) {
        return Error{ErrorKind::bad_file,
                     "chat template, line " + std::to_string(error.line) + ": " + error.message,
                     "tokenizer.chat_template"};
    } catch (const Failure& failure) {
        return Error{ErrorKind::bad_file, std::string("chat template: ") + failure.what(),
                     "tokenizer.chat_template"};
    }
}

}  // namespace sluice::chat
