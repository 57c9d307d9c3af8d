#include "net/options.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include "net/config_file.h"
#include "net/limit_options.h"
#include "net/option_table.h"

namespace sluice::net {
namespace {

// A flag, and the environment variable of the same name: --kv-memory is SLUICE_KV_MEMORY. `name` may go on
// with a comma and the word that stands for the flag's value where no flag is given.
template <class T>
CLI::Option* flag(CLI::App& app, const std::string& name, T& value, const std::string& text) {
    std::string env = "SLUICE_";
    for (const char c : name.substr(2, name.find(',') - 2))
        env += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    return app.add_option(name, value, text)->envname(env)->capture_default_str();
}

const std::map<std::string, kernels::DType> kKvTypes{{"f16", kernels::DType::f16},
                                                     {"bf16", kernels::DType::bf16},
                                                     {"f32", kernels::DType::f32},
                                                     {"q8_0", kernels::DType::q8_0}};

const std::map<std::string, engine::WeightLayout> kWeightLayouts{{"auto", engine::WeightLayout::automatic},
                                                                 {"repacked", engine::WeightLayout::repacked},
                                                                 {"mapped", engine::WeightLayout::mapped}};

const std::map<std::string, engine::Pooling> kPoolings{{"last", engine::Pooling::last},
                                                       {"mean", engine::Pooling::mean}};

const std::map<std::string, engine::Device> kDevices{{"cpu", engine::Device::cpu},
                                                     {"sim", engine::Device::sim}};

// As CheckedTransformer does, but naming what there is: "cuda" is what people will try.
CLI::Validator device_name() {
    return CLI::Validator(
        [](std::string& name) {
            const auto found = kDevices.find(name);
            if (found == kDevices.end())
                return "this program computes on cpu, or on sim, a simulated CUDA device; not on " + name;
            name = std::to_string(static_cast<int>(found->second));
            return std::string();
        },
        "{cpu,sim}");
}

// `--api-key "$KEY"` with no such variable must not open the server to all.
CLI::Validator not_empty() {
    return CLI::Validator(
        [](std::string& text) { return text.empty() ? std::string("must not be empty") : std::string(); },
        "");
}

void add_engine_options(CLI::App& app, engine::Options& o, std::string& config,
                        const std::string& model = "--model", const std::string& context = "--max-context") {
    flag(app, model, o.model_path,
         "GGUF file; any part of a split one. Without it: the model inside this binary")
        ->type_name("FILE");
    flag(app, "--threads", o.threads, "Compute threads; 0: one per usable core")->check(CLI::Range(0, 1024));
    flag(app, "--isa", o.isa, "Instruction set: scalar, avx2, avx512; empty: the best that this machine has")
        ->type_name("{scalar,avx2,avx512}");
    flag(app, "--weights", o.weights,
         "repacked: reordered in memory while loading, fast; mapped: as the file has them, ready at once; "
         "auto: repacked if that fits into memory")
        ->transform(
            CLI::CheckedTransformer(kWeightLayouts, CLI::ignore_case).description("{auto,repacked,mapped}"))
        ->default_str("auto");
    flag(app, "--kv-memory", o.kv_memory_bytes,
         "Size of the KV cache, e.g. 512MiB or 4GiB; 0: sized to the machine")
        ->transform(size_value());
    flag(app, "--kv-type", o.kv_type, "Storage of the KV cache: f16, bf16, f32, or q8_0 (8 bits)")
        ->transform(CLI::CheckedTransformer(kKvTypes, CLI::ignore_case).description("{f16,bf16,f32,q8_0}"))
        ->default_str("f16");
    flag(app, context, o.max_context, "Tokens of one request, prompt and answer; 0: what the model states")
        ->check(CLI::NonNegativeNumber);
    flag(app, "--config", config, "TOML file of lines such as kv-memory = \"4GiB\"; flags and SLUICE_* win")
        ->type_name("FILE");
}

void add_device_option(CLI::App& app, engine::Options& o) {
    flag(app, "--device", o.device,
         "Where to compute: cpu, or sim: CUDA kernels in simulation, slow, for tests")
        ->transform(device_name())
        ->default_str("cpu");
}

void add_serve_options(CLI::App& app, ServeCommand& c, std::string& config) {
    add_engine_options(app, c.engine, config);
    add_device_option(app, c.engine);
    flag(app, "--host", c.host, "Address to listen on");
    flag(app, "--port", c.port, "Port to listen on; 0: any free one")->check(CLI::Range(0, 65535));
    flag(app, "--model-name", c.engine.model_name, "Name that clients ask for; default: the file's own");
    flag(app, "--alias", c.engine.aliases, "Another name for it, may be given several times")
        ->type_name("NAME")
        ->delimiter(',')
        ->check(not_empty())
        ->default_str("");
    flag(app, "--pooling", c.engine.pooling, "What embeddings are of the prompt's hidden states: last, mean")
        ->transform(CLI::CheckedTransformer(kPoolings, CLI::ignore_case).description("{last,mean}"))
        ->default_str("last");
    flag(app, "--max-running", c.engine.max_running, "Sequences that are computed together")
        ->check(CLI::Range(1, 4096));
    flag(app, "--max-queue", c.engine.max_queue, "Requests that may wait; more get 429")
        ->check(CLI::Range(0, 1 << 20));
    flag(app, "--stretch", c.engine.stretch,
         "A step with prompts takes at most so many times one without, while streams run; 0: no bound")
        ->check(CLI::Range(0.0, 1000.0));
    flag(app, "--target-itl-ms", c.engine.target_itl_ms,
         "Milliseconds that a step with prompts takes at most, while streams run; 0: no such bound")
        ->check(CLI::Range(0.0, 1e6));
    flag(app, "--step-tokens", c.engine.step_tokens,
         "Prompt tokens computed in one step beside the running streams")
        ->check(CLI::Range(1, 65536));
    flag(app, "--prefix-cache", c.engine.prefix_cache,
         "Share the KV blocks of equal prompt beginnings (true/false)")
        ->default_str("true");
    flag(app, "--replay-bytes", c.engine.replay_bytes,
         "Tokens of answers kept, so that an answer which comes back in a conversation is found in the "
         "cache; 0: none")
        ->transform(size_value());
    flag(app, "--io-threads", c.io_threads, "Threads for connections")->check(CLI::Range(1, 64));
    flag(app, "--text-threads", c.text_threads, "Threads for templates and tokenising")
        ->check(CLI::Range(1, 64));
    flag(app, "--api-key", c.api_keys,
         "Key that requests must bring, may be given several times; others can read it off the command line")
        ->type_name("KEY")
        ->delimiter(',')
        ->check(not_empty())
        ->default_str("");
    flag(app, "--api-key-file", c.api_key_file, "File with such keys, one a line")
        ->type_name("FILE")
        ->check(not_empty());
    app.add_option_function<std::string>(
           "--on-load-error", [&c](const std::string& v) { c.serve_load_errors = v == "serve"; },
           "What to do when the model cannot be loaded: exit, or serve the error to every request")
        ->check(CLI::IsMember({"exit", "serve"}))
        ->envname("SLUICE_ON_LOAD_ERROR")
        ->default_str("exit");
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

void add_chat_options(CLI::App& app, ChatCommand& c) {
    app.get_option("--max-tokens")->default_str("");  // as long as there is room
    app.get_option("--seed")->default_str("");        // another one for each answer
    flag(app, "--min-p", c.answer.sampling.min_p,
         "Choose among those with this share of the likeliest's probability")
        ->check(CLI::Range(0.0, 1.0));
    flag(app, "--url", c.url,
         "Talk to this OpenAI-compatible server, e.g. http://127.0.0.1:8080, not to a model here");
    flag(app, "--api-key", c.api_key,
         "Key for --url; else OPENAI_API_KEY. Others can read it off the command line, not off the "
         "environment");
    flag(app, "--model-name", c.engine.model_name,
         "Model to ask the server for; default: the first that it lists");
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

// What the terminal and the person's home say, beside flags.
void read_surroundings(ChatCommand& c) {
    if (c.api_key.empty()) c.api_key = environment("OPENAI_API_KEY");
    const std::string terminal = environment("TERM");
    c.dumb_terminal = terminal.empty() || terminal == "dumb";
    c.colour = environment("NO_COLOR").empty();
    std::string state = environment("XDG_STATE_HOME");
    const std::string home = environment("HOME");
    if (!state.starts_with('/') && home.starts_with('/')) state = home + "/.local/state";
    if (state.starts_with('/')) c.history_file = state + "/sluice/chat_history";
}

// Which settings of answers were given, by flag, environment or file: a server has defaults of its own.
std::vector<std::pair<std::string, std::string>> given_settings(const CLI::App& app) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const std::string name : {"max-tokens", "temperature", "top-k", "top-p", "min-p", "seed"}) {
        const CLI::Option* option = app.get_option("--" + name);
        if (option->count() > 0) out.emplace_back(name, option->results().back());
    }
    return out;
}

void add_run_options(CLI::App& app, RunCommand& c) {
    flag(app, "--schema", c.schema, "JSON Schema that the answer has to fit")
        ->type_name("FILE")
        ->check(not_empty());
    app.add_flag("--json", c.json,
                 "Print one JSON object at the end: the answer, why it ended, usage, times");
    app.add_option("prompt", c.prompt, "The prompt; -, or none in a pipe, reads standard input");
}

CLI::App* add_completion(CLI::App& app, std::string& shell) {
    auto* command = app.add_subcommand("completion", "Print a script that completes commands and flags");
    command->add_option("shell", shell, "The shell that it is for")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    return command;
}

// Help that was asked for, or what is wrong in one line and where to read on.
PrintCommand refusal(const CLI::App& app, const CLI::ParseError& error, const std::string& first) {
    if (error.get_exit_code() == 0) {
        std::ostringstream out, none;
        app.exit(error, out, none);
        return {out.str(), 0};
    }
    const auto commands = app.get_subcommands();
    if (commands.empty() && !first.empty() && first[0] != '-')
        return {"sluice: there is no command `" + first + "`; see sluice --help\n", 2};
    const std::string at = commands.empty() ? "" : commands.front()->get_name() + " ";
    return {std::string("sluice: ") + error.what() + "; see sluice " + at + "--help\n", 2};
}

// The option that a key of the file sets; null when the command has none of that name.
CLI::Option* setting(CLI::App& command, const std::string& key) {
    CLI::Option* option = command.get_option_no_throw("--" + key);
    return option && !option->get_envname().empty() && key != "config" ? option : nullptr;
}

// The file speaks where flags and environment are silent. One file may be for all commands, so what only
// another one knows is passed over.
Result<void> apply_config_file(CLI::App& app, CLI::App& command, const std::string& path) {
    const auto settings = read_config_file(path);
    if (!settings) return settings.error();
    for (const auto& [key, value, place] : *settings) {
        bool known = false;
        for (CLI::App* other : app.get_subcommands({})) known |= setting(*other, key) != nullptr;
        if (!known) return Error{ErrorKind::invalid_request, place + ": there is no setting `" + key + "`"};
        CLI::Option* option = setting(command, key);
        if (!option || option->count() > 0) continue;
        try {
            option->add_result(value);
            option->run_callback();
        } catch (const CLI::ParseError& e) {
            return Error{ErrorKind::invalid_request, place + ": " + e.what()};
        }
    }
    return {};
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv) {
    CLI::App app{"sluice: a serving engine for mixture-of-experts language models", "sluice"};
    app.require_subcommand(1);
    app.footer(
        "Every flag is also an environment variable, and a line of the --config file: --kv-memory 4GiB is\n"
        "SLUICE_KV_MEMORY=4GiB and kv-memory = \"4GiB\". A flag wins over the environment, that over the "
        "file.\n"
        "'sluice COMMAND --help' lists the flags of a command.");

    ServeCommand serve;
    RunCommand run;
    ChatCommand chat;
    InspectCommand inspect;
    std::string config;
    run.answer.sampling.temperature = 0;
    auto* serve_app = app.add_subcommand("serve", "Serve a model over HTTP (OpenAI-compatible)");
    add_serve_options(*serve_app, serve, config);
    auto* run_app = app.add_subcommand("run", "Answer one prompt; only the answer goes to standard output");
    add_engine_options(*run_app, run.engine, config);
    add_device_option(*run_app, run.engine);
    add_answer_options(*run_app, run.answer);
    add_run_options(*run_app, run);
    auto* chat_app = app.add_subcommand("chat", "Talk to a model in the terminal");
    add_engine_options(*chat_app, chat.engine, config);
    add_device_option(*chat_app, chat.engine);
    add_answer_options(*chat_app, chat.answer);
    add_chat_options(*chat_app, chat);
    auto* inspect_app = app.add_subcommand("inspect", "Show what a model file holds");
    add_engine_options(*inspect_app, inspect.engine, config, "--model,file", "--max-context,--context");
    flag(*inspect_app, "--concurrency", inspect.concurrency, "Requests at once that memory is summed for")
        ->check(CLI::Range(1, 4096));
    inspect_app->add_flag("--json", inspect.json, "As JSON");
    auto* version_app = app.add_subcommand("version", "Print the version");
    auto* man_app = app.add_subcommand("man", "Print the manual page: sluice man | man -l -");
    std::string shell;
    auto* completion_app = add_completion(app, shell);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return refusal(app, e, argc > 1 ? argv[1] : "");
    }
    if (!config.empty()) {
        if (auto ok = apply_config_file(app, *app.get_subcommands().front(), config); !ok)
            return PrintCommand{"sluice: " + ok.error().message + "\n", 2};
    }
    if (*serve_app) return serve;
    if (*run_app) return run;
    if (*chat_app) {
        chat.settings = given_settings(*chat_app);
        read_surroundings(chat);
        return chat;
    }
    if (*inspect_app) return inspect;
    if (*man_app) return PrintCommand{man_page(option_table(app), version()), 0};
    if (*completion_app) return PrintCommand{completion_script(option_table(app), shell), 0};
    return *version_app ? Invocation(VersionCommand{}) : Invocation(PrintCommand{app.help(), 2});
}

std::string version() {
    return "sluice " SLUICE_VERSION;
}

}  // namespace sluice::net
