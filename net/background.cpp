#include "net/background.h"

namespace sluice::net {

Result<std::string> Background::start(openai::Call call, openai::ReplyHeader header,
                                      std::shared_ptr<engine::Engine> engine, const Surroundings& around) {
    const auto store = call.response->store;
    const std::string id = header.id;
    const auto job = std::make_shared<Background>(call, std::move(header), around);
    if (!store->begin(id, job)) {
        call.response->store = nullptr;
        return Error{ErrorKind::queue_full, "too many responses run in the background; try again later"};
    }
    return job->submit(std::move(call.requests), std::move(engine));
}

Background::Background(const openai::Call& call, openai::ReplyHeader header, const Surroundings& around)
    : around_(around),
      id_(header.id),
      request_(call.response),
      watch_(around.metrics, call, engine::Clock::now()),
      reply_(openai::Reply::make(call, std::move(header))) {
    counted_.emplace(around.generations, around.busy_since);
}

// Under the lock: the first events must not come before the request's key is known.
Result<std::string> Background::submit(std::vector<engine::Request> requests,
                                       std::shared_ptr<engine::Engine> engine) {
    const std::lock_guard lock(mutex_);
    const auto wake = [weak = weak_from_this(), post = around_.post] {
        post([weak] {
            if (const auto job = weak.lock()) job->advance();
        });
    };
    running_.emplace(std::move(engine), std::make_shared<Mailbox>(wake, around_.lag_events));
    if (auto accepted = running_->submit(std::move(requests)); !accepted) {
        const auto store = std::exchange(request_->store, nullptr);  // nobody knows its name
        leave();
        store->end(id_);
        return openai::about_prompt(accepted.error(), openai::Dialect::responses);
    }
    return reply_->body();
}

openai::Turns Background::so_far() {
    const std::lock_guard lock(mutex_);
    if (!reply_) return {};
    openai::Turns out = request_->history;
    out.push_back(std::make_shared<openai::StoredResponse>(
        openai::StoredResponse{id_, reply_->body(), request_->input, {}, true}));
    return out;
}

void Background::cancel() {
    const std::lock_guard lock(mutex_);
    if (!reply_) return;
    around_.metrics.cancelled();
    leave();
    request_->store->end(id_);
}

void Background::advance() {
    const std::lock_guard lock(mutex_);
    if (!reply_) return;
    std::string unused;
    for (Letter& letter : running_->take()) {
        watch_.note(letter);
        reply_->take(letter.source, std::move(letter.event), unused);
    }
    if (!reply_->ended()) return;
    if (!reply_->failure()) {
        running_->ended();
        watch_.finish(reply_->usage());
    }
    around_.metrics.tool_parse_failures(reply_->parse_failures());
    leave();
    request_->store->end(id_);
}

// A reply that has not ended is stored as cancelled when it goes.
void Background::leave() {
    running_.reset();
    reply_.reset();
    counted_.reset();
}

}  // namespace sluice::net
