// The two shapes of answers: chat completions and (legacy) completions.
#pragma once
#include <memory>

#include "net/openai/reply.h"

namespace sluice::net::openai {

std::unique_ptr<Reply> make_chat_reply(const Call& call, ReplyHeader header);
std::unique_ptr<Reply> make_completion_reply(const Call& call, ReplyHeader header);

}  // namespace sluice::net::openai
