// Renders chat templates, for tools/compare_templates.py.
//   render_template < cases > answers
// One JSON object a line: template, messages, tools, add_generation_prompt, kwargs, bos, eos, now (seconds).
// One answer a line: {"text": ...}, or {"error": ...} from parsing or rendering.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <string>

#include "engine/chat/chat_template.h"

using namespace sluice;
namespace json = boost::json;

namespace {

std::string text_of(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value != nullptr ? std::string(value->as_string()) : std::string();
}

Result<chat::RenderedPrompt> render(const json::object& from) {
    const int64_t now = from.at("now").as_int64();
    const auto made = chat::ChatTemplate::parse(text_of(from, "template"), text_of(from, "bos"),
                                                text_of(from, "eos"), [now] { return std::time_t{now}; });
    if (!made) return made.error();
    chat::TemplateInput input;
    if (const auto* messages = from.if_contains("messages")) input.messages = messages->as_array();
    if (const auto* tools = from.if_contains("tools")) input.tools = tools->as_array();
    if (const auto* kwargs = from.if_contains("kwargs")) input.kwargs = kwargs->as_object();
    const auto* prompt = from.if_contains("add_generation_prompt");
    input.add_generation_prompt = prompt != nullptr && prompt->as_bool();
    return (*made)->render(input);
}

}  // namespace

int main() {
    std::ios::sync_with_stdio(false);
    try {
        for (std::string line; std::getline(std::cin, line);) {
            const auto rendered = render(json::parse(line).as_object());
            json::object answer;
            if (rendered)
                answer["text"] = rendered->text;
            else
                answer["error"] = rendered.error().message;
            std::cout << json::serialize(answer) << '\n';
        }
    } catch (const std::exception& error) {  // a case that is not written as the first lines say
        std::cerr << "render_template: " << error.what() << '\n';
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}
