// What each dialect's requests may hold.
#include <algorithm>
#include <array>
#include <limits>

#include "net/openai/fields.h"

namespace sluice::net::openai {
namespace {

constexpr int64_t kMax32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMin32 = std::numeric_limits<int32_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMaxChoices = 8;
constexpr int64_t kName = 512;  // bytes

constexpr Field integer(std::string_view name, int64_t low, int64_t high,
                        std::optional<int64_t> Values::*value, std::string_view note) {
    return {name, Kind::integer, note, Treatment::used, low, high, false, false, value};
}
constexpr Field number(std::string_view name, int64_t low, bool excluded, int64_t high,
                       std::optional<double> Values::*value, std::string_view note) {
    return {name, Kind::number, note, Treatment::used, low, high, excluded, false, value};
}
constexpr Field flag(std::string_view name, std::optional<bool> Values::*value, std::string_view note) {
    return {name, Kind::boolean, note, Treatment::used, 0, 0, false, false, value};
}
constexpr Field text(std::string_view name, int64_t bytes, std::optional<std::string> Values::*value,
                     std::string_view note) {
    return {name, Kind::text, note, Treatment::used, 0, bytes, false, false, value};
}
constexpr Field other(std::string_view name, Kind kind, std::string_view note) {
    return {name, kind, note};
}
constexpr Field required(Field field) {
    field.required = true;
    return field;
}
constexpr Field ignored(std::string_view name, std::string_view note) {
    return {name, Kind::any, note, Treatment::ignored};
}
constexpr Field refused(std::string_view name, std::string_view note) {
    return {name, Kind::any, note, Treatment::refused};
}

constexpr Field kModel =
    required(text("model", kName, &Values::model, "the model's name, an alias, or `default`"));
constexpr Field kStream = flag("stream", &Values::stream, "one server-sent event a token");
constexpr Field kStreamOptions =
    other("stream_options", Kind::object, "`include_usage`: the last chunk carries `usage`");
constexpr Field kMaxTokens =
    integer("max_tokens", 1, kMax32, &Values::max_tokens, "beyond the free context: clamped");
constexpr Field kMinTokens =
    integer("min_tokens", 0, kMax32, &Values::min_tokens, "no end of the text before");
constexpr Field kN = integer("n", 1, kMaxChoices, &Values::n, "choices; they share the prompt's computation");
constexpr Field kSeed = integer("seed", kMin64, kMax64, &Values::seed, "the same seed gives the same answer");
constexpr Field kTemperature =
    number("temperature", 0, false, 2, &Values::temperature, "0 is greedy; default: the model's, else 1");
constexpr Field kTopP = number("top_p", 0, true, 1, &Values::top_p, "nucleus; default: the model's, else 1");
constexpr Field kTopK = integer("top_k", -1, kMax32, &Values::top_k, "the k likeliest; 0 and -1: off");
constexpr Field kMinP =
    number("min_p", 0, false, 1, &Values::min_p, "at least this share of the likeliest's probability");
constexpr Field kRepetition =
    number("repetition_penalty", 0, true, 10, &Values::repetition_penalty, "over prompt and answer; 1: off");
constexpr Field kPresence =
    number("presence_penalty", -2, false, 2, &Values::presence_penalty, "over the answer, once");
constexpr Field kFrequency =
    number("frequency_penalty", -2, false, 2, &Values::frequency_penalty, "over the answer, times count");
constexpr Field kBias = other("logit_bias", Kind::object, "token ids with numbers from -100 to 100");
constexpr Field kStop = other("stop", Kind::any, "a string or a list of them; not part of the answer");
constexpr Field kStopIds = other("stop_token_ids", Kind::list, "token ids that end the answer");
constexpr Field kIgnoreEos = flag("ignore_eos", &Values::ignore_eos, "goes on to `max_tokens`");
constexpr Field kPriority = integer("priority", kMin32, kMax32, &Values::priority, "higher goes first");
constexpr Field kSalt = text("cache_salt", kName, &Values::cache_salt,
                             "cached prefixes are shared only among requests with the same salt");
constexpr Field kResponseFormat =
    other("response_format", Kind::object, "`text`, `json_object` or `json_schema`");
constexpr Field kStructured = other("structured_outputs", Kind::object,
                                    "one of `json`, `regex`, `choice`, `grammar` (GBNF), `json_object`");
constexpr Field kGuidedJson = other("guided_json", Kind::any, "a JSON Schema, or its text");
constexpr Field kGuidedRegex = other("guided_regex", Kind::any, "a regular expression of the whole answer");
constexpr Field kGuidedChoice = other("guided_choice", Kind::list, "the strings that the answer may be");
constexpr Field kGuidedGrammar = other("guided_grammar", Kind::any, "GBNF");
constexpr Field kGrammar = other("grammar", Kind::any, "GBNF, as llama.cpp has it");
constexpr Field kUser = ignored("user", "who asks; changes nothing");
constexpr Field kMetadata = ignored("metadata", "kept by the client");
constexpr Field kServiceTier = ignored("service_tier", "there is one tier");
constexpr Field kCacheKey = ignored("prompt_cache_key", "prefixes are found without it");
constexpr Field kCacheRetention = ignored("prompt_cache_retention", "blocks live as long as there is room");
constexpr Field kSafety = ignored("safety_identifier", "changes nothing");
constexpr Field kVerbosity = ignored("verbosity", "models here do not know it");
constexpr Field kEffort = text("reasoning_effort", kName, &Values::reasoning_effort,
                               "`none` asks the template for no thinking; others change nothing");
constexpr Field kParallel =
    flag("parallel_tool_calls", &Values::parallel_tool_calls, "false: the answer ends with its first call");
constexpr Field kTools = other("tools", Kind::list, "functions the model may call");

// Of chat and of text completions.
constexpr Field kBoth[] = {
    kModel,        kStream,        kStreamOptions,  kMinTokens,      kN,          kSeed,       kTemperature,
    kTopP,         kTopK,          kMinP,           kRepetition,     kPresence,   kFrequency,  kBias,
    kStop,         kStopIds,       kIgnoreEos,      kResponseFormat, kStructured, kGuidedJson, kGuidedRegex,
    kGuidedChoice, kGuidedGrammar, kGrammar,        kPriority,       kSalt,       kUser,       kMetadata,
    kServiceTier,  kCacheKey,      kCacheRetention, kSafety,
};

constexpr Field kChatOnly[] = {
    required(other("messages", Kind::list,
                   "roles system, developer, user, assistant, tool; content text or parts of text")),
    integer("max_completion_tokens", 1, kMax32, &Values::max_completion_tokens, "wins over `max_tokens`"),
    kMaxTokens,
    flag("logprobs", &Values::logprobs, "logprobs of the content's tokens"),
    integer("top_logprobs", 0, 20, &Values::top_logprobs, "likeliest tokens beside each; needs `logprobs`"),
    kTools,
    other("tool_choice", Kind::any, "`none`, `auto`, `required`, a function, or `allowed_tools`"),
    kParallel,
    other("chat_template_kwargs", Kind::object, "variables for the template, e.g. `enable_thinking`"),
    flag("enable_thinking", &Values::enable_thinking, "as `chat_template_kwargs.enable_thinking`"),
    kEffort,
    flag("add_generation_prompt", &Values::add_generation_prompt, "false: no new assistant turn is opened"),
    flag("continue_final_message", &Values::continue_final_message, "goes on within the last message"),
    other("modalities", Kind::list, "only `text`"),
    ignored("store", "chat completions are not stored"),
    kVerbosity,
    ignored("prediction", "a hint that would only change the speed"),
    ignored("web_search_options", "there is no search"),
    refused("audio", "answers are text"),
    refused("functions", "use `tools`"),
    refused("function_call", "use `tool_choice`"),
    refused("chat_template", "the template is the model's own"),
};

constexpr Field kCompletionsOnly[] = {
    required(other("prompt", Kind::any, "text, token ids, or a list of either")),
    integer("max_tokens", 0, kMax32, &Values::max_tokens, "default 16; 0 with `echo`: the prompt is scored"),
    integer("best_of", 1, kMaxChoices, &Values::best_of, "only the same as `n`"),
    integer("logprobs", 0, 5, &Values::logprobs_count, "likeliest tokens beside each"),
    flag("echo", &Values::echo, "the prompt in front of the answer; with `logprobs` it is scored too"),
    refused("suffix", "no text is written between two others"),
};

template <size_t N, size_t M>
constexpr std::array<Field, N + M> join(const Field (&first)[N], const Field (&second)[M]) {
    std::array<Field, N + M> out{};
    std::copy(std::begin(second), std::end(second),
              std::copy(std::begin(first), std::end(first), out.begin()));
    return out;
}
constexpr auto kChat = join(kChatOnly, kBoth);
constexpr auto kCompletions = join(kCompletionsOnly, kBoth);

constexpr Field kMessages[] = {
    kModel,
    required(other("messages", Kind::list, "roles user and assistant; content text or blocks")),
    required(integer("max_tokens", 1, kMax32, &Values::max_tokens, "beyond the free context: clamped")),
    other("system", Kind::any, "text or text blocks"),
    kStream,
    number("temperature", 0, false, 1, &Values::temperature, "0 is greedy; default: the model's, else 1"),
    kTopP,
    integer("top_k", 0, kMax32, &Values::top_k, "the k likeliest; 0: off"),
    other("stop_sequences", Kind::list, "strings that end the answer"),
    kTools,
    other("tool_choice", Kind::object, "`auto`, `any`, `tool` or `none`; `disable_parallel_tool_use`"),
    other("thinking", Kind::object, "`disabled` asks the template for none; no budget is enforced"),
    other("output_config", Kind::object, "`format`: a JSON Schema; `effort` changes nothing"),
    other("output_format", Kind::object, "the older name of `output_config.format`"),
    other("thread", Kind::object, "`create` changes nothing; `continue` is answered with 404"),
    other("metadata", Kind::object, "`user_id` changes nothing"),
    kSeed,
    kMinP,
    kPriority,
    kSalt,
    ignored("service_tier", "there is one tier"),
    ignored("container", "no code runs here"),
    ignored("context_management", "the client's messages are taken as they are"),
    ignored("cache_control", "prefixes are found without it"),
    ignored("betas", "changes nothing"),
    ignored("inference_geo", "changes nothing"),
    refused("mcp_servers", "tools run at the client"),
};

constexpr Field kEmbeddings[] = {
    kModel,
    required(other("input", Kind::any, "text, token ids, or a list of either")),
    other("encoding_format", Kind::text, "`float`, or `base64` of little-endian 32-bit floats"),
    integer("dimensions", 1, kMax32, &Values::dimensions, "only as many as the model's vectors have"),
    kPriority,
    kSalt,
    kUser,
};

constexpr Field kResponses[] = {
    kModel,
    other("input", Kind::any, "text, or items: messages, function calls and their outputs, reasoning"),
    text("instructions", kMax32, &Values::instructions,
         "in front of all, as a system message; of this response only"),
    text("previous_response_id", kName, &Values::previous_response_id, "goes on from a stored response"),
    flag("store", &Values::store, "default true: kept in memory for a while"),
    kStream,
    integer("max_output_tokens", 1, kMax32, &Values::max_tokens, "beyond the free context: clamped"),
    kTemperature,
    kTopP,
    integer("top_logprobs", 0, 20, &Values::top_logprobs,
            "likeliest tokens beside each; asks for logprobs too"),
    other("tools", Kind::list, "functions the model may call; tools of other types are skipped"),
    other("tool_choice", Kind::any, "as chat's, in the form of this API"),
    kParallel,
    other("reasoning", Kind::object,
          "`effort` `none` asks the template for no thinking; the rest changes nothing"),
    other("text", Kind::object, "`format` as chat's `response_format`; `verbosity` changes nothing"),
    other("include", Kind::list, "`message.output_text.logprobs`; others change nothing"),
    text("truncation", kName, &Values::truncation, "`auto` is accepted; nothing is left out of the input"),
    other("metadata", Kind::object, "up to 16 strings, repeated in the answer"),
    text("user", kName, &Values::user, "repeated in the answer"),
    flag("background", &Values::background,
         "made without the client, who asks for it by name; not with `stream`"),
    kSeed,
    kTopK,
    kMinP,
    kPresence,
    kFrequency,
    kPriority,
    kSalt,
    other("chat_template_kwargs", Kind::object, "variables for the template, e.g. `enable_thinking`"),
    flag("enable_thinking", &Values::enable_thinking, "as `chat_template_kwargs.enable_thinking`"),
    ignored("max_tool_calls", "no tools run here"),
    ignored("stream_options", "there is no obfuscation"),
    kServiceTier,
    kCacheKey,
    kCacheRetention,
    kSafety,
    ignored("context_management", "the client's items are taken as they are"),
    ignored("client_metadata", "changes nothing"),
    refused("conversation", "use `previous_response_id`"),
    refused("prompt", "there are no stored prompts"),
};

}  // namespace

std::span<const Field> fields(Dialect dialect) {
    switch (dialect) {
        case Dialect::chat:
            return kChat;
        case Dialect::completions:
            return kCompletions;
        case Dialect::embeddings:
            return kEmbeddings;
        case Dialect::messages:
            return kMessages;
        case Dialect::responses:
            break;
    }
    return kResponses;
}

}  // namespace sluice::net::openai
