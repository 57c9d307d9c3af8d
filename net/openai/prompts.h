// Prompts that are no conversation: text, token ids, or lists of them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "net/openai/call.h"

namespace sluice::net::openai {

struct Prompt {
    std::vector<int32_t> tokens;  // at least one
    std::string text;             // for echo
};

// The field is a string, a list of token ids, or a list of at most `most` of these. Errors name the field.
Result<std::vector<Prompt>> read_prompts(const boost::json::object& body, std::string_view field, size_t most,
                                         const CallContext& context);

}  // namespace sluice::net::openai
