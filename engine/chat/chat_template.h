// A model's chat template (Jinja2), compiled once and rendered per request within a budget.
// Immutable; any thread.
// Not as in Jinja2: integers have 64 bits, "escape" and "safe" give plain text (no autoescaping afterwards),
// and there are no recursive loops, includes, imports or inheritance, nor the filters for web pages.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::chat {

// Limits of one rendering: a template is code from a model file, and so not trusted.
struct Budget {
    int64_t steps = 1'000'000;       // nodes evaluated, loop turns, and one a 64 bytes of string made
    int32_t depth = 128;             // nested calls and expressions
    int64_t output_bytes = 8 << 20;  // of the rendering, and of any one string inside
};

// What templates see. Messages, tools and kwargs keep the client's key order.
struct TemplateInput {
    boost::json::array messages;
    boost::json::array tools;  // empty: none (the variable is not defined)
    bool add_generation_prompt = true;
    bool continue_final_message = false;  // leave the last message open: cut what the template puts after it
    boost::json::object kwargs;           // chat_template_kwargs; may not name the variables above
};

struct RenderedPrompt {
    std::string text;
    std::string from_user;  // same length: 1 where the byte came from messages, tools or kwargs, else 0
};

class ChatTemplate {
  public:
    using Clock = std::function<std::time_t()>;  // for strftime_now, which prints UTC; none: the system's

    // bos/eos: the texts of these tokens, as templates refer to them. An error gives line and cause.
    static Result<std::shared_ptr<const ChatTemplate>> parse(std::string_view source, std::string bos_token,
                                                             std::string eos_token, Clock clock = {});
    virtual ~ChatTemplate() = default;

    // invalid_request: raise_exception of the template, a budget passed, a wrong message.
    virtual Result<RenderedPrompt> render(const TemplateInput& input, const Budget& budget = {}) const = 0;
    virtual std::string_view source() const = 0;
};

}  // namespace sluice::chat
