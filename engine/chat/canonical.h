// An answer's message in one spelling: equal for texts that a client may turn into each other by reading an
// answer and sending it back. Space around content and reasoning, the order of keys and the spelling of JSON
// do not count.
#pragma once
#include <string>
#include <string_view>

#include "engine/chat/answer_parser.h"

namespace sluice::chat {

// The parser is as new before and after.
std::string canonical_answer(AnswerParser& parser, std::string_view text);

}  // namespace sluice::chat
