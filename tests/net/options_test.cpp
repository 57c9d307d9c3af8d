// Flags, environment and config file say the same things in the same words.
#include "net/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <tuple>
#include <vector>

#include "net/exit_status.h"

namespace sluice::net {
namespace {

Invocation parse(std::vector<std::string> words) {
    std::vector<const char*> argv{"sluice"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

// Everything that can be set, to be compared.
auto facts(const Invocation& made) {
    if (const auto* print = std::get_if<PrintCommand>(&made)) ADD_FAILURE() << print->text;
    const auto* found = std::get_if<ServeCommand>(&made);
    const ServeCommand c = found ? *found : ServeCommand{};
    const engine::Options& e = c.engine;
    return std::tuple(e.model_path, e.model_name, e.aliases, e.pooling, e.threads, e.isa, e.weights,
                      e.kv_type, e.kv_memory_bytes, e.max_context, e.max_running, e.max_queue, e.step_tokens,
                      e.stretch, e.target_itl_ms, e.prefix_cache, e.replay_bytes, c.host, c.port,
                      c.io_threads, c.text_threads, c.limits, c.api_keys, c.api_key_file, c.serve_load_errors,
                      e.device, c.log_level);
}

std::string complaint(const Invocation& made) {
    const auto* print = std::get_if<PrintCommand>(&made);
    EXPECT_TRUE(print && print->exit_code != 0) << "it was accepted";
    return print ? print->text : "";
}

std::string variable(const std::string& flag) {
    std::string out = "SLUICE_";
    for (const char c : flag.substr(2)) out += c == '-' ? '_' : static_cast<char>(std::toupper(c));
    return out;
}

class Environment {
  public:
    Environment(std::string name, const std::string& value) : name_(std::move(name)) {
        ::setenv(name_.c_str(), value.c_str(), 1);
    }
    ~Environment() { ::unsetenv(name_.c_str()); }
    Environment(const Environment&) = delete;

  private:
    const std::string name_;
};

class File {
  public:
    explicit File(const std::string& text)
        : path(testing::TempDir() + "sluice-" + std::to_string(::getpid()) + ".toml") {
        std::ofstream(path) << text;
    }
    ~File() { ::unlink(path.c_str()); }
    File(const File&) = delete;

    const std::string path;
};

struct Row {
    const char* flag;
    const char* value;     // not the default
    bool is_text = false;  // quoted in TOML
};

constexpr Row kRows[] = {
    {"--model", "m.gguf", true},
    {"--threads", "3"},
    {"--isa", "scalar", true},
    {"--device", "sim", true},
    {"--weights", "mapped", true},
    {"--kv-memory", "512MiB", true},
    {"--kv-memory", "1048576"},
    {"--kv-type", "bf16", true},
    {"--kv-type", "q8_0", true},
    {"--max-context", "100"},
    {"--host", "::1", true},
    {"--port", "0"},
    {"--model-name", "mine", true},
    {"--alias", "other", true},
    {"--alias", "other,third/one", true},
    {"--pooling", "mean", true},
    {"--max-running", "5"},
    {"--max-queue", "0"},
    {"--step-tokens", "7"},
    {"--stretch", "1.5"},
    {"--stretch", "3.5"},
    {"--target-itl-ms", "80"},
    {"--prefix-cache", "false"},
    {"--replay-bytes", "0"},
    {"--replay-bytes", "1MiB", true},
    {"--io-threads", "2"},
    {"--text-threads", "2"},
    {"--api-key", "one", true},
    {"--api-key", "one,two", true},
    {"--api-key-file", "keys.txt", true},
    {"--on-load-error", "serve", true},
    {"--log-level", "off", true},
    {"--request-line-bytes", "99"},
    {"--header-bytes", "1KiB", true},
    {"--body-bytes", "1GiB", true},
    {"--chunk-extension-bytes", "9"},
    {"--stop-bytes", "9"},
    {"--unread-bytes", "9"},
    {"--bodies-bytes", "1MiB", true},
    {"--body-rate", "9"},
    {"--step-rate", "9"},
    {"--header-fields", "9"},
    {"--messages", "9"},
    {"--tools", "0"},
    {"--response-store-bytes", "1MiB", true},
    {"--response-store-count", "7"},
    {"--background-responses", "0"},
    {"--prompts", "9"},
    {"--inputs", "9"},
    {"--stop-strings", "9"},
    {"--logit-bias", "9"},
    {"--connections", "9"},
    {"--text-jobs", "9"},
    {"--lag-events", "0"},
    {"--json-depth", "9"},
    {"--header-time", "90ms", true},
    {"--body-time", "9s", true},
    {"--idle-time", "9m", true},
    {"--write-stall", "9s", true},
    {"--linger-time", "0s", true},
    {"--keep-alive-comment", "9s", true},
    {"--request-time", "9s", true},
    {"--step-stall", "9s", true},
    {"--retry-after", "9s", true},
    {"--accept-pause", "9s", true},
    {"--drain-time", "9s", true},
    {"--stop-time", "9s", true},
};

std::string line(const Row& row) {
    const std::string quote = row.is_text ? "\"" : "";
    return std::string(row.flag).substr(2) + " = " + quote + row.value + quote + "\n";
}

TEST(Options, FlagEnvironmentAndFileAreEqual) {
    const auto usual = facts(parse({"serve"}));
    for (const Row& row : kRows) {
        const auto by_flag = facts(parse({"serve", row.flag, row.value}));
        EXPECT_NE(by_flag, usual) << row.flag << " changes nothing";
        {
            const Environment set(variable(row.flag), row.value);
            EXPECT_EQ(facts(parse({"serve"})), by_flag) << variable(row.flag);
        }
        const File file(line(row));
        EXPECT_EQ(facts(parse({"serve", "--config", file.path})), by_flag) << line(row);
        const Environment named("SLUICE_CONFIG", file.path);
        EXPECT_EQ(facts(parse({"serve"})), by_flag) << "SLUICE_CONFIG with " << line(row);
    }
}

TEST(Options, TheTableHasEveryFlagOfServe) {
    const auto help = std::get<PrintCommand>(parse({"serve", "--help"}));
    EXPECT_EQ(help.exit_code, 0);
    std::set<std::string> listed, tested{"--config"};
    for (size_t at = 0; (at = help.text.find("\n  --", at)) != std::string::npos; ++at)
        listed.insert(help.text.substr(at + 3, help.text.find_first_of(" ,\n", at + 3) - at - 3));
    for (const Row& row : kRows) tested.insert(row.flag);
    EXPECT_EQ(listed, tested);
}

TEST(Options, FlagBeatsEnvironmentBeatsFile) {
    const File file("port = 1\nmax-queue = 1\nthreads = 1\n");
    const Environment port("SLUICE_PORT", "2"), queue("SLUICE_MAX_QUEUE", "2");
    const auto c = std::get<ServeCommand>(parse({"serve", "--port", "3", "--config", file.path}));
    EXPECT_EQ(c.port, 3);
    EXPECT_EQ(c.engine.max_queue, 2);
    EXPECT_EQ(c.engine.threads, 1);
}

TEST(Options, OneFileIsForAllCommands) {
    const File file("port = 1\ntemperature = 0.5\nmodel = \"file.gguf\"\nsystem = \"Be brief.\"\n");
    EXPECT_EQ(std::get<ServeCommand>(parse({"serve", "--config", file.path})).port, 1);
    const auto run = std::get<RunCommand>(parse({"run", "hi", "--config", file.path}));
    EXPECT_EQ(run.answer.sampling.temperature, 0.5f);
    EXPECT_EQ(run.answer.system, "Be brief.");
    EXPECT_EQ(run.engine.model_path, "file.gguf");
    const auto inspect = std::get<InspectCommand>(parse({"inspect", "named.gguf", "--config", file.path}));
    EXPECT_EQ(inspect.engine.model_path, "named.gguf");
}

using Given = std::vector<std::pair<std::string, std::string>>;

TEST(Options, ChatSendsOnlyWhatWasGiven) {
    const auto chat = [](std::vector<std::string> words) {
        words.insert(words.begin(), "chat");
        return std::get<ChatCommand>(parse(words));
    };
    EXPECT_EQ(chat({}).settings, Given());
    EXPECT_EQ(chat({"--seed", "7", "--temperature", "1"}).settings,
              (Given{{"temperature", "1"}, {"seed", "7"}}));
    const File file("top-p = 0.5\nmin-p = 0.1\nurl = \"http://a\"\n");
    const Environment tokens("SLUICE_MAX_TOKENS", "9");
    const auto c = chat({"--config", file.path, "--min-p", "0.2"});
    EXPECT_EQ(c.settings, (Given{{"max-tokens", "9"}, {"top-p", "0.5"}, {"min-p", "0.2"}}));
    EXPECT_EQ(c.url, "http://a");
    EXPECT_NE(complaint(parse({"chat", "--min-p", "2"})).find("--min-p"), std::string::npos);
}

TEST(Options, ChatLooksAtItsSurroundings) {
    const Environment home("HOME", "/home"), state("XDG_STATE_HOME", ""), terminal("TERM", "xterm");
    const auto chat = [](std::vector<std::string> words = {"chat"}) {
        return std::get<ChatCommand>(parse(words));
    };
    EXPECT_EQ(chat().history_file, "/home/.local/state/sluice/chat_history");
    EXPECT_TRUE(chat().colour && !chat().dumb_terminal && chat().api_key.empty());
    {
        const Environment other("XDG_STATE_HOME", "/state"), plain("NO_COLOR", "1"), dumb("TERM", "dumb");
        const Environment key("OPENAI_API_KEY", "theirs");
        EXPECT_EQ(chat().history_file, "/state/sluice/chat_history");
        EXPECT_TRUE(!chat().colour && chat().dumb_terminal);
        EXPECT_EQ(chat().api_key, "theirs");
        const Environment own("SLUICE_API_KEY", "ours");
        EXPECT_EQ(chat().api_key, "ours");
        EXPECT_EQ(chat({"chat", "--api-key", "flag"}).api_key, "flag");
    }
    const Environment relative("XDG_STATE_HOME", "state"), nowhere("HOME", "");
    EXPECT_EQ(chat().history_file, "");
}

TEST(Options, MistakesInTheFileAreNamedWithTheirLine) {
    const std::pair<const char*, std::vector<const char*>> rows[] = {
        {"# a comment\ncolour = \"blue\"\n", {":2", "colour"}},
        {"port = \"abc\"\n", {":1", "port"}},
        {"\n\nport = 65536\n", {":3", "port"}},
        {"kv-memory = -1\n", {":1", "kv-memory"}},
        {"kv-type = \"f8\"\n", {":1", "kv-type"}},
        {"header-time = 5\n", {":1", "header-time"}},
        {"threads = [1]\n", {":1", "threads"}},
        {"[serve]\nport = 1\n", {":1", "serve"}},
        {"device = \"cuda\"\n", {":1", "device", "cuda"}},
        {"config = \"other.toml\"\n", {":1", "config"}},
        {"port = 1\nport = 2\n", {":2", "port"}},
        {"port =\n", {":1"}},
    };
    for (const auto& [text, words] : rows) {
        const File file(text);
        const std::string said = complaint(parse({"serve", "--config", file.path}));
        EXPECT_NE(said.find(file.path), std::string::npos) << said;
        for (const char* word : words) EXPECT_NE(said.find(word), std::string::npos) << text << said;
    }
    EXPECT_NE(complaint(parse({"serve", "--config", "nowhere.toml"})).find("nowhere.toml"),
              std::string::npos);
    EXPECT_NE(complaint(parse({"serve", "--config", testing::TempDir()})).find("cannot read"),
              std::string::npos);
}

TEST(Options, WrongValuesAreNamed) {
    const std::vector<std::vector<std::string>> rows = {
        {"--port", "99999"},       {"--port", "-1"},
        {"--threads", "many"},     {"--device", "cuda"},
        {"--kv-memory", "-1"},     {"--kv-type", "q1"},
        {"--unread-bytes", "0"},   {"--keep-alive-comment", "0s"},
        {"--header-time", "5"},    {"--body-rate", "0"},
        {"--accept-pause", "0ms"}, {"--connections", "0"},
        {"--idle-time", "10000d"}, {"--api-key", ""},
        {"--api-key-file", ""},    {"--alias", ""}};
    for (const auto& row : rows) {
        const std::string said = complaint(parse({"serve", row[0], row[1]}));
        EXPECT_NE(said.find(row[0]), std::string::npos) << row[0] << " " << row[1] << ": " << said;
        if (row[1].empty()) continue;  // an empty variable is as good as none
        const Environment set(variable(row[0]), row[1]);
        EXPECT_NE(complaint(parse({"serve"})).find(row[0]), std::string::npos) << variable(row[0]);
    }
    EXPECT_NE(complaint(parse({"serve", "--device", "cuda"})).find("on cpu, or on sim"), std::string::npos);
    EXPECT_NE(complaint(parse({"serve", "--colour"})).find("--colour"), std::string::npos);
    EXPECT_NE(complaint(parse({"sing"})).find("sing"), std::string::npos);
    complaint(parse({}));
}

TEST(Options, TheNamesAreKept) {
    const auto c = std::get<ServeCommand>(
        parse({"serve", "--model", "M.gguf", "--host", "127.0.0.1", "--port", "8080", "--threads", "4",
               "--kv-memory", "4GiB", "--kv-type", "f16", "--max-queue", "9", "--device", "cpu"}));
    EXPECT_EQ(c.engine.kv_memory_bytes, uint64_t{4} << 30);
    const auto run = std::get<RunCommand>(
        parse({"run", "--model", "M.gguf", "--max-tokens", "5", "--temperature", "0.7", "a prompt"}));
    EXPECT_EQ(run.prompt, "a prompt");
    EXPECT_EQ(run.answer.max_tokens, 5);
    EXPECT_TRUE(std::holds_alternative<ChatCommand>(parse({"chat"})));
    EXPECT_EQ(std::get<InspectCommand>(parse({"inspect", "M.gguf"})).engine.model_path, "M.gguf");
    const auto sized = std::get<InspectCommand>(
        parse({"inspect", "M.gguf", "--context", "100", "--concurrency", "3", "--kv-type", "q8_0"}));
    EXPECT_EQ(sized.engine.max_context, 100);
    EXPECT_EQ(sized.concurrency, 3);
    EXPECT_TRUE(std::holds_alternative<VersionCommand>(parse({"version"})));
}

RunCommand run(std::vector<std::string> words) {
    words.insert(words.begin(), "run");
    const Invocation made = parse(words);
    if (const auto* print = std::get_if<PrintCommand>(&made)) ADD_FAILURE() << print->text;
    const auto* found = std::get_if<RunCommand>(&made);
    return found ? *found : RunCommand{};
}

TEST(Options, WhatRunIsTold) {
    EXPECT_EQ(run({}).prompt, "");
    EXPECT_EQ(run({"-"}).prompt, "-");
    EXPECT_EQ(run({"--", "--json"}).prompt, "--json");
    EXPECT_FALSE(run({"hi"}).json);
    EXPECT_TRUE(run({"hi", "--json"}).json);
    EXPECT_EQ(run({"hi"}).schema, "");
    EXPECT_EQ(run({"--schema", "s.json", "hi"}).schema, "s.json");
    EXPECT_EQ(run({"--schema=s.json", "hi"}).prompt, "hi");
    const File file("schema = \"f.json\"\n");
    EXPECT_EQ(run({"hi", "--config", file.path}).schema, "f.json");
    const Environment set("SLUICE_SCHEMA", "e.json");
    EXPECT_EQ(run({"hi", "--config", file.path}).schema, "e.json");
}

TEST(Options, MistakesAreOneLineThatSaysWhereToReadOn) {
    const std::pair<std::vector<std::string>, const char*> rows[] = {
        {{}, "sluice --help"},
        {{"sing"}, "sluice --help"},
        {{"--colour"}, "sluice --help"},
        {{"serve", "--port", "x"}, "sluice serve --help"},
        {{"run", "a", "b"}, "sluice run --help"},
        {{"run", "--schema", "", "a"}, "sluice run --help"},
        {{"completion"}, "sluice completion --help"},
        {{"completion", "tcsh"}, "sluice completion --help"},
        {{"man", "serve"}, "sluice man --help"},
    };
    for (const auto& [words, next] : rows) {
        const std::string said = complaint(parse(words));
        EXPECT_TRUE(said.starts_with("sluice: ") && said.ends_with(std::string("; see ") + next + "\n"))
            << said;
        EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    }
}

TEST(Options, TheManPageAndTheScriptsHaveEveryFlagOfServe) {
    std::vector<std::string> texts;
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"man"}, {"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"}}) {
        const auto made = std::get<PrintCommand>(parse(words));
        EXPECT_EQ(made.exit_code, 0);
        texts.push_back(made.text);
    }
    for (const Row& row : kRows) {
        const std::string name = std::string(row.flag).substr(2);
        std::string escaped;
        for (const char c : name) escaped += c == '-' ? "\\-" : std::string(1, c);
        EXPECT_NE(texts[0].find("\\fB\\-\\-" + escaped + "\\fR"), std::string::npos) << name;
        EXPECT_NE(texts[0].find("\\fB" + variable(row.flag) + "\\fR"), std::string::npos) << name;
        EXPECT_NE(texts[1].find("--" + name), std::string::npos) << name;
        EXPECT_NE(texts[2].find("--" + name + "=["), std::string::npos) << name;
        EXPECT_NE(texts[3].find(" -l " + name + " "), std::string::npos) << name;
    }
}

TEST(Options, TheManPageDoesNotDependOnTheSettings) {
    const std::string usual = std::get<PrintCommand>(parse({"man"})).text;
    const Environment port("SLUICE_PORT", "1"), threads("SLUICE_THREADS", "7");
    EXPECT_EQ(std::get<PrintCommand>(parse({"man"})).text, usual);
}

// The rows of docs/command-line.md that begin with a number.
std::vector<std::string> documented_statuses() {
    std::ifstream file(SLUICE_COMMAND_LINE_DOC);
    std::vector<std::string> out;
    for (std::string text; std::getline(file, text);)
        if (text.starts_with("| ") && text.size() > 2 && std::isdigit(static_cast<unsigned char>(text[2])))
            out.push_back(text);
    return out;
}

TEST(Options, TheDocumentAndTheManPageHaveTheExitStatuses) {
    std::vector<std::string> ours;
    const std::string page = std::get<PrintCommand>(parse({"man"})).text;
    for (const auto& [status, meaning] : kExitMeanings) {
        ours.push_back("| " + std::to_string(status) + " | " + meaning + " |");
        EXPECT_NE(page.find("\\fB" + std::to_string(status) + "\\fR"), std::string::npos) << status;
    }
    EXPECT_EQ(documented_statuses(), ours);
}

}  // namespace
}  // namespace sluice::net
