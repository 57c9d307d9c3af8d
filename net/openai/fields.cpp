#include "net/openai/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr int64_t kMax32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMin32 = std::numeric_limits<int32_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMaxChoices = 8;

constexpr IntegerField kChatIntegers[] = {
    {"max_tokens", 1, kMax32, &Values::max_tokens},
    {"max_completion_tokens", 1, kMax32, &Values::max_completion_tokens},
    {"min_tokens", 0, kMax32, &Values::min_tokens},
    {"n", 1, kMaxChoices, &Values::n},
    {"seed", kMin64, kMax64, &Values::seed},
    {"top_k", -1, kMax32, &Values::top_k},
    {"priority", kMin32, kMax32, &Values::priority},
    {"top_logprobs", 0, 20, &Values::top_logprobs},
};
constexpr IntegerField kCompletionIntegers[] = {
    {"max_tokens", 0, kMax32, &Values::max_tokens},
    {"min_tokens", 0, kMax32, &Values::min_tokens},
    {"n", 1, kMaxChoices, &Values::n},
    {"best_of", 1, kMaxChoices, &Values::best_of},
    {"seed", kMin64, kMax64, &Values::seed},
    {"top_k", -1, kMax32, &Values::top_k},
    {"priority", kMin32, kMax32, &Values::priority},
    {"logprobs", 0, 5, &Values::logprobs_count},
};
constexpr NumberField kNumbers[] = {
    {"temperature", 0, 2, false, &Values::temperature},
    {"top_p", 0, 1, true, &Values::top_p},
    {"min_p", 0, 1, false, &Values::min_p},
    {"repetition_penalty", 0, 10, true, &Values::repetition_penalty},
    {"presence_penalty", -2, 2, false, &Values::presence_penalty},
    {"frequency_penalty", -2, 2, false, &Values::frequency_penalty},
};

struct BooleanField {
    std::string_view name;
    std::optional<bool> Values::*value;
};
constexpr BooleanField kChatBooleans[] = {
    {"stream", &Values::stream},
    {"logprobs", &Values::logprobs},
    {"ignore_eos", &Values::ignore_eos},
    {"add_generation_prompt", &Values::add_generation_prompt},
    {"continue_final_message", &Values::continue_final_message},
};
constexpr BooleanField kCompletionBooleans[] = {
    {"stream", &Values::stream},
    {"echo", &Values::echo},
    {"ignore_eos", &Values::ignore_eos},
};
struct TextField {
    std::string_view name;
    size_t max_bytes;
    std::optional<std::string> Values::*value;
};
constexpr TextField kTexts[] = {{"model", 512, &Values::model}, {"cache_salt", 512, &Values::cache_salt}};

// Read by their own code, or known to change nothing here.
constexpr std::string_view kElsewhere[] = {"messages",
                                           "prompt",
                                           "suffix",
                                           "stop",
                                           "stop_token_ids",
                                           "logit_bias",
                                           "stream_options",
                                           "tools",
                                           "tool_choice",
                                           "response_format",
                                           "chat_template_kwargs",
                                           "user",
                                           "store",
                                           "metadata",
                                           "service_tier",
                                           "prompt_cache_key",
                                           "prompt_cache_retention",
                                           "safety_identifier",
                                           "parallel_tool_calls",
                                           "modalities",
                                           "reasoning_effort",
                                           "verbosity",
                                           "prediction",
                                           "web_search_options"};

// Would change the answer, so leaving them out silently would be wrong.
constexpr std::string_view kUnsupported[] = {"functions",          "function_call", "guided_json",
                                             "guided_regex",       "guided_choice", "guided_grammar",
                                             "structured_outputs", "grammar",       "chat_template"};

template <class Table>
auto find(const Table& table, std::string_view name) -> decltype(&*std::begin(table)) {
    for (const auto& entry : table) {
        if (entry.name == name) return &entry;
    }
    return nullptr;
}

template <size_t N>
bool contains(const std::string_view (&names)[N], std::string_view name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::optional<Error> read(const IntegerField& field, const json::value& value, Values& out) {
    const auto number = as_integer(value);
    if (!number || *number < field.low || *number > field.high)
        return bad_field(field.name, fmt::format("must be an integer from {} to {}", field.low, field.high));
    out.*field.value = *number;
    return std::nullopt;
}

std::optional<Error> read(const NumberField& field, const json::value& value, Values& out) {
    const double number = value.is_number() ? value.to_number<double>() : field.high + 1;
    if (!(number >= field.low && number <= field.high) || (field.low_is_excluded && number == field.low)) {
        return bad_field(field.name,
                         fmt::format("must be a number {} {} and at most {}",
                                     field.low_is_excluded ? "above" : "of at least", field.low, field.high));
    }
    out.*field.value = number;
    return std::nullopt;
}

std::optional<Error> read(const BooleanField& field, const json::value& value, Values& out) {
    if (!value.is_bool()) return bad_field(field.name, "must be true or false");
    out.*field.value = value.get_bool();
    return std::nullopt;
}

std::optional<Error> read(const TextField& field, const json::value& value, Values& out) {
    if (!value.is_string() || value.get_string().size() > field.max_bytes)
        return bad_field(field.name, fmt::format("must be a string of at most {} bytes", field.max_bytes));
    out.*field.value = std::string(value.get_string());
    return std::nullopt;
}

std::span<const BooleanField> boolean_fields(Dialect dialect) {
    return dialect == Dialect::chat ? std::span<const BooleanField>(kChatBooleans) : kCompletionBooleans;
}

std::optional<Error> read_one(std::string_view name, const json::value& value, Dialect dialect, Values& out) {
    if (const auto* f = find(integer_fields(dialect), name)) return read(*f, value, out);
    if (const auto* f = find(kNumbers, name)) return read(*f, value, out);
    if (const auto* f = find(boolean_fields(dialect), name)) return read(*f, value, out);
    if (const auto* f = find(kTexts, name)) return read(*f, value, out);
    if (contains(kUnsupported, name)) {
        return Error{ErrorKind::unsupported, fmt::format("`{}` is not supported", name), std::string(name)};
    }
    out.unknown += !contains(kElsewhere, name);
    return std::nullopt;
}

}  // namespace

std::span<const IntegerField> integer_fields(Dialect dialect) {
    return dialect == Dialect::chat ? std::span<const IntegerField>(kChatIntegers) : kCompletionIntegers;
}

std::span<const NumberField> number_fields() {
    return kNumbers;
}

Error bad_field(std::string_view name, std::string_view what) {
    return {ErrorKind::invalid_request, fmt::format("`{}` {}", name, what), std::string(name)};
}

std::optional<int64_t> as_integer(const json::value& value) {
    if (value.is_int64()) return value.get_int64();
    if (!value.is_double()) return std::nullopt;  // a uint64 here is beyond int64
    const double d = value.get_double();
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double is no exact integer
    if (d != std::trunc(d) || std::abs(d) > kExact) return std::nullopt;
    return static_cast<int64_t>(d);
}

Result<Values> read_values(const json::object& body, Dialect dialect) {
    Values out;
    for (const auto& entry : body) {
        if (entry.value().is_null()) continue;
        const std::string_view name(entry.key().data(), entry.key().size());
        if (auto error = read_one(name, entry.value(), dialect, out)) return *error;
    }
    return out;
}

}  // namespace sluice::net::openai
