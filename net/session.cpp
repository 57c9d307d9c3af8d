#include "net/session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "net/chunked.h"
#include "net/exchange.h"
#include "net/framing.h"
#include "net/generation.h"
#include "net/openai/call.h"
#include "net/openai/models.h"
#include "net/responses/stored.h"
#include "net/router.h"
#include "net/web/page.h"

namespace sluice::net {
namespace {

namespace asio = boost::asio;

constexpr uint64_t kDropBytes = 64 << 10;  // a body that nobody wants is read so far to keep the connection
constexpr size_t kLoggedPath = 200;

enum class Read { complete, closed, rejected };

// Waits for a header. An idle client may take long to begin, but not to end.
asio::awaitable<Read> read_head(std::shared_ptr<Connection> c, const Services& s, bool first,
                                HttpRequest& out, Rejection& why) {
    HeadScanner scanner(s.limits);
    bool begun = !c->input().empty();
    auto deadline = Clock::now() + (first || begun ? s.limits.header_time : s.limits.idle_time);
    for (;;) {
        std::string& in = c->input();
        if (!begun && !in.empty()) {
            begun = true;
            if (!first) deadline = Clock::now() + s.limits.header_time;
        }
        const auto state = scanner.scan(in);
        if (state == HeadScanner::State::complete) {
            auto head = parse_head(
                std::string_view(in).substr(scanner.skipped(), scanner.size() - scanner.skipped()), s.limits);
            in.erase(0, scanner.size());
            if (head) out = std::move(*head);
            if (!head) why = head.error();
            co_return head ? Read::complete : Read::rejected;
        }
        if (state == HeadScanner::State::rejected) {
            why = scanner.rejection();
            co_return Read::rejected;
        }
        if (state == HeadScanner::State::foreign) {
            spdlog::info("connection closed: the client sent {}", scanner.greeting());
            co_return Read::closed;
        }
        if (c->broken() || c->at_end() || (s.draining && !begun && !first)) co_return Read::closed;
        if (Clock::now() >= deadline) {
            why = {408, "the header did not come in time"};
            co_return begun ? Read::rejected : Read::closed;
        }
        c->want_input(s.limits.header_bytes + s.limits.unread_bytes);
        co_await c->wait(deadline);
    }
}

// For the whole body, however it drips in; but what has come earns more time for a large one.
Clock::time_point body_deadline(const Limits& limits, Clock::time_point began, size_t bytes) {
    return began + limits.body_time + std::chrono::milliseconds(1000 * bytes / limits.body_rate);
}

asio::awaitable<Read> read_body(std::shared_ptr<Connection> c, Services& s, Exchange& x, Rejection& why) {
    ChunkDecoder decoder(s.limits);
    HttpRequest& request = x.request;
    const auto began = Clock::now();
    for (;;) {
        std::string& in = c->input();
        bool complete = request.body_kind == BodyKind::none;
        if (request.body_kind == BodyKind::length) {
            const auto left = static_cast<size_t>(request.content_length) - request.body.size();
            request.body.append(in, 0, left);
            in.erase(0, left);
            complete = request.body.size() == request.content_length;
        } else if (request.body_kind == BodyKind::chunked) {
            in.erase(0, decoder.feed(in, request.body));
            if (decoder.rejection()) {
                why = *decoder.rejection();
                co_return Read::rejected;
            }
            complete = decoder.done();
        }
        if (!x.share.grow_to(request.body.size(), s)) {
            why = {503, "too many request bodies are being read; try again later"};
            co_return Read::rejected;
        }
        if (complete) co_return Read::complete;
        if (c->broken() || c->at_end()) co_return Read::closed;
        const auto deadline = body_deadline(s.limits, began, request.body.size());
        if (Clock::now() >= deadline) {
            why = {408, "the body did not come in time"};
            co_return Read::rejected;
        }
        c->want_input(s.limits.unread_bytes);
        co_await c->wait(deadline);
    }
}

bool is_json(std::string_view content_type) {
    static constexpr std::string_view kJson = "application/json";
    if (content_type.empty()) return true;
    std::string lower(content_type.substr(0, kJson.size() + 1));
    for (char& ch : lower) ch = static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
    return lower.starts_with(kJson) &&
           (lower.size() == kJson.size() || lower.back() == ';' || lower.back() == ' ');
}

// What forbids the request before its body is read.
std::optional<ApiError> objection(const RouteMatch& match, const HttpRequest& request, const Services& s,
                                  const Readiness& readiness) {
    if (!is_open(match.route) && !s.keys.admit(request)) return unauthorised();
    if (match.route == Route::none) return http_error(404, "there is nothing at this path");
    if (!match.method_allowed)
        return http_error(405, fmt::format("this path knows the methods {}", match.allow));
    if (generates(match.route) && s.draining)
        return to_api_error({ErrorKind::unavailable, "the server is shutting down"});
    if (needs_engine(match.route) && !readiness.engine) return to_api_error(readiness.error);
    if (!has_body(match.route)) return std::nullopt;
    if (!is_json(request.field("content-type"))) return http_error(415, "the body must be application/json");
    const std::string_view coding = request.field("content-encoding");
    if (!coding.empty() && coding != "identity") return http_error(415, "compressed bodies are not accepted");
    return std::nullopt;
}

// Why the server cannot serve now, if so.
std::optional<Error> not_ready(const Services& s, const Readiness& readiness) {
    if (s.draining) return Error{ErrorKind::unavailable, "the server is shutting down"};
    if (!readiness.engine) return readiness.error;
    const engine::EngineStats stats = readiness.engine->stats();
    const Clock::time_point busy_since{Clock::duration(s.busy_since.load())};
    const bool working = stats.busy && s.generations > 0;
    const auto model_bytes = static_cast<size_t>(readiness.engine->info().file_bytes);
    const auto patience = s.limits.step_stall + std::chrono::seconds(model_bytes / s.limits.step_rate);
    if (working && Clock::now() - std::max(stats.last_step, busy_since) > patience)
        return Error{ErrorKind::unavailable, "the engine makes no progress"};
    return std::nullopt;
}

HttpResponse json_response(std::string body) {
    HttpResponse response;
    response.body = std::move(body);
    return response;
}

HttpResponse metrics_response(const Services& s, const Readiness& readiness) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = s.metrics.text(s.connections, *s.responses, readiness.engine.get());
    return response;
}

// Routes that are answered from what is at hand.
HttpResponse answer_at_once(const RouteMatch& match, const HttpRequest& request, const Services& s,
                            const Readiness& readiness) {
    if (openai::is_about_stored(match.route)) {
        auto answer = openai::answer_stored(match, request.query, *s.responses);
        return answer ? json_response(std::move(*answer))
                      : error_response(to_api_error(answer.error()), s.limits);
    }
    switch (match.route) {
        case Route::page:
            return web::page(request);
        case Route::health:
            return json_response(R"({"status":"ok"})");
        case Route::ready:
            if (auto error = not_ready(s, readiness)) {
                ApiError answer = to_api_error(*error);
                answer.status = 503;  // whatever the reason: probes look for this one
                return error_response(answer, s.limits);
            }
            return json_response(R"({"status":"ready"})");
        case Route::metrics:
            return metrics_response(s, readiness);
        case Route::models:
            return json_response(openai::model_list(readiness.engine->info()));
        case Route::server_info:
            return json_response(openai::server_info(readiness.engine->info(), s.limits));
        case Route::experts:
            return json_response(openai::expert_use(readiness.engine->experts(), readiness.engine->info()));
        case Route::openapi:
            return json_response(*readiness.openapi);
        case Route::version:
            return json_response(openai::version());
        default:
            break;
    }
    const engine::ModelInfo& info = readiness.engine->info();
    if (auto known = openai::check_model(match.id, info); !known)
        return error_response(to_api_error(known.error()), s.limits);
    return json_response(openai::model_object(info, openai::answered_name(match.id, info)));
}

void log_access(const Exchange& x) {
    const std::chrono::duration<double, std::milli> took = Clock::now() - x.began;
    spdlog::info("{} {} {} {:.1f}ms prompt={} completion={} id={}", x.request.method,
                 std::string_view(x.request.path).substr(0, kLoggedPath), x.status, took.count(),
                 x.usage.prompt_tokens, x.usage.completion_tokens, x.id);
}

// One request whose header is read. false: close.
asio::awaitable<bool> serve(std::shared_ptr<Connection> c, Services& s, Exchange& x) {
    const RouteMatch match = match_route(x.request.method, x.request.path);
    const Readiness readiness = s.readiness();
    const auto refused = objection(match, x.request, s, readiness);
    const bool wanted = !refused && has_body(match.route);
    if (is_anthropic(match.route)) x.errors = ErrorShape::anthropic;
    const bool droppable = x.request.body_kind == BodyKind::none ||
                           (x.request.body_kind == BodyKind::length && !x.request.expects_continue &&
                            x.request.content_length <= kDropBytes);
    if (wanted && x.request.expects_continue && x.request.body_kind != BodyKind::none) {
        if (!co_await send(c, s, "HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    x.keep_alive = x.keep_alive && (wanted || droppable);
    if (wanted || droppable) {
        Rejection why;
        const Read body = co_await read_body(c, s, x, why);
        if (body == Read::closed) co_return false;
        if (body == Read::rejected) {
            x.keep_alive = false;
            ApiError error = why.status == 503 ? to_api_error({ErrorKind::unavailable, why.message})
                                               : http_error(why.status, why.message);
            co_return co_await refuse(c, s, x, std::move(error));
        }
    }
    if (refused) {
        HttpResponse response = error_response(*refused, s.limits, x.errors, x.id);
        if (refused->status == 405) response.fields.emplace_back("Allow", match.allow);
        s.metrics.rejected(reason_phrase(refused->status));
        co_return co_await respond(c, s, x, std::move(response));
    }
    if (!wanted) {
        HttpResponse response = answer_at_once(match, x.request, s, readiness);
        co_return co_await respond(c, s, x, std::move(response));
    }
    co_return co_await answer_body(c, s, x, match.route, readiness.engine);
}

// Lets the client read the last answer: closing with unread bytes would reset the connection under it.
asio::awaitable<void> linger(std::shared_ptr<Connection> c, const Services& s) {
    c->shut_down_sending();
    const auto until = Clock::now() + s.limits.linger_time;
    while (!c->at_end() && !c->broken() && Clock::now() < until) {
        c->input().clear();
        c->want_input(1);
        co_await c->wait(until);
    }
}

}  // namespace

HeadFormat head_format(const Exchange& x, Transfer transfer) {
    return {transfer, x.keep_alive, x.request.minor, x.id};
}

asio::awaitable<bool> send(std::shared_ptr<Connection> c, const Services& s, std::string bytes) {
    c->start_write(std::move(bytes));
    while (c->writing()) {
        const auto stalled = c->last_progress() + s.limits.write_stall;
        if (Clock::now() >= stalled) {
            c->close();
            co_return false;
        }
        co_await c->wait(stalled);
    }
    co_return !c->broken();
}

asio::awaitable<bool> respond(std::shared_ptr<Connection> c, const Services& s, Exchange& x,
                              HttpResponse response) {
    x.status = response.status;
    x.keep_alive = x.keep_alive && !s.draining;
    std::string bytes = head_text(response, head_format(x, Transfer::length));
    if (x.request.method != "HEAD") bytes += response.body;
    co_return co_await send(c, s, std::move(bytes));
}

asio::awaitable<bool> refuse(std::shared_ptr<Connection> c, Services& s, Exchange& x, ApiError error) {
    s.metrics.rejected(error.code.empty() ? reason_phrase(error.status) : error.code);
    HttpResponse response = error_response(error, s.limits, x.errors, x.id);
    co_return co_await respond(c, s, x, std::move(response));
}

asio::awaitable<void> run_session(std::shared_ptr<Connection> c, Services& s) {
    for (bool first = true;; first = false) {
        Exchange x;
        Rejection why;
        const Read head = co_await read_head(c, s, first, x.request, why);
        if (head == Read::closed) break;
        x.began = Clock::now();
        x.id = acceptable_request_id(x.request.field("x-request-id")).value_or("");
        if (x.id.empty()) x.id = s.ids.make("req-");
        x.keep_alive = head == Read::complete && x.request.keep_alive;
        bool usable = false;
        if (head == Read::rejected) {
            ApiError error = http_error(why.status, why.message);
            usable = co_await refuse(c, s, x, std::move(error));
        } else {
            usable = co_await serve(c, s, x);
        }
        log_access(x);
        if (!usable || !x.keep_alive) break;
    }
    if (!c->broken() && !c->at_end()) co_await linger(c, s);
    c->close();
}

}  // namespace sluice::net
