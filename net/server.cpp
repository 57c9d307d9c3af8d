#include "net/server.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <unordered_set>
#include <vector>

#include "net/http_error.h"
#include "net/openapi/openapi.h"
#include "net/services.h"
#include "net/session.h"

namespace sluice::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kPoll = std::chrono::milliseconds(5);  // between two looks at a counter

using WorkGuard = asio::executor_work_guard<asio::io_context::executor_type>;

// A handler that throws ends itself, not its thread.
void run_context(asio::io_context& context, const char* name) {
    pthread_setname_np(pthread_self(), name);
    for (;;) {
        try {
            context.run();
            return;
        } catch (const std::exception& e) {
            spdlog::error("{}: {}", name, e.what());
        }
    }
}

template <class Condition>
bool wait_for(Condition condition, Clock::time_point until) {
    while (!condition()) {
        if (Clock::now() >= until) return false;
        std::this_thread::sleep_for(kPoll);
    }
    return true;
}

std::string busy_answer(const Limits& limits) {
    const HttpResponse response =
        error_response(to_api_error({ErrorKind::unavailable, "too many connections"}), limits);
    HeadFormat format;
    format.keep_alive = false;
    return head_text(response, format) + response.body;
}

// A descriptor for every connection, as far as the system grants them.
void provide_descriptors(size_t connections) {
    const rlim_t wanted = connections + 64;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    spdlog::warn("{} connections are allowed, but this process may open only {} files", connections,
                 limit.rlim_cur);
}

}  // namespace

// Declared in the order of lifetime: sessions, kept alive by the contexts, use what stands before these.
struct Server::Core {
    explicit Core(ServerOptions options_in)
        : options(std::move(options_in)), services(options.limits, options.keys) {}

    struct IoThread {
        asio::io_context context{1};
        WorkGuard work{context.get_executor()};
        std::unordered_set<Connection*> live;  // this thread only
        std::thread thread;
    };

    struct SessionEnd;

    Result<void> open();
    void start();
    asio::awaitable<void> accept_loop();
    void admit(IoThread& io, tcp::socket socket);
    void open_session(IoThread& io, tcp::socket socket);
    void refuse_connection(tcp::socket socket) const;
    template <class Action>
    void for_each_connection(Action action);

    const ServerOptions options;
    Services services;
    std::vector<std::unique_ptr<IoThread>> io;
    WorkGuard text_work{services.text.get_executor()};
    std::vector<std::thread> text_threads;
    std::unique_ptr<tcp::acceptor> acceptor;  // null: nothing runs
    uint16_t port = 0;
    bool stopped = false;
};

// The end of a session: the only place where what a coroutine threw is seen.
struct Server::Core::SessionEnd {
    Core* core;
    IoThread* io;
    std::shared_ptr<Connection> connection;

    void operator()(std::exception_ptr thrown) const {
        io->live.erase(connection.get());
        connection->close();
        core->services.connections.fetch_sub(1);
        if (!thrown) return;
        core->services.metrics.connection_failed();
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
            spdlog::error("a connection ended with an exception: {}", e.what());
        }
    }
};

asio::awaitable<void> Server::Core::accept_loop() {
    for (size_t next = 0;; next = (next + 1) % io.size()) {
        IoThread& thread = *io[next];
        auto [ec, socket] =
            co_await acceptor->async_accept(thread.context, asio::as_tuple(asio::use_awaitable));
        if (!acceptor->is_open()) co_return;
        if (ec) {  // no descriptor, no memory: retrying at once would spin
            spdlog::warn("cannot accept a connection: {}", ec.message());
            asio::steady_timer pause(io[0]->context, options.limits.accept_pause);
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
            continue;
        }
        admit(thread, std::move(socket));
    }
}

// What throws for want of memory costs this connection, never the loop that accepts.
void Server::Core::admit(IoThread& thread, tcp::socket socket) {
    try {
        if (static_cast<size_t>(services.connections.load()) >= options.limits.connections) {
            refuse_connection(std::move(socket));
        } else {
            open_session(thread, std::move(socket));
        }
    } catch (const std::exception& e) {
        services.metrics.connection_failed();
        spdlog::warn("cannot serve a connection: {}", e.what());
    }
}

