// The engine: one loaded model, its KV cache and the step loop on a thread of its own ("sl-engine").
// load() is the only way to make one from a file; serve, run, chat, inspect and the tests all use it.
// Public members may be called from any thread; events come on the engine thread.
#pragma once
#include <memory>
#include <string>

#include "engine/frontend.h"
#include "engine/model/expert_use.h"
#include "engine/options.h"
#include "engine/request.h"
#include "engine/result.h"
#include "engine/stats.h"

namespace sluice::model {
class Model;
}

namespace sluice::engine {

class Engine {
  public:
    // Opens, checks and maps the file, builds model, tokenizer, template, cache and thread.
    static Result<std::unique_ptr<Engine>> load(const Options& options, const LoadProgress& progress = {});

    // The same around a model that the caller made (tests).
    static Result<std::unique_ptr<Engine>> create(std::unique_ptr<model::Model> model, Frontend frontend,
                                                  ModelInfo info, const Options& options);
    ~Engine();  // fails what still runs, then joins

    // Takes the request, or refuses it at once: queue_full, context_length_exceeded, unavailable (draining).
    // After success the sink gets exactly one Finished or Failed.
    Result<RequestKey> submit(Request request);

    // Ends the request with Failed{cancelled} within one step; unknown or ended keys are ignored.
    void cancel(RequestKey key);

    // No new requests from now on; those inside go on. wait_idle: true when nothing is left before `until`.
    void drain();
    bool wait_idle(Clock::time_point until);

    EngineStats stats() const;  // a copy of the last step's figures; never waits for a step
    // A copy as well, at most a quarter of a second old while others run; complete when the engine is idle.
    model::ExpertUse experts() const;
    const ModelInfo& info() const;
    const Frontend& frontend() const;  // text <-> tokens; const, any thread

  private:
    struct Core;
    explicit Engine(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace sluice::engine
