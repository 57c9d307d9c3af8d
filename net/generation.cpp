#include "net/generation.h"

#include <boost/asio/post.hpp>
#include <ctime>
#include <new>
#include <optional>

#include "net/background.h"
#include "net/mailbox.h"
#include "net/openai/asked.h"
#include "net/openai/call.h"
#include "net/openai/models.h"
#include "net/openai/reply.h"
#include "net/running.h"
#include "net/sse.h"

namespace sluice::net {
namespace {

namespace asio = boost::asio;

struct TextJob {
    std::string body;
    std::shared_ptr<engine::Engine> engine;
    std::optional<Result<openai::Asked>> result;
    bool done = false;  // io thread only
};

void run_job(TextJob& job, Route route, Services& s) {
    try {
        const openai::CallContext context{job.engine->info(), job.engine->frontend(), s.limits,
                                          s.ids.number(), s.responses};
        job.result = openai::read_asked(route, job.body, context);
    } catch (const std::bad_alloc&) {
        job.result = Error{ErrorKind::out_of_memory, "not enough memory for this request"};
    } catch (const std::exception& e) {
        job.result = Error{ErrorKind::internal, e.what()};
    }
}

void start_job(std::shared_ptr<TextJob> job, Route route, Services& s, std::shared_ptr<Connection> c) {
    // Weak: a job that never ran must not keep a socket longer than the io context that the socket belongs
    // to.
    asio::post(s.text, [job, route, &s, weak = std::weak_ptr(c)] {
        if (!weak.expired()) run_job(*job, route, s);
        s.text_jobs.fetch_sub(1);
        if (const auto waiting = weak.lock()) {
            asio::post(waiting->executor(), [job, waiting] {
                job->done = true;
                waiting->notify();
            });
        }
    });
}

// Nobody waits for a whole answer any more. A client that only half-closed counts as gone.
bool gone(Connection& c, const Limits& limits) {
    c.want_input(limits.unread_bytes);
    if (c.input().size() >= limits.unread_bytes) c.watch_for_reset();  // pipelined bytes hide the FIN
    return c.broken() || c.at_end();
}

asio::awaitable<bool> collect(std::shared_ptr<Connection> c, Services& s, Exchange& x, Running& running,
                              openai::Reply& reply, Stopwatch& watch) {
    std::string unused;
    for (;;) {
        for (Letter& letter : running.take()) {
            watch.note(letter);
            reply.take(letter.source, std::move(letter.event), unused);
        }
        if (reply.ended()) break;
        if (s.aborting) {
            ApiError closing = to_api_error({ErrorKind::unavailable, "the server is shutting down"});
            co_return co_await refuse(c, s, x, std::move(closing));
        }
        if (gone(*c, s.limits)) {
            s.metrics.cancelled();
            co_return false;
        }
        co_await c->wait(Clock::time_point::max());
    }
    if (reply.failure()) {
        ApiError error = to_api_error(*reply.failure());
        co_return co_await refuse(c, s, x, std::move(error));
    }
    running.ended();
    watch.finish(reply.usage());
    HttpResponse response;
    response.body = reply.body();
    co_return co_await respond(c, s, x, std::move(response));
}

// The bytes of a streamed answer: header once, then frames, each wake-up's as one chunk.
class StreamText {
  public:
    explicit StreamText(Exchange& x) : x_(x), chunked_(x.request.minor >= 1) {
        if (!chunked_) x_.keep_alive = false;  // HTTP/1.0: the end of the body is the end of the connection
    }
    bool begun() const { return begun_; }

    std::string wrap(const std::string& frames, bool last) {
        std::string out;
        if (!begun_) out = head();
        begun_ = true;
        out += chunked_ ? chunk(frames) : frames;
        if (last && chunked_) out += last_chunk();
        return out;
    }

  private:
    std::string head() {
        HttpResponse response;
        response.content_type = "text/event-stream; charset=utf-8";
        response.fields = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
        x_.status = response.status;
        return head_text(response, head_format(x_, chunked_ ? Transfer::chunked : Transfer::until_close));
    }

