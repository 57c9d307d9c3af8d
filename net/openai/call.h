// One API call, read and tokenised: what to ask of the engine, and what the answer has to look like.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/answer_parser.h"
#include "engine/frontend.h"
#include "engine/request.h"
#include "engine/result.h"
#include "engine/stats.h"
#include "net/limits.h"
#include "net/openai/fields.h"
#include "net/responses/response.h"

namespace sluice::net::openai {

struct Call {
    Dialect dialect = Dialect::chat;
    std::string model;  // as the answer calls it
    bool stream = false;
    bool include_usage = false;
    bool logprobs = false;
    bool echo = false;
    int32_t n = 1;
    std::vector<engine::Request> requests;                   // one a prompt; sinks are not set
    std::vector<std::string> echo_texts;                     // one a prompt, when echo
    bool base64 = false;                                     // embeddings not as numbers
    chat::AnswerOptions answer;                              // how an answer to a conversation is read
    std::function<void(std::span<const int32_t>)> remember;  // takes an answer's tokens; may be empty
    int unknown_fields = 0;
    std::shared_ptr<ResponseRequest> response = {};  // of the Responses API only
};

// What reading needs to know. Borrowed for the call.
struct CallContext {
    const engine::ModelInfo& model;
    const engine::Frontend& frontend;
    const Limits& limits;
    uint64_t random_seed;                           // for calls that bring none
    std::shared_ptr<ResponseStore> responses = {};  // null: none are kept
};

// Body bytes to a JSON object.
Result<boost::json::object> read_body(std::string_view body, const Limits& limits);

// A body to a call. Template and tokenizer run here: not on an io thread.
Result<Call> read_call(Dialect dialect, const boost::json::object& body, const CallContext& context);

// The parts, for each dialect in its own file. Messages and responses become a chat body first.
Result<Call> read_chat(const boost::json::object& body, const CallContext& context);
Result<Call> read_completion(const boost::json::object& body, const CallContext& context);
Result<Call> read_messages_call(const boost::json::object& body, const CallContext& context);
Result<Call> read_embedding(const boost::json::object& body, const CallContext& context);
Result<Call> read_response_call(const boost::json::object& body, const CallContext& context);

// What both share: sampling, stop, limits. The prompt is left empty.
Result<engine::Request> read_request(const boost::json::object& body, const Values& values,
                                     const CallContext& context);
Result<bool> read_include_usage(const boost::json::object& body);

// model_not_found unless it is the model's own name, an alias or "default".
Result<void> check_model(std::string_view asked, const engine::ModelInfo& model);
// What answers to such a request call the model: an alias as it was asked for, else the own name.
std::string answered_name(std::string_view asked, const engine::ModelInfo& model);

// The field's value, or null when it is absent or null.
const boost::json::value* present(const boost::json::object& object, std::string_view name);

}  // namespace sluice::net::openai
