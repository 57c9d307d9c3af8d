// Short forms for tests of chat templates.
#pragma once
#include <boost/json/parse.hpp>
#include <string>

#include "engine/chat/chat_template.h"

namespace sluice::chat {

// A day in January 1970, so that strftime_now is known.
inline std::time_t some_day() {
    return 12 * 86'400;
}

inline Result<RenderedPrompt> render(std::string_view source, const TemplateInput& input = {},
                                     const Budget& budget = {}) {
    const auto made = ChatTemplate::parse(source, "<s>", "</s>", some_day);
    if (!made) return made.error();
    return (*made)->render(input, budget);
}

inline std::string text(std::string_view source, const TemplateInput& input = {}) {
    const auto rendered = render(source, input);
    return rendered ? rendered->text : "error: " + rendered.error().message;
}

inline std::string error(std::string_view source, const TemplateInput& input = {},
                         const Budget& budget = {}) {
    const auto rendered = render(source, input, budget);
    return rendered ? "no error: " + rendered->text.substr(0, 100) : rendered.error().message;
}

inline TemplateInput with_messages(std::string_view json) {
    TemplateInput input;
    input.messages = boost::json::parse(json).as_array();
    return input;
}

inline TemplateInput with_kwargs(std::string_view json) {
    TemplateInput input;
    input.kwargs = boost::json::parse(json).as_object();
    return input;
}

}  // namespace sluice::chat
