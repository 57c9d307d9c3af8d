// The plain fields of OpenAI request bodies, read by tables: name, type, range, where the value goes.
// Wrong type or range: invalid_request naming the field. null means absent. Unknown fields are counted.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::openai {

enum class Dialect { chat, completions };

struct Values {
    std::optional<int64_t> max_tokens, max_completion_tokens, min_tokens, n, best_of, seed, top_k, priority,
        logprobs_count, top_logprobs;
    std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
    std::optional<bool> stream, logprobs, echo, ignore_eos, add_generation_prompt, continue_final_message;
    std::optional<std::string> model, cache_salt;
    int unknown = 0;  // fields that are neither known nor known to be harmless
};

struct IntegerField {
    std::string_view name;
    int64_t low, high;
    std::optional<int64_t> Values::*value;
};
struct NumberField {
    std::string_view name;
    double low, high;
    bool low_is_excluded;
    std::optional<double> Values::*value;
};

std::span<const IntegerField> integer_fields(Dialect dialect);
std::span<const NumberField> number_fields();

Result<Values> read_values(const boost::json::object& body, Dialect dialect);

Error bad_field(std::string_view name, std::string_view what);

// An integer in JSON: also 3.0 and 1e3, as JSON Schema has it.
std::optional<int64_t> as_integer(const boost::json::value& value);

}  // namespace sluice::net::openai
