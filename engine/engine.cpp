// The step loop and what surrounds it. Core::step() is the architecture in one function.
#include "engine/engine.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "engine/batch.h"
#include "engine/generation.h"
#include "engine/inbox.h"
#include "engine/mask_maker.h"
#include "engine/model/model.h"
#include "engine/prompt_pacer.h"
#include "engine/stats_board.h"
#include "kernels/check.h"
#include "scheduler/scheduler.h"

namespace sluice::engine {
namespace {

// A sequence is one choice of a request; its id carries both, so no table is needed to find the request.
constexpr int kChoiceBits = 8;
constexpr int32_t kMaxChoices = 1 << kChoiceBits;

scheduler::SequenceId sequence_id(RequestKey key, int32_t choice) {
    return {(key << kChoiceBits) | static_cast<uint64_t>(choice)};
}
RequestKey request_of(scheduler::SequenceId id) {
    return id.v >> kChoiceBits;
}
int32_t choice_of(scheduler::SequenceId id) {
    return static_cast<int32_t>(id.v & (kMaxChoices - 1));
}

scheduler::Limits scheduler_limits(const Options& options, const ModelInfo& info) {
    return {options.max_running, options.step_tokens, options.max_queue, info.context, options.prefix_cache};
}

double seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

uint64_t salt_number(const std::string& salt) {
    return salt.empty() ? 0 : std::hash<std::string>{}(salt);
}

}  // namespace

struct Engine::Core {
    Core(std::unique_ptr<model::Model> model_in, Frontend frontend_in, ModelInfo info_in,
         const Options& options_in)
        : options(options_in),
          frontend(std::move(frontend_in)),
          info(std::move(info_in)),
          model(std::move(model_in)),
          scheduler(scheduler_limits(options, info), info.kv_blocks),
          pacer(options.step_tokens, options.stretch, options.target_itl_ms / 1000) {
        info.context = scheduler.max_context();
    }

    void run();
    bool accept_commands();
    void step();
    void admit(SubmitCommand command);
    void cancel(RequestKey key, Error why);
    void expire_deadlines();
    void sample(const scheduler::StepPlan& plan, std::span<float> logits);
    void look_at_prompt(const scheduler::Slice& slice, Generation& generation, std::span<const float> logits,
                        std::span<const float> states);
    void choose(size_t first_draw);
    void publish(const scheduler::StepPlan& plan);
    void show_counts() {
        board.publish(scheduler.counts(), waiting.load(), model->backend().counters(), live.load() > 0);
        if (const auto* use = model->expert_use()) board.publish_experts(*use, scheduler.idle());
    }
    void end(RequestKey key, Event terminal);
    void fail_all(const Error& why);
    void note_started(const scheduler::StepPlan& plan, Clock::time_point when);
    int64_t without_token() const {
        const scheduler::Counts c = scheduler.counts();
        return c.waiting + c.running - decodes;
    }
    void pace(const scheduler::StepPlan& plan, int32_t tokens, Clock::duration taken);

    Options options;
    Frontend frontend;
    ModelInfo info;
    std::unique_ptr<model::Model> model;
    scheduler::Scheduler scheduler;
    PromptPacer pacer;
    int32_t decodes = 0;  // sequences that the last step left with a next token to compute
    BatchBuilder batch_builder;
    MaskMaker masks;
    std::unordered_map<RequestKey, Generation> generations;
    struct Draw {  // a token of this step
        scheduler::SequenceId id;
        Generation* generation;
        std::span<float> row;
        Result<sampling::Choice> chosen;
    };
    std::vector<Draw> draws;
    scheduler::StepResult result;
    std::vector<std::pair<RequestKey, Error>> failed;  // in this step; ended after commit

