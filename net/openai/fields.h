// The fields of request bodies: one table a dialect, which reading and docs/api.md come from.
// Wrong type or range: invalid_request naming the field. null means absent. Unknown fields are counted.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/result.h"

namespace sluice::net::openai {

// messages: Anthropic's
enum class Dialect : uint8_t { chat, completions, embeddings, messages, responses };

// Fields that are one number, flag or word. All others are read where they are used.
struct Values {
    std::optional<int64_t> max_tokens, max_completion_tokens, min_tokens, n, best_of, seed, top_k, priority,
        logprobs_count, top_logprobs, dimensions;
    std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
    std::optional<bool> stream, logprobs, echo, ignore_eos, add_generation_prompt, continue_final_message,
        enable_thinking, parallel_tool_calls, store, background;
    std::optional<std::string> model, cache_salt, reasoning_effort, instructions, previous_response_id,
        truncation, user;
    int unknown = 0;  // fields of no table
};

enum class Kind : uint8_t { integer, number, boolean, text, list, object, any };
enum class Treatment : uint8_t {
    used,
    ignored,  // accepted, whatever it is: it would not change the answer's text
    refused,  // would change the answer, and is not there: 400 `unsupported`
};

struct Field {
    std::string_view name;
    Kind kind;
    std::string_view note;  // one line for people
    Treatment treatment = Treatment::used;
    int64_t low = 0, high = 0;  // of integers and numbers; text: at most `high` bytes
    bool low_is_excluded = false;
    bool required = false;
    std::variant<std::monostate, std::optional<int64_t> Values::*, std::optional<double> Values::*,
                 std::optional<bool> Values::*, std::optional<std::string> Values::*>
        value = {};  // where it goes; monostate: read elsewhere
};

std::span<const Field> fields(Dialect dialect);

Result<Values> read_values(const boost::json::object& body, Dialect dialect);

Error bad_field(std::string_view name, std::string_view what);

// An integer in JSON: also 3.0 and 1e3, as JSON Schema has it.
std::optional<int64_t> as_integer(const boost::json::value& value);

}  // namespace sluice::net::openai