Result<void> Server::Core::open() {
    error_code ec;
    const auto fail = [this](const error_code& why) {
        const bool taken = why == boost::asio::error::address_in_use;
        return Error{ErrorKind::io,
                     fmt::format("cannot listen on {}:{}: {}{}", options.host, options.port, why.message(),
                                 taken ? "; give another --port, or --port 0 for any free one" : ""),
                     "--port"};
    };
    for (int i = 0; i < options.io_threads; ++i) io.push_back(std::make_unique<IoThread>());
    tcp::resolver resolver(io[0]->context);
    const auto found =
        resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, ec);
    if (ec) return fail(ec);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    auto listening = std::make_unique<tcp::acceptor>(io[0]->context);
    listening->open(endpoint.protocol(), ec);
    if (ec) return fail(ec);
    listening->set_option(tcp::acceptor::reuse_address(true), ec);
    listening->bind(endpoint, ec);
    if (ec) return fail(ec);
    listening->listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fail(ec);
    acceptor = std::move(listening);
    port = acceptor->local_endpoint(ec).port();
    return {};
}

void Server::Core::start() {
    provide_descriptors(options.limits.connections);
    asio::co_spawn(io[0]->context, accept_loop(), asio::detached);
    for (auto& one : io)
        one->thread = std::thread([&context = one->context] { run_context(context, "sl-io"); });
    for (int i = 0; i < options.text_threads; ++i)
        text_threads.emplace_back([this] { run_context(services.text, "sl-text"); });
}

void Server::Core::open_session(IoThread& thread, tcp::socket socket) {
    auto connection = std::make_shared<Connection>(std::move(socket));
    services.connections.fetch_add(1);
    services.metrics.connection_opened();
    asio::post(thread.context, [this, &thread, connection] {
        thread.live.insert(connection.get());
        SessionEnd end{this, &thread, connection};
        asio::co_spawn(thread.context, run_session(connection, services), std::move(end));
    });
}

void Server::Core::refuse_connection(tcp::socket socket) const {
    error_code ignored;
    char request[4096];  // unread bytes would turn the close into a reset
    socket.non_blocking(true, ignored);
    socket.read_some(asio::buffer(request), ignored);
    socket.write_some(asio::buffer(busy_answer(options.limits)), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
}

template <class Action>
void Server::Core::for_each_connection(Action action) {
    for (auto& one : io) {
        asio::post(one->context, [&live = one->live, action] {
            for (Connection* connection : live) action(*connection);
        });
    }
}

Server::Server(ServerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}

Server::~Server() {
    stop();
}

Result<void> Server::bind() {
    auto opened = core_->open();
    if (opened) core_->start();
    return opened;
}

uint16_t Server::port() const {
    return core_->port;
}

void Server::set_engine(std::shared_ptr<engine::Engine> engine) {
    core_->services.metrics.set_model(engine->info().name);
    Services& s = core_->services;
    auto text =
        std::make_shared<const std::string>(openapi::document(engine->info(), s.limits, s.keys.required()));
    s.set_readiness({std::move(engine), {}, std::move(text)});
}

void Server::set_load_error(Error error) {
    core_->services.set_readiness({nullptr, std::move(error)});
}

void Server::drain(Clock::time_point deadline) {
    Services& s = core_->services;
    s.draining = true;
    if (const auto engine = s.readiness().engine) engine->drain();
    core_->for_each_connection([](Connection& c) { c.notify(); });  // idle ones close
    const auto done = [&s] { return s.generations == 0; };
    if (wait_for(done, deadline)) return;
    s.aborting = true;
    s.responses->cancel_all();
    core_->for_each_connection([](Connection& c) { c.notify(); });
    wait_for(done, Clock::now() + s.limits.stop_time);
}

void Server::stop() {
    if (std::exchange(core_->stopped, true) || !core_->acceptor) return;
    Services& s = core_->services;
    s.draining = s.aborting = true;
    asio::post(core_->io[0]->context, [this] { core_->acceptor->close(); });
    core_->for_each_connection([](Connection& c) { c.close(); });
    wait_for([&s] { return s.connections == 0; }, Clock::now() + s.limits.stop_time);
    s.text.stop();
    for (std::thread& thread : core_->text_threads) thread.join();
    for (auto& one : core_->io) one->context.stop();
    for (auto& one : core_->io) one->thread.join();
    s.responses->cancel_all();  // what the last connections began
}

}  // namespace sluice::net