    Exchange& x_;
    const bool chunked_;
    bool begun_ = false;
};

// What a wake-up has to say: frames of new events, and whether they end the stream.
struct Batch {
    std::string frames;
    bool last = false;
    std::optional<Error> error;
};

Batch next_batch(const Services& s, Running& running, openai::Reply& reply, Stopwatch& watch) {
    Batch batch;
    for (Letter& letter : running.take()) {
        watch.note(letter);
        reply.take(letter.source, std::move(letter.event), batch.frames);
    }
    if (reply.failure()) {
        batch.error = reply.failure();
    } else if (reply.ended()) {
        running.ended();
        watch.finish(reply.usage());
        batch.frames += reply.stream_end();
    } else if (s.aborting) {
        batch.error = Error{ErrorKind::unavailable, "the server is shutting down"};
    }
    batch.last = reply.ended() || batch.error;
    return batch;
}

asio::awaitable<bool> stream(std::shared_ptr<Connection> c, Services& s, Exchange& x, Running& running,
                             openai::Reply& reply, Stopwatch& watch) {
    StreamText text(x);
    auto last_write = Clock::now();
    bool end_answered = false;
    for (bool last = false; !last || c->writing();) {
        const auto now = Clock::now();
        if (!c->writing()) {
            Batch batch = next_batch(s, running, reply, watch);
            if (batch.error && !text.begun() && batch.frames.empty()) {
                ApiError error = to_api_error(*batch.error);
                co_return co_await refuse(c, s, x, std::move(error));
            }
            if (batch.error) {  // no [DONE]: the answer is not complete
                batch.frames += reply.error_frame(to_api_error(*batch.error));
                x.keep_alive = false;
            }
            const bool silent = now - last_write >= s.limits.keep_alive_comment;
            if (batch.frames.empty() && (silent || (c->at_end() && !end_answered)))
                batch.frames = kSseComment;
            if (!batch.frames.empty()) {
                c->start_write(text.wrap(batch.frames, batch.last));
                last_write = now;
            }
            last = batch.last;
            if (c->at_end()) {  // gone or half-closed: if gone, these bytes come back as a reset
                end_answered = true;
                c->watch_for_reset();
            }
        }
        const auto stalled = c->last_progress() + s.limits.write_stall;
        if (c->broken() || (c->writing() && now >= stalled)) {
            s.metrics.cancelled();
            c->close();
            co_return false;
        }
        c->want_input(s.limits.unread_bytes);
        if (c->input().size() >= s.limits.unread_bytes) c->watch_for_reset();
        co_await c->wait(c->writing() ? stalled : last_write + s.limits.keep_alive_comment);
    }
    co_return !c->broken();
}

// The answer is the response as it begins; it goes on without this connection.
asio::awaitable<bool> answer_later(std::shared_ptr<Connection> c, Services& s, Exchange& x, openai::Call call,
                                   openai::ReplyHeader header, std::shared_ptr<engine::Engine> engine) {
    const auto share = std::make_shared<BodyShare>(std::move(x.share));
    const Background::Surroundings around{
        s.metrics,           s.generations, s.busy_since,
        s.limits.lag_events, share,         [&s](std::function<void()> work) { asio::post(s.text, work); }};
    auto begun = Background::start(std::move(call), std::move(header), engine, around);
    if (!begun) {
        ApiError error = to_api_error(begun.error());
        co_return co_await refuse(c, s, x, std::move(error));
    }
    HttpResponse response;
    response.body = std::move(*begun);
    co_return co_await respond(c, s, x, std::move(response));
}

asio::awaitable<bool> answer(std::shared_ptr<Connection> c, Services& s, Exchange& x, openai::Call call,
                             std::shared_ptr<engine::Engine> engine) {
    s.metrics.unknown_fields(call.unknown_fields);
    const engine::ModelInfo& info = engine->info();
    const openai::Dialect dialect = call.dialect;
    openai::ReplyHeader header;
    const std::string_view prefix = openai::id_prefix(dialect);
    header.id = dialect == openai::Dialect::responses ? secret_id(prefix) : s.ids.make(prefix);
    header.request_id = x.id;
    header.created = std::time(nullptr);
    header.model = call.model;
    header.fingerprint = openai::fingerprint(info);
    if (call.response && call.response->background)
        co_return co_await answer_later(c, s, x, std::move(call), std::move(header), engine);
    const auto reply = openai::Reply::make(call, std::move(header));
    Stopwatch watch(s.metrics, call, x.began);

    Running running(engine, std::make_shared<Mailbox>([c] { c->post_notify(); }, s.limits.lag_events));
    if (auto accepted = running.submit(std::move(call.requests)); !accepted) {
        ApiError error = to_api_error(openai::about_prompt(accepted.error(), dialect));
        co_return co_await refuse(c, s, x, std::move(error));
    }
    bool usable = false;
    if (call.stream) {
        usable = co_await stream(c, s, x, running, *reply, watch);
    } else {
        usable = co_await collect(c, s, x, running, *reply, watch);
    }
    x.usage = reply->usage();
    s.metrics.tool_parse_failures(reply->parse_failures());
    co_return usable;
}

}  // namespace

asio::awaitable<bool> answer_body(std::shared_ptr<Connection> c, Services& s, Exchange& x, Route route,
                                  std::shared_ptr<engine::Engine> engine) {
    std::optional<Counted> counted;
    if (generates(route)) counted.emplace(s.generations, s.busy_since);
    if (s.text_jobs.fetch_add(1) >= s.limits.text_jobs) {
        s.text_jobs.fetch_sub(1);
        ApiError full =
            to_api_error({ErrorKind::queue_full, "too many requests are being read; try again later"});
        co_return co_await refuse(c, s, x, std::move(full));
    }
    auto job = std::make_shared<TextJob>();
    job->body = std::exchange(x.request.body, {});
    job->engine = engine;
    start_job(job, route, s, c);
    while (!job->done) {
        c->want_input(s.limits.unread_bytes);
        if (c->broken()) co_return false;
        co_await c->wait(Clock::time_point::max());
    }
    if (!*job->result) {
        ApiError error = to_api_error(job->result->error());
        co_return co_await refuse(c, s, x, std::move(error));
    }
    openai::Asked asked = std::move(**job->result);
    job.reset();
    auto* call = std::get_if<openai::Call>(&asked);
    if (!call || !call->response) x.share.release();  // of a response the text is kept until it ends
    if (auto* text = std::get_if<std::string>(&asked)) {
        HttpResponse response;
        response.body = std::move(*text);
        co_return co_await respond(c, s, x, std::move(response));
    }
    co_return co_await answer(c, s, x, std::move(*call), engine);
}

}  // namespace sluice::net
