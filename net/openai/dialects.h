// The shapes of answers, one a dialect.
#pragma once
#include <memory>

#include "net/openai/reply.h"

namespace sluice::net::openai {

std::unique_ptr<Reply> make_chat_reply(const Call& call, ReplyHeader header);
std::unique_ptr<Reply> make_completion_reply(const Call& call, ReplyHeader header);
std::unique_ptr<Reply> make_embedding_reply(const Call& call, ReplyHeader header);
std::unique_ptr<Reply> make_messages_reply(const Call& call, ReplyHeader header);
std::unique_ptr<Reply> make_response_reply(const Call& call, ReplyHeader header);

}  // namespace sluice::net::openai
