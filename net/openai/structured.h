// What the content of an answer has to be: response_format, structured_outputs (vLLM), guided_* (vLLM's older
// names) and grammar (llama.cpp). On a text thread.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "engine/answer_grammar.h"
#include "engine/frontend.h"
#include "engine/request.h"
#include "engine/result.h"

namespace sluice::net::openai {

struct Structured {
    std::string param;                                // the field that asks for it
    std::shared_ptr<const engine::ContentRule> rule;  // null: any text will do
};

// Errors name the field; two of them at once are one. The grammar itself is only looked at when it is
// compiled.
Result<Structured> read_structured(const boost::json::object& body);

// Makes the call's requests keep to the rules. Errors of the content's grammar name `param`.
Result<void> constrain(engine::Request& request, const engine::AnswerRules& rules, const std::string& param,
                       const engine::Frontend& frontend);

}  // namespace sluice::net::openai
