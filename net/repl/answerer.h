// Who answers a conversation in the terminal: the engine in this process, or a server. One thread.
#pragma once
#include <atomic>
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

struct Figures {
    std::optional<int64_t> prompt_tokens, cached_tokens;  // where they are told
    int64_t tokens = 0;                                   // of the answer; estimated: pieces that came
    bool estimated = false;
    std::optional<double> to_first;  // seconds from the request to the first token
    double seconds = 0;              // from the request to the end
};

struct Reply {
    std::string content;   // without thoughts
    std::string finish;    // "stop", "length", ...; empty when stopped
    bool stopped = false;  // by the person, before the end
    Figures figures;
};

// Pieces of an answer as they come, on the caller's thread.
using OnText = std::function<void(std::string_view text, bool thought)>;

class Answerer {
  public:
    virtual ~Answerer() = default;
    virtual std::string name() const = 0;  // of the model
    // `body`: a chat request in OpenAI's form, without `model` and `stream`. *stop ends it early, without
    // error.
    virtual Result<Reply> answer(boost::json::object body, const OnText& on_text,
                                 const std::atomic<bool>& stop) = 0;
};

// An OpenAI-compatible server. `model` empty: the first that it lists, for which it is asked at once.
struct ServerAddress {
    std::string url;  // http://host:port[/v1]
    std::string api_key, model;
};
Result<std::unique_ptr<Answerer>> make_server_answerer(const ServerAddress& address);

}  // namespace sluice::net::repl
