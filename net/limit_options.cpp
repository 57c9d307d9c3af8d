#include "net/limit_options.h"

#include <cctype>
#include <cstdlib>
#include <map>
#include <string>

namespace sluice::net {
namespace {

constexpr const char* kGroup = "Limits";
constexpr int64_t kLongest = 7 * 86'400'000;  // a week, in milliseconds

struct BytesRow {
    const char* flag;
    size_t Limits::*value;
    const char* text;
    uint64_t least = 1;
};
constexpr BytesRow kBytes[] = {
    {"--request-line-bytes", &Limits::request_line_bytes, "Longest request line; longer: 414"},
    {"--header-bytes", &Limits::header_bytes, "Longest header, request line included; longer: 431"},
    {"--body-bytes", &Limits::body_bytes, "Longest request body; longer: 413"},
    {"--chunk-extension-bytes", &Limits::chunk_extension_bytes, "Longest extension of one chunk"},
    {"--stop-bytes", &Limits::stop_bytes, "Longest stop string"},
    {"--unread-bytes", &Limits::unread_bytes, "Read ahead of the request that is being answered"},
    {"--bodies-bytes", &Limits::bodies_bytes, "All bodies in memory together; more: 503"},
    {"--response-store-bytes", &Limits::response_store_bytes, "Responses kept for later; 0: none", 0},
    {"--body-rate", &Limits::body_rate, "Body bytes that, when they have come, add a second to --body-time"},
    {"--step-rate", &Limits::step_rate, "Bytes of the model that add a second to --step-stall"},
};

struct CountRow {
    const char* flag;
    size_t Limits::*value;
    const char* text;
    int least = 1;
};
constexpr CountRow kCounts[] = {
    {"--header-fields", &Limits::header_fields, "Header fields of a request; more: 431"},
    {"--messages", &Limits::messages, "Messages of a conversation"},
    {"--tools", &Limits::tools, "Tools of a request", 0},
    {"--prompts", &Limits::prompts, "Prompts of one completions request"},
    {"--inputs", &Limits::inputs, "Inputs of one embeddings request"},
    {"--stop-strings", &Limits::stop_strings, "Stop strings of a request", 0},
    {"--logit-bias", &Limits::logit_bias, "Tokens in logit_bias or stop_token_ids", 0},
    {"--connections", &Limits::connections, "Open connections; more: 503"},
    {"--text-jobs", &Limits::text_jobs, "Requests waiting to be tokenised; more: 429"},
    {"--response-store-count", &Limits::response_store_count, "Responses kept for later; the oldest go"},
    {"--background-responses", &Limits::background_responses,
     "Responses that run without a client; more: 429; 0: refused", 0},
    {"--lag-events", &Limits::lag_events, "Tokens waiting for a slow client before they are merged", 0},
};

struct TimeRow {
    const char* flag;
    std::chrono::milliseconds Limits::*value;
    const char* text;
    int64_t least = 1;  // milliseconds
};
constexpr TimeRow kTimes[] = {
    {"--header-time", &Limits::header_time, "For a request's header to come in whole"},
    {"--body-time", &Limits::body_time, "For the body to come in whole"},
    {"--idle-time", &Limits::idle_time, "Silence between two requests of a connection"},
    {"--write-stall", &Limits::write_stall, "A client that takes nothing for so long is cut off"},
    {"--linger-time", &Limits::linger_time, "For a refused client to read the answer", 0},
    {"--keep-alive-comment", &Limits::keep_alive_comment, "Silence of a stream before a comment goes out"},
    {"--request-time", &Limits::request_time, "For a whole generation, queueing included; 0s: no bound", 0},
    {"--step-stall", &Limits::step_stall, "Work but no step for so long: /ready answers 503"},
    {"--retry-after", &Limits::retry_after, "What a refused client is told to wait", 0},
    {"--accept-pause", &Limits::accept_pause, "After the system had no descriptor for a connection"},
    {"--drain-time", &Limits::drain_time, "For running requests to end after SIGTERM", 0},
    {"--stop-time", &Limits::stop_time, "Then, for connections to be told"},
};

std::string environment_name(const std::string& flag) {
    std::string out = "SLUICE_";
    for (const char c : flag.substr(2)) out += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    return out;
}

// Not CLI::Range: that would write the largest number into the help of every limit.
CLI::Validator at_least(uint64_t least) {
    return CLI::Validator(
        [least](std::string& text) {
            return std::strtoull(text.c_str(), nullptr, 10) >= least
                       ? std::string()
                       : text + " is less than " + std::to_string(least);
        },
        "");
}

CLI::Option* decorate(CLI::Option* option, const char* flag) {
    return option->envname(environment_name(flag))->group(kGroup);
}

}  // namespace

CLI::Validator size_value() {
    return CLI::Validator(
        [](std::string& text) -> std::string {
            if (text.empty() || text.front() < '0' || text.front() > '9')
                return "'" + text + "' is not a size such as 512MiB";
            return CLI::AsSizeValue(true)(text);
        },
        "SIZE");
}

void add_limit_options(CLI::App& app, Limits& limits) {
    for (const BytesRow& row : kBytes) {
        decorate(app.add_option(row.flag, limits.*row.value, row.text), row.flag)
            ->transform(size_value())
            ->check(at_least(row.least))
            ->capture_default_str();
    }
    for (const CountRow& row : kCounts)
        decorate(app.add_option(row.flag, limits.*row.value, row.text), row.flag)
            ->check(CLI::Range(row.least, 1 << 30))
            ->capture_default_str();
    decorate(app.add_option("--json-depth", limits.json_depth, "Nested arrays and objects of a body"),
             "--json-depth")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    static const std::map<std::string, int64_t> kUnits{{"ms", 1}, {"s", 1000}, {"m", 60'000}};
    for (const TimeRow& row : kTimes) {
        auto& value = limits.*row.value;
        decorate(app.add_option_function<int64_t>(
                     row.flag, [&value](int64_t ms) { value = std::chrono::milliseconds(ms); }, row.text),
                 row.flag)
            ->transform(CLI::AsNumberWithUnit(kUnits, CLI::AsNumberWithUnit::UNIT_REQUIRED))
            ->check(CLI::Range(row.least, kLongest))
            ->type_name("TIME")
            ->default_str(std::to_string(value.count()) + "ms");
    }
}

}  // namespace sluice::net