    Inbox inbox;
    std::vector<Command> commands;
    StatsBoard board;
    std::atomic<RequestKey> next_key{1};
    std::atomic<int64_t> waiting{0};  // submitted, nothing computed yet
    std::atomic<int64_t> live{0};     // submitted, not ended
    std::atomic<bool> draining{false};
    std::thread thread;
};

void Engine::Core::run() {
    pthread_setname_np(pthread_self(), "sl-engine");
    while (accept_commands()) {
        try {
            step();
        } catch (const std::exception& e) {  // out of memory: this batch fails, the engine goes on
            fail_all({ErrorKind::internal, std::string("a step failed: ") + e.what()});
        }
        show_counts();
    }
    fail_all({ErrorKind::unavailable, "the server is shutting down"});
}

// Sleeps while there is nothing to compute. false: the engine is closing.
bool Engine::Core::accept_commands() {
    const bool open = inbox.take(commands, scheduler.idle());
    for (Command& command : commands) {
        if (auto* submit = std::get_if<SubmitCommand>(&command)) {
            admit(std::move(*submit));
        } else {
            cancel(std::get<CancelCommand>(command).key, {ErrorKind::cancelled, "the request was cancelled"});
        }
    }
    expire_deadlines();
    return open;
}

void Engine::Core::step() {
    const auto start = Clock::now();
    const scheduler::StepPlan& plan = scheduler.plan(pacer.prompt_tokens(decodes, without_token()));
    decodes = 0;
    if (plan.empty()) return;
    for (const scheduler::BlockCopy& copy : plan.copies) model->copy_block(copy.from, copy.to);
    const model::Batch batch = batch_builder.build(plan, [this](scheduler::SequenceId id) {
        const Request& request = generations.at(request_of(id)).request();
        return BatchBuilder::Wanted{request.prompt_logprobs, request.pooling != Pooling::none};
    });
    const auto begin = Clock::now();
    const std::span<float> logits = model->forward(batch);
    if (kernels::DeviceMemory* device = model->backend().device(); device && device->failed())
        return fail_all({ErrorKind::internal, "a step failed: " + device->take_failure().value_or("")});
    const auto end = Clock::now();
    note_started(plan, start);
    sample(plan, logits);
    scheduler.commit(result);
    decodes =
        static_cast<int32_t>(std::ranges::count(result.tokens, false, &scheduler::SampledToken::finished));
    pace(plan, static_cast<int32_t>(batch.tokens.size()), Clock::now() - start);
    board.count_step(static_cast<int64_t>(batch.tokens.size()), static_cast<int64_t>(result.tokens.size()));
    show_counts();  // before anybody hears of an end, so that its blocks are seen to be free
    publish(plan);
    board.count_time(seconds(Clock::now() - start), seconds(end - begin));
}

void Engine::Core::admit(SubmitCommand command) {
    const RequestKey key = command.key;
    scheduler::Submission submission;
    for (int32_t i = 0; i < command.request.n; ++i) submission.ids.push_back(sequence_id(key, i));
    submission.prompt = command.request.prompt;
    submission.max_new_tokens = command.request.max_tokens;
    submission.priority = command.request.priority;
    submission.salt = salt_number(command.request.cache_salt);
    submission.recompute_prompt = command.request.prompt_logprobs || command.request.pooling == Pooling::mean;
    const auto added = generations.try_emplace(key, key, std::move(command.request), frontend.tokenizer(),
                                               command.submitted);
    if (const grammar::Matcher* matcher = added.first->second.matcher(0)) masks.make(*matcher);
    switch (scheduler.submit(std::move(submission))) {
        case scheduler::Admission::accepted:
            return;
        case scheduler::Admission::queue_full:
            return end(key, Failed{{ErrorKind::queue_full, "the queue is full"}});
        case scheduler::Admission::too_long:
            return end(
                key, Failed{{ErrorKind::context_length_exceeded, "the request can never fit the KV cache"}});
    }
}

void Engine::Core::cancel(RequestKey key, Error why) {
    const auto it = generations.find(key);
    if (it == generations.end()) return;
    for (int32_t i = 0; i < it->second.request().n; ++i) scheduler.cancel(sequence_id(key, i));
    end(key, Failed{std::move(why)});
}

void Engine::Core::expire_deadlines() {
    std::vector<RequestKey> late;
    const auto now = Clock::now();
    for (const auto& [key, generation] : generations) {
        const auto& deadline = generation.request().deadline;
        if (deadline && *deadline <= now) late.push_back(key);
    }
    for (const RequestKey key : late)
        cancel(key, {ErrorKind::deadline_exceeded, "the request's deadline has passed"});
}

void Engine::Core::note_started(const scheduler::StepPlan& plan, Clock::time_point when) {
    for (const scheduler::Slice& slice : plan.slices) {
        Generation& generation = generations.at(request_of(slice.id));
        if (generation.started()) continue;
        generation.start(when);
        waiting.fetch_sub(1);
        generation.usage.cached_tokens = scheduler.cached_prompt_tokens(slice.id);
        board.count_prompt(generation.usage.prompt_tokens);
    }
}

void Engine::Core::pace(const scheduler::StepPlan& plan, int32_t tokens, Clock::duration taken) {
    const auto is_decode = [this](const scheduler::Slice& s) {
        const auto& prompt = generations.at(request_of(s.id)).request().prompt;
        return s.tokens.size() == 1 && s.first >= static_cast<int32_t>(prompt.size());
    };
    const auto computed = static_cast<int32_t>(std::ranges::count_if(plan.slices, is_decode));
    pacer.observe(computed, tokens - computed, seconds(taken));
}

// The choices are independent of each other and spread over the compute threads; what follows from them is
// not.
void Engine::Core::sample(const scheduler::StepPlan& plan, std::span<float> logits) {
    const auto vocab = static_cast<size_t>(model->vocab());
    const auto hidden = static_cast<size_t>(model->hidden());
    const auto& rows = batch_builder.rows();
    draws.clear();
    for (size_t i = 0; i < plan.slices.size(); ++i) {
        const scheduler::Slice& slice = plan.slices[i];
        Generation& generation = generations.at(request_of(slice.id));
        const auto own = logits.subspan(static_cast<size_t>(rows[i].first) * vocab,
                                        static_cast<size_t>(rows[i].count) * vocab);
        const auto states = model->states().subspan(static_cast<size_t>(rows[i].first_state) * hidden,
                                                    static_cast<size_t>(rows[i].states) * hidden);
        look_at_prompt(slice, generation, own, states);
        for (const scheduler::SequenceId id : slice.sample)
            draws.push_back({id, &generation, own.last(vocab), sampling::Choice{}});
    }
    model->backend().parallel(static_cast<int64_t>(draws.size()),
                              [this](int64_t i) { choose(static_cast<size_t>(i)); });
    result.tokens.clear();
    for (const Draw& d : draws) {
        if (!d.chosen) failed.emplace_back(d.generation->key(), d.chosen.error());
        result.tokens.push_back(d.chosen
                                    ? scheduler::SampledToken{d.id, d.chosen->token,
                                                              d.generation->take(choice_of(d.id), *d.chosen)}
                                    : scheduler::SampledToken{d.id, 0, true});
    }
    // Only now: finding a mask holds what take() asks for.
    for (const Draw& d : draws) {
        if (!d.chosen) continue;
        if (const grammar::Matcher* matcher = d.generation->matcher(choice_of(d.id))) masks.make(*matcher);
    }
}

// Choices of one prompt share a row, which sampling changes on the way: one task for all of them.
void Engine::Core::choose(size_t first_draw) {
    const float* row = draws[first_draw].row.data();
    if (first_draw > 0 && draws[first_draw - 1].row.data() == row) return;
    for (size_t i = first_draw; i < draws.size() && draws[i].row.data() == row; ++i) {
        Draw& d = draws[i];
        d.chosen = d.generation->choose(model->backend().logit_ops(), choice_of(d.id), d.row);
    }
}

void Engine::Core::look_at_prompt(const scheduler::Slice& slice, Generation& generation,
                                  std::span<const float> logits, std::span<const float> states) {
    const Request& request = generation.request();
    if (request.pooling != Pooling::none) {
        const auto ok = generation.pool_prompt(slice.first, states, model->hidden());
        if (!ok) failed.emplace_back(generation.key(), ok.error());
    }
    if (request.prompt_logprobs)
        generation.score_prompt(model->backend(), slice.first, logits, model->vocab());
    const auto slice_end = slice.first + static_cast<int32_t>(slice.tokens.size());
    if (request.max_tokens == 0 && slice_end >= static_cast<int32_t>(request.prompt.size()))
        generation.finish_without_tokens();
}

// Tells the clients of this step, and only then ends what has ended: the last text goes out before the end.
void Engine::Core::publish(const scheduler::StepPlan& plan) {
    for (auto& [key, why] : failed) cancel(key, std::move(why));
    failed.clear();
    for (const scheduler::Slice& slice : plan.slices) {
        const auto it = generations.find(request_of(slice.id));
        if (it == generations.end()) continue;
        it->second.publish();
        if (!it->second.all_choices_done()) continue;
        board.count_finished(it->second.last_reason());
        end(it->first, Finished{it->second.usage, it->second.timing(Clock::now())});
    }
}

void Engine::Core::end(RequestKey key, Event terminal) {
    const auto it = generations.find(key);
    if (!it->second.started()) waiting.fetch_sub(1);
    if (const auto* f = std::get_if<Failed>(&terminal)) board.count_failed(f->error.kind);
    it->second.end(std::move(terminal));
    generations.erase(it);
    live.fetch_sub(1);
}

void Engine::Core::fail_all(const Error& why) {
    inbox.take(commands, false);
    for (Command& command : commands) {
        if (auto* submit = std::get_if<SubmitCommand>(&command)) admit(std::move(*submit));
    }
    failed.clear();
    std::vector<RequestKey> keys;
    for (const auto& entry : generations) keys.push_back(entry.first);
    for (const RequestKey key : keys) cancel(key, why);
}

Engine::Engine(std::unique_ptr<Core> core) : core_(std::move(core)) {
    core_->thread = std::thread([core = core_.get()] { core->run(); });
}

Engine::~Engine() {
    core_->inbox.close();
    core_->thread.join();
}

Result<std::unique_ptr<Engine>> Engine::create(std::unique_ptr<model::Model> model, Frontend frontend,
                                               ModelInfo info, const Options& options) {
    if (info.kv_blocks < 1)
        return Error{ErrorKind::out_of_memory, "the KV cache has no block", "--kv-memory"};
    auto core = std::make_unique<Core>(std::move(model), std::move(frontend), std::move(info), options);
    core->show_counts();
    return std::unique_ptr<Engine>(new Engine(std::move(core)));
}

Result<RequestKey> Engine::submit(Request request) {
    SLUICE_CHECK(!request.prompt.empty() && request.sink && request.n >= 1 && request.n <= kMaxChoices);
    const auto length = static_cast<int64_t>(request.prompt.size());
    const int64_t context = core_->info.context;
    const auto vocab = core_->model->vocab();
    if (std::any_of(request.prompt.begin(), request.prompt.end(),
                    [&](int32_t t) { return t < 0 || t >= vocab; })) {
        return Error{ErrorKind::invalid_request, "a prompt token is not in the vocabulary", "prompt"};
    }
    if (request.pooling != Pooling::none) {
        SLUICE_CHECK(request.n == 1 && request.max_tokens == 0);
        if (core_->model->hidden() == 0)
            return Error{ErrorKind::unsupported, "this model has no hidden states to show", "input"};
    }
    if (core_->draining) return Error{ErrorKind::unavailable, "the server is draining"};
    if (length + 1 > context) {
        return Error{ErrorKind::context_length_exceeded,
                     "the prompt has " + std::to_string(length) +
                         " tokens; with one to generate it exceeds the context of " + std::to_string(context),
                     "messages"};
    }
    request.max_tokens = static_cast<int32_t>(std::min<int64_t>(request.max_tokens, context - length));
    if (core_->waiting.fetch_add(1) >= core_->options.max_queue) {
        core_->waiting.fetch_sub(1);
        return Error{ErrorKind::queue_full, "the queue is full; try again later"};
    }
    core_->live.fetch_add(1);
    const RequestKey key = core_->next_key.fetch_add(1);
    if (!core_->inbox.push(SubmitCommand{key, std::move(request), Clock::now()})) {
        core_->waiting.fetch_sub(1);
        core_->live.fetch_sub(1);
        return Error{ErrorKind::unavailable, "the server is shutting down"};
    }
    return key;
}

void Engine::cancel(RequestKey key) {
    core_->inbox.push(CancelCommand{key});
}

void Engine::drain() {
    core_->draining = true;
}

bool Engine::wait_idle(Clock::time_point until) {
    while (core_->live.load() > 0) {
        if (Clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

EngineStats Engine::stats() const {
    return core_->board.read(core_->waiting.load(), core_->live.load() > 0);
}
model::ExpertUse Engine::experts() const {
    return core_->board.read_experts();
}
const ModelInfo& Engine::info() const {
    return core_->info;
}
const Frontend& Engine::frontend() const {
    return core_->frontend;
}

}  // namespace sluice::engine
