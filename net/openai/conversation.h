// The prompt of a chat request: messages, tools and template variables as the chat template takes them.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "engine/chat/chat_template.h"
#include "engine/result.h"
#include "net/limits.h"
#include "net/openai/fields.h"
#include "net/openai/tools.h"

namespace sluice::net::openai {

Result<chat::TemplateInput> read_conversation(const boost::json::object& body, const Values& values,
                                              const boost::json::array& tools, const Limits& limits);

}  // namespace sluice::net::openai
