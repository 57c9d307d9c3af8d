#include "net/options.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <map>
#include <random>
#include <sstream>

#include "net/limit_options.h"

namespace sluice::net {
namespace {

// A flag, and the environment variable of the same name: --kv-memory is SLUICE_KV_MEMORY.
template <class T>
CLI::Option* flag(CLI::App& app, const std::string& name, T& value, const std::string& text) {
    std::string env = "SLUICE_";
    for (const char c : name.substr(2)) env += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    return app.add_option(name, value, text)->envname(env)->capture_default_str();
}

const std::map<std::string, kernels::DType> kKvTypes{
    {"f16", kernels::DType::f16}, {"bf16", kernels::DType::bf16}, {"f32", kernels::DType::f32}};

void add_engine_options(CLI::App& app, engine::Options& o) {
    flag(app, "--model", o.model_path,
         "GGUF file; any part of a split one. Without it: the model inside this binary");
    flag(app, "--threads", o.threads, "Compute threads; 0: one per usable core")->check(CLI::Range(0, 1024));
    flag(app, "--isa", o.isa, "Instruction set: scalar, avx2, avx512; empty: the best that this machine has");
    flag(app, "--kv-memory", o.kv_memory_bytes,
         "Size of the KV cache, e.g. 512MiB or 4GiB; 0: sized to the machine")
        ->transform(size_value());
    flag(app, "--kv-type", o.kv_type, "Storage of the KV cache: f16, bf16 or f32")
        ->transform(CLI::CheckedTransformer(kKvTypes, CLI::ignore_case).description("{f16,bf16,f32}"))
        ->default_str("f16");
    flag(app, "--max-context", o.max_context,
         "Tokens of one request, prompt and answer; 0: what the model states")
        ->check(CLI::NonNegativeNumber);
    app.set_config("--config", "", "Read options from a file of key = value lines")->envname("SLUICE_CONFIG");
    app.allow_config_extras(false);
}

void add_serve_options(CLI::App& app, ServeCommand& c) {
    add_engine_options(app, c.engine);
    flag(app, "--host", c.host, "Address to listen on");
    flag(app, "--port", c.port, "Port to listen on; 0: any free one");
    flag(app, "--model-name", c.engine.model_name, "Name that clients ask for; default: the file's own");
    flag(app, "--max-running", c.engine.max_running, "Sequences that are computed together")
        ->check(CLI::Range(1, 4096));
    flag(app, "--max-queue", c.engine.max_queue, "Requests that may wait; more get 429")
        ->check(CLI::Range(0, 1 << 20));
    flag(app, "--stretch", c.engine.stretch,
         "A step with prompts takes at most so many times one without, while streams run; 0: no bound")
        ->check(CLI::Range(0.0, 1000.0));
    flag(app, "--step-tokens", c.engine.step_tokens,
         "Prompt tokens computed in one step beside the running streams")
        ->check(CLI::Range(1, 65536));
    flag(app, "--prefix-cache", c.engine.prefix_cache,
         "Share the KV blocks of equal prompt beginnings (true/false)");
    flag(app, "--io-threads", c.io_threads, "Threads for connections")->check(CLI::Range(1, 64));
    flag(app, "--text-threads", c.text_threads, "Threads for templates and tokenising")
        ->check(CLI::Range(1, 64));
    app.add_option_function<std::string>(
           "--on-load-error", [&c](const std::string& v) { c.serve_load_errors = v == "serve"; },
           "What to do when the model cannot be loaded: exit, or serve the error to every request")
        ->check(CLI::IsMember({"exit", "serve"}))
        ->envname("SLUICE_ON_LOAD_ERROR")
        ->default_str("exit");
    flag(app, "--device", c.device, "Where to compute: cpu")->check(CLI::IsMember({"cpu"}));
    flag(app, "--log-level", c.log_level, "trace, debug, info, warn, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
    add_limit_options(app, c.limits);
}

void add_answer_options(CLI::App& app, AnswerOptions& a) {
    flag(app, "--max-tokens", a.max_tokens, "Longest answer in tokens")->check(CLI::Range(1, 1 << 20));
    flag(app, "--temperature", a.sampling.temperature, "0: always the likeliest token")
        ->check(CLI::Range(0.0, 2.0));
    flag(app, "--top-k", a.sampling.top_k, "Choose among the k likeliest; 0: all")
        ->check(CLI::NonNegativeNumber);
    flag(app, "--top-p", a.sampling.top_p, "Choose among the likeliest that together reach this probability")
        ->check(CLI::Range(0.0, 1.0));
    flag(app, "--seed", a.sampling.seed, "The same seed gives the same answer");
    flag(app, "--system", a.system, "System message");
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv) {
    CLI::App app{"sluice: a serving engine for mixture-of-experts language models", "sluice"};
    app.require_subcommand(1);
    app.footer(
        "Every flag is also an environment variable: --kv-memory is SLUICE_KV_MEMORY.\n"
        "'sluice COMMAND --help' lists the flags of a command.");

    ServeCommand serve;
    RunCommand run;
    ChatCommand chat;
    InspectCommand inspect;
    run.answer.sampling.temperature = 0;
    auto* serve_app = app.add_subcommand("serve", "Serve a model over HTTP (OpenAI-compatible)");
    add_serve_options(*serve_app, serve);
    auto* run_app = app.add_subcommand("run", "Answer one prompt; only the answer goes to standard output");
    add_engine_options(*run_app, run.engine);
    add_answer_options(*run_app, run.answer);
    run_app->add_option("prompt", run.prompt, "The prompt; - reads standard input")->required();
    auto* chat_app = app.add_subcommand("chat", "Talk to a model in the terminal");
    add_engine_options(*chat_app, chat.engine);
    add_answer_options(*chat_app, chat.answer);
    auto* inspect_app = app.add_subcommand("inspect", "Show what a model file holds");
    add_engine_options(*inspect_app, inspect.engine);
    inspect_app->add_option("file", inspect.engine.model_path, "GGUF file");
    inspect_app->add_flag("--json", inspect.json, "As JSON");
    auto* version_app = app.add_subcommand("version", "Print the version");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::ostringstream out, err;
        const int code = app.exit(e, out, err);
        return PrintCommand{out.str() + err.str(), code};
    }
    if (*serve_app) return serve;
    if (*run_app) return run;
    if (*chat_app) return chat;
    if (*inspect_app) return inspect;
    return *version_app ? Invocation(VersionCommand{}) : Invocation(PrintCommand{app.help(), 2});
}

std::string version() {
    return "sluice " SLUICE_VERSION;
}

}  // namespace sluice::net
