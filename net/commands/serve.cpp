// `sluice serve`: binds, then loads, then serves until a signal. The port answers from the first moment on:
// /health at once, everything that needs the model with 503 until it is there.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "net/commands/answer.h"
#include "net/commands/commands.h"
#include "net/server.h"

namespace sluice::net {
namespace {

namespace asio = boost::asio;

std::string url(const std::string& host, uint16_t port) {
    const bool ipv6 = host.find(':') != std::string::npos;
    return ipv6 ? fmt::format("http://[{}]:{}", host, port) : fmt::format("http://{}:{}", host, port);
}

std::string start_line(const engine::ModelInfo& m, const std::string& address) {
    const std::string experts =
        m.experts == 0 ? "dense" : fmt::format("{} of {} experts", m.experts_used, m.experts);
    return fmt::format(
        "sluice serves {} ({}, {}) with context {}, {} KV blocks, {}, {} threads, weights {} at {}", m.name,
        m.architecture, experts, m.context, m.kv_blocks, m.backend, m.threads, m.weights, address);
}

// What to try first, ready to be pasted into a terminal of this machine.
std::string first_steps(const std::string& host, uint16_t port, bool needs_key) {
    const bool everywhere = host == "0.0.0.0" || host == "::";
    const std::string address = url(everywhere ? (host == "::" ? "::1" : "127.0.0.1") : host, port);
    return fmt::format(
        "Try it from another terminal:\n\n"
        "curl -sN {}/v1/chat/completions -H 'Content-Type: application/json'{} -d '{{\"model\": \"default\", "
        "\"stream\": true, \"max_tokens\": 256, \"messages\": [{{\"role\": \"user\", "
        "\"content\": \"Tell me a story about a fox and an owl.\"}}]}}'\n\n"
        "or open {}/ in a browser. Ctrl-C ends it.\n",
        address, needs_key ? " -H 'Authorization: Bearer YOUR_KEY'" : "", address);
}

void set_up_log(const std::string& level) {
    spdlog::set_default_logger(spdlog::stderr_color_mt("sluice"));
    spdlog::set_level(spdlog::level::from_str(level));
}

// What happens while the process serves, in the order in which it happens: everything here runs on the main
// thread, except load() and drain(), which take long and report back to it.
class Serving {
  public:
    Serving(const ServeCommand& command, ApiKeys keys)
        : command_(command),
          needs_key_(keys.required()),
          server_({command.host, command.port, command.io_threads, command.text_threads, command.limits,
                   std::move(keys)}) {}

    int run() {
        signals_.add(SIGINT);
        signals_.add(SIGTERM);
        wait_for_signal();
        if (auto bound = server_.bind(); !bound) return report(bound.error(), exit_status::no_port);
        spdlog::info("listening on {}", url(command_.host, server_.port()));
        worker_ = std::jthread([this] { load(); });
        events_.run();
        return status_;
    }

  private:
    enum class Phase { loading, serving, draining };

    void load() {
        auto loaded = engine::Engine::load(command_.engine, progress_bar());
        asio::post(events_, [this, loaded = std::move(loaded)]() mutable { on_loaded(std::move(loaded)); });
    }

    void on_loaded(Result<std::unique_ptr<engine::Engine>> loaded) {
        phase_ = Phase::serving;
        if (loaded) {
            const std::shared_ptr<engine::Engine> engine = std::move(*loaded);
            server_.set_engine(engine);
            if (!engine->info().device.empty()) spdlog::info("{}", engine->info().device);
            std::printf("%s\n%s", start_line(engine->info(), url(command_.host, server_.port())).c_str(),
                        first_steps(command_.host, server_.port(), needs_key_).c_str());
            std::fflush(stdout);
            return;
        }
        status_ = report(loaded.error(), load_status(loaded.error()));
        if (!command_.serve_load_errors) return events_.stop();
        server_.set_load_error(loaded.error());
    }

    void wait_for_signal() {
        signals_.async_wait([this](const boost::system::error_code& ec, int number) {
            if (!ec) on_signal(number);
        });
    }

    void on_signal(int number) {
        // A load cannot be interrupted, and who asks twice will not wait: the system cleans up.
        if (phase_ == Phase::loading) std::_Exit(0);
        if (phase_ == Phase::draining) std::_Exit(128 + number);
        phase_ = Phase::draining;
        spdlog::info("draining: running requests have {} ms to end", command_.limits.drain_time.count());
        wait_for_signal();
        worker_ = std::jthread([this] {
            server_.drain(std::chrono::steady_clock::now() + command_.limits.drain_time);
            asio::post(events_, [this] {
                status_ = 0;
                events_.stop();
            });
        });
    }

    const ServeCommand& command_;
    const bool needs_key_;
    asio::io_context events_{1};
    asio::signal_set signals_{events_};
    Server server_;
    std::jthread worker_;  // loads, later drains
    Phase phase_ = Phase::loading;
    int status_ = 0;
};

}  // namespace

int run_serve(const ServeCommand& command) {
    std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more is no reason to stop serving
    set_up_log(command.log_level);
    auto keys = ApiKeys::read(command.api_keys, command.api_key_file);
    if (!keys) return report(keys.error(), exit_status::usage);
    return Serving(command, std::move(*keys)).run();
}

}  // namespace sluice::net
