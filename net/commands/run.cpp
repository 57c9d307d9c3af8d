// `sluice run`: one prompt, asked of the engine in this process as a chat request; the answer on standard
// output. Ctrl-C and a closed pipe are left to the system, which ends the process as shells expect.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

#include "net/commands/answer.h"
#include "net/commands/commands.h"
#include "net/commands/engine_answerer.h"
#include "net/json.h"
#include "net/limits.h"
#include "net/openai/structured.h"
#include "net/repl/screen.h"

namespace sluice::net {
namespace {

constexpr size_t kPromptBytes = Limits{}.body_bytes;  // what the server would take
constexpr size_t kSchemaBytes = 1 << 20;

Error wrong(std::string message) {
    return {ErrorKind::invalid_request, std::move(message)};
}

// All of it; `name` is what errors call it.
Result<std::string> read_text(std::istream& in, size_t most, const std::string& name) {
    std::string text(most + 1, '\0');
    errno = 0;
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
    if (text.size() > most) return wrong(name + " is longer than " + std::to_string(most >> 20) + " MiB");
    if (!in.eof()) return wrong(name + " cannot be read: " + std::strerror(errno ? errno : EIO));
    return text;
}

Result<std::string> read_prompt(const std::string& given) {
    if (given.empty() && isatty(STDIN_FILENO))
        return wrong("there is no prompt: sluice run \"PROMPT\", or pipe it in; see sluice run --help");
    const bool piped = given.empty() || given == "-";
    auto text = piped ? read_text(std::cin, kPromptBytes, "the prompt on standard input") : given;
    if (!text) return text;
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
        return wrong(piped ? "the prompt on standard input is empty; or give one: sluice run \"PROMPT\""
                           : "the prompt is empty");
    }
    if (valid_utf8(*text) != *text) return wrong("the prompt is not UTF-8 text; iconv makes it so");
    return text;
}

// As `response_format` has it. All that can be wrong with it is found here, before a model is loaded.
Result<boost::json::object> read_schema(const std::string& path) {
    const std::string name = "--schema " + path;
    std::ifstream file(path, std::ios::binary);
    if (!file) return wrong(name + " cannot be read: " + std::strerror(errno));
    const auto text = read_text(file, kSchemaBytes, name);
    if (!text) return text.error();
    auto schema = parse_json(*text, Limits{}.json_depth);
    if (!schema) return wrong(name + " is " + schema.error().message);
    boost::json::object format{{"type", "json_schema"}};
    format["json_schema"] = boost::json::object{{"schema", std::move(*schema)}};
    const auto held = openai::read_structured({{"response_format", format}});
    grammar::Builder tried;
    auto start = held ? held->rule->add(tried) : held.error();
    if (!start) return wrong(name + ": " + start.error().message);
    if (auto made = tried.finish(*start); !made) return wrong(name + ": " + made.error().message);
    return format;
}

boost::json::object request(const AnswerOptions& options, const std::string& prompt) {
    boost::json::array messages;
    if (!options.system.empty()) messages.push_back({{"role", "system"}, {"content", options.system}});
    messages.push_back({{"role", "user"}, {"content", prompt}});
    return {{"messages", std::move(messages)},
            {"max_tokens", options.max_tokens},
            {"temperature", options.sampling.temperature},
            {"top_k", options.sampling.top_k},
            {"top_p", options.sampling.top_p},
            {"seed", static_cast<int64_t>(options.sampling.seed)}};
}

std::string as_json(const std::string& model, const repl::Reply& reply, const std::string& thoughts,
                    double load_seconds) {
    const repl::Figures& f = reply.figures;
    const int64_t asked = f.prompt_tokens.value_or(0);
    const double first = f.to_first.value_or(0), rest = f.seconds - first;
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("model").text(model).key("text").text(reply.content);
    if (!thoughts.empty()) json.key("reasoning_content").text(thoughts);
    json.key("finish_reason").text(reply.finish);
    json.key("usage").begin_object().key("prompt_tokens").integer(asked);
    json.key("completion_tokens").integer(f.tokens);
    json.key("total_tokens").integer(asked + f.tokens).end_object();
    json.key("timings").begin_object().key("load_ms").number(1000 * load_seconds);
    json.key("time_to_first_token_ms").number(1000 * first).key("generation_ms").number(1000 * rest);
    json.key("tokens_per_second");
    if (f.tokens > 1 && rest > 0) {
        json.number(static_cast<double>(f.tokens - 1) / rest);
    } else {
        json.null();
    }
    json.end_object().end_object();
    return out + "\n";
}

Error with_next_step(Error error) {
    if (error.kind == ErrorKind::context_length_exceeded)
        error.message += "; shorten it, or raise --max-context where the model has more";
    error.param.clear();  // a field of requests
    return error;
}

// The answer to `body`, printed as --json wants it or as it comes; the exit status.
int answer(repl::Answerer& answerer, boost::json::object body, const RunCommand& command,
           double load_seconds) {
    std::string thoughts;
    bool begun = false;
    int refused = 0;  // errno of standard output
    std::atomic<bool> stop{false};
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    const auto show = [&](std::string_view text) {
        if (stop || print(terminal ? repl::printable(text) : std::string(text))) return;
        refused = errno;
        stop = true;
    };
    const auto on_text = [&](std::string_view text, bool thought) {
        if (thought) thoughts += text;
        if (thought || command.json) return;
        begun = true;
        show(text);
    };
    const auto reply = answerer.answer(std::move(body), on_text, stop);
    if (reply && command.json) show(as_json(answerer.name(), *reply, thoughts, load_seconds));
    if (begun || (reply && !command.json)) show("\n");
    if (stop) return report_output(refused);
    if (!reply) return report(with_next_step(reply.error()));
    if (reply->finish != "length" || command.schema.empty()) return exit_status::done;
    const int64_t tokens = reply->figures.tokens;
    return report(wrong("the answer was cut off after " + std::to_string(tokens) +
                        " tokens, before it fitted --schema; raise " +
                        (tokens < command.answer.max_tokens ? "--max-context" : "--max-tokens")));
}

}  // namespace

int run_once(const RunCommand& command) {
    const auto prompt = read_prompt(command.prompt);
    if (!prompt) return report(prompt.error(), exit_status::usage);
    boost::json::object body = request(command.answer, *prompt);
    if (!command.schema.empty()) {
        auto format = read_schema(command.schema);
        if (!format) return report(format.error(), exit_status::usage);
        body["response_format"] = std::move(*format);
    }
    const auto start = engine::Clock::now();
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (!engine) return report(engine.error(), load_status(engine.error()));
    const std::chrono::duration<double> loading = engine::Clock::now() - start;
    if (!(*engine)->frontend().chat_template()) {
        return report({ErrorKind::unsupported,
                       "this model has no chat template, it only completes text: "
                       "sluice serve has /v1/completions"});
    }
    const auto answerer = make_engine_answerer(std::move(*engine));
    return answer(*answerer, std::move(body), command, loading.count());
}

}  // namespace sluice::net
