// What /metrics shows: figures of the HTTP side, counted here, and those of the response store and the
// engine, copied at each scrape. vLLM's names, which routers and dashboards know, and sluice:* for our own.
// Any thread.
#pragma once
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "net/responses/store.h"

namespace sluice::net {

using Seconds = std::chrono::duration<double>;

class Metrics {
  public:
    Metrics();
    ~Metrics();

    // Request histograms are labelled with the model's name. Once, before any request is served.
    void set_model(const std::string& name);

    void connection_opened() { connections_total_.Increment(); }
    void connection_failed() { connection_exceptions_.Increment(); }
    void unknown_fields(int count) { unknown_fields_.Increment(count); }
    void tool_parse_failures(int64_t count) { tool_parse_failures_.Increment(static_cast<double>(count)); }
    void cancelled() { cancelled_.Increment(); }
    void rejected(std::string_view reason);  // a word of ours, never of a client

    void first_token(Seconds since_arrival);
    void between_tokens(Seconds gap);
    void finished(const engine::Usage& usage, Seconds whole, Seconds decode);
    void timed(const engine::Timing& timing);  // of each of the call's requests

    // Prometheus text format. `engine` may be null: not loaded.
    std::string text(int64_t connections, const openai::ResponseStore& responses,
                     const engine::Engine* engine) const;

  private:
    prometheus::Registry registry_;
    prometheus::Counter& connections_total_;
    prometheus::Counter& connection_exceptions_;
    prometheus::Counter& unknown_fields_;
    prometheus::Counter& tool_parse_failures_;
    prometheus::Counter& cancelled_;
    prometheus::Family<prometheus::Counter>& rejected_;
    struct Histograms;
    std::unique_ptr<Histograms> histograms_;
};

}  // namespace sluice::net
