// Serves a scripted model over the real server and engine, for tests of clients. Says its address as
// `sluice serve` does, and ends on SIGTERM as it does.
#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

#include "net/server.h"
#include "tests/support/scripted_model.h"

namespace {

using namespace sluice;

struct Settings {
    uint16_t port = 0;
    std::string chat_template = "hermes", script;
    int32_t context = 16384, max_queue = 1024, max_running = 64, blocks = 0;
    int delay_ms = 0, retry_after_ms = 0;
};

std::string read_file(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

int fail(const std::string& why) {
    std::fprintf(stderr, "scripted_server: %s\n", why.c_str());
    return 1;
}

Result<test::Script> read_script(const std::string& path) {
    boost::json::error_code ec;
    const auto rules = path.empty() ? boost::json::array() : boost::json::parse(read_file(path), ec);
    if (ec) return Error{ErrorKind::io, path + " is not JSON"};
    return test::Script::parse(rules);
}

Result<std::shared_ptr<engine::Engine>> make_engine(const Settings& s) {
    auto script = read_script(s.script);
    if (!script) return script.error();
    auto chat_template = chat::ChatTemplate::parse(
        read_file(std::string(SLUICE_TEMPLATES) + "/" + s.chat_template + ".jinja"), "", "<|im_end|>");
    if (!chat_template) return chat_template.error();
    engine::ModelInfo info;
    info.name = "scripted";
    info.architecture = "scripted";
    info.backend = "reference";
    info.vocab = test::ScriptedTokenizer::kVocab;
    info.context = info.context_trained = s.context;
    info.kv_blocks = s.blocks > 0 ? s.blocks : 8 * s.context / kernels::kBlockTokens;
    info.created = std::time(nullptr);
    info.threads = 1;
    engine::Options options;
    options.max_queue = s.max_queue;
    options.max_running = s.max_running;
    options.step_tokens = 4096;
    auto tokenizer = std::make_shared<test::ScriptedTokenizer>();
    auto model =
        std::make_unique<test::ScriptedModel>(tokenizer, std::move(*script), info.kv_blocks, s.delay_ms);
    auto made =
        engine::Engine::create(std::move(model), {tokenizer, std::move(*chat_template)}, info, options);
    if (!made) return made.error();
    return std::shared_ptr<engine::Engine>(std::move(*made));
}

int serve(const Settings& s) {
    sigset_t ends;  // blocked before any thread begins, so that they come to sigwait alone
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    net::ServerOptions options;
    options.port = s.port;
    if (s.retry_after_ms > 0) options.limits.retry_after = std::chrono::milliseconds(s.retry_after_ms);
    net::Server server(options);
    if (auto bound = server.bind(); !bound) return fail(bound.error().message);
    auto engine = make_engine(s);
    if (!engine) return fail(engine.error().message);
    server.set_engine(*engine);
    std::printf("scripted_server serves scripted at http://127.0.0.1:%d\n", server.port());
    std::fflush(stdout);
    int number = 0;
    sigwait(&ends, &number);
    server.drain(std::chrono::steady_clock::now() + std::chrono::seconds(2));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Settings s;
    CLI::App app{"serves a scripted model"};
    app.add_option("--port", s.port, "0: any free one");
    app.add_option("--template", s.chat_template)->check(CLI::IsMember({"hermes", "coder", "plain"}));
    app.add_option("--script", s.script, "rules as JSON, see tests/support/script.h")
        ->check(CLI::ExistingFile);
    app.add_option("--context", s.context)->check(CLI::Range(64, 1 << 20));
    app.add_option("--blocks", s.blocks, "of the KV cache; 0: for eight full contexts");
    app.add_option("--max-queue", s.max_queue);
    app.add_option("--max-running", s.max_running);
    app.add_option("--retry-after-ms", s.retry_after_ms, "told to refused clients; 0: as sluice has it");
    app.add_option("--delay-ms", s.delay_ms, "before each token")->check(CLI::Range(0, 10'000));
    CLI11_PARSE(app, argc, argv);
    return serve(s);
}
