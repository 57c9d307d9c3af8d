#include "net/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>

#include "kernels/kv_view.h"

namespace sluice::net {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Bounds = prometheus::Histogram::BucketBoundaries;

// vLLM's bounds, so that dashboards made for it fit.
const Bounds& first_token_bounds() {
    static const Bounds bounds{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                               1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
    return bounds;
}
const Bounds& token_time_bounds() {
    static const Bounds bounds{.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                               .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
    return bounds;
}
const Bounds& request_time_bounds() {
    static const Bounds bounds{.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                               30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
    return bounds;
}
const Bounds& token_count_bounds() {
    static const Bounds bounds{1,    2,    5,    10,    20,    50,    100,    200,   500,
                               1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};
    return bounds;
}

prometheus::Counter& counter(prometheus::Registry& registry, const std::string& name,
                             const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Histogram& histogram(prometheus::Registry& registry, const std::string& model,
                                 const std::string& name, const std::string& help, const Bounds& bounds) {
    return prometheus::BuildHistogram()
        .Name(name)
        .Help(help)
        .Labels({{"model_name", model}, {"engine", "0"}})
        .Register(registry)
        .Add({}, bounds);
}

// Families of the engine's figures, built from one copy of them.
class EngineFamilies {
  public:
    explicit EngineFamilies(const engine::Engine& engine)
        : s_(engine.stats()), m_(engine.info()), use_(engine.experts()) {}

    std::vector<MetricFamily> build() {
        gauges();
        counters();
        success();
        cache_config();
        iteration_tokens();
        if (use_.experts > 0) experts();
        return std::move(out_);
    }

  private:
    ClientMetric metric() const {
        ClientMetric metric;
        metric.label = {{"model_name", m_.name}, {"engine", "0"}};
        return metric;
    }
    MetricFamily& family(const char* name, const char* help, MetricType type) {
        return out_.emplace_back(MetricFamily{name, help, type, {}});
    }
    void gauge(const char* name, const char* help, double value) {
        ClientMetric one = metric();
        one.gauge.value = value;
        family(name, help, MetricType::Gauge).metric.push_back(std::move(one));
    }
    template <class Number>
    void count(const char* name, const char* help, Number value) {
        ClientMetric one = metric();
        one.counter.value = static_cast<double>(value);
        family(name, help, MetricType::Counter).metric.push_back(std::move(one));
    }
    void gauges();
    void counters();
    void success();
    void cache_config();
    void iteration_tokens();
    void experts();

    const engine::EngineStats s_;
    const engine::ModelInfo& m_;
    const model::ExpertUse use_;
    std::vector<MetricFamily> out_;
};

void EngineFamilies::gauges() {
    const double total = static_cast<double>(std::max<int64_t>(s_.blocks_total, 1));
    gauge("vllm:num_requests_running", "Sequences in the running batch.", static_cast<double>(s_.running));
    gauge("vllm:num_requests_waiting", "Requests that wait.", static_cast<double>(s_.waiting));
    gauge("vllm:kv_cache_usage_perc", "Share of KV blocks in use, 0 to 1.",
          static_cast<double>(s_.blocks_used) / total);
    gauge("sluice:kv_blocks_cached", "KV blocks held by nobody and kept for their contents.",
          static_cast<double>(s_.blocks_cached));
}

void EngineFamilies::counters() {
    count("vllm:prompt_tokens_total", "Prompt tokens, computed or cached.", s_.prompt_tokens);
    count("vllm:generation_tokens_total", "Tokens generated.", s_.generation_tokens);
    count("vllm:num_preemptions_total", "Sequences that gave up their blocks.", s_.preemptions);
    count("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.",
          s_.prefix_queries);
    count("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", s_.prefix_hits);
    count("sluice:steps_total", "Passes of the step loop.", s_.steps);
    count("sluice:step_seconds_total", "Time of them, from the plan to the last event.", s_.step_seconds);
    count("sluice:forward_seconds_total", "Time of them inside the model.", s_.forward_seconds);
    count("sluice:requests_failed_total", "Requests that ended with an error.", s_.requests_failed);
    count("sluice:requests_cancelled_total", "Requests that were cancelled.", s_.requests_cancelled);
    count("sluice:moe_ffn_calls_total", "Expert feed-forward layers computed.", s_.moe_ffn_calls);
    count("sluice:dense_ffn_calls_total", "Dense feed-forward layers computed.", s_.dense_ffn_calls);
}

void EngineFamilies::success() {
    MetricFamily& out =
        family("vllm:request_success_total", "Requests that ended with an answer.", MetricType::Counter);
    const std::pair<const char*, int64_t> reasons[] = {{"stop", s_.requests_finished_stop},
                                                       {"length", s_.requests_finished_length}};
    for (const auto& [reason, value] : reasons) {
        ClientMetric one = metric();
        one.label.push_back({"finished_reason", reason});
        one.counter.value = static_cast<double>(value);
        out.metric.push_back(std::move(one));
    }
}

void EngineFamilies::cache_config() {
    ClientMetric one = metric();
    one.label.push_back({"block_size", std::to_string(kernels::kBlockTokens)});
    one.label.push_back({"num_gpu_blocks", std::to_string(s_.blocks_total)});
    one.gauge.value = 1;
    family("vllm:cache_config_info", "Shape of the KV cache.", MetricType::Gauge)
        .metric.push_back(std::move(one));
}

void EngineFamilies::iteration_tokens() {
    ClientMetric one = metric();
    one.histogram.sample_count = static_cast<uint64_t>(s_.steps);
    one.histogram.sample_sum = static_cast<double>(s_.step_tokens);
    double bound = 1;
    for (size_t i = 0; i < s_.iteration_tokens_buckets.size(); ++i) {
        const bool last = i + 1 == s_.iteration_tokens_buckets.size();
        one.histogram.bucket.push_back({static_cast<uint64_t>(s_.iteration_tokens_buckets[i]),
                                        last ? std::numeric_limits<double>::infinity() : bound});
        bound = i == 0 ? 8 : bound * 2;
    }
    family("vllm:iteration_tokens_total", "Tokens of a step.", MetricType::Histogram)
        .metric.push_back(std::move(one));
}

// A series for each layer, not for each expert: of those a model may have thousands, which /experts lists.
void EngineFamilies::experts() {
    count("sluice:experts_used_total", "Experts that a layer used in a step, summed over both.",
          std::accumulate(use_.distinct.begin(), use_.distinct.end(), int64_t{0}));
    MetricFamily& out =
        family("sluice:expert_balancedness",
               "Mean tokens of a layer's experts over those of its busiest, since the load; 1 is even.",
               MetricType::Gauge);
    for (int32_t layer = 0; layer < use_.layers && use_.tokens > 0; ++layer) {
        const auto row =
            std::span(use_.chosen)
                .subspan(static_cast<size_t>(layer * use_.experts), static_cast<size_t>(use_.experts));
        const double sum = static_cast<double>(std::accumulate(row.begin(), row.end(), int64_t{0}));
        ClientMetric one = metric();
        one.label.push_back({"layer", std::to_string(layer)});
        one.gauge.value = sum / static_cast<double>(row.size()) /
                          static_cast<double>(*std::max_element(row.begin(), row.end()));
        out.metric.push_back(std::move(one));
    }
}

}  // namespace

struct Metrics::Histograms {
    Histograms(prometheus::Registry& r, const std::string& model)
        : first_token(histogram(r, model, "vllm:time_to_first_token_seconds",
                                "From the request's arrival to its first token.", first_token_bounds())),
          between_tokens(histogram(r, model, "vllm:inter_token_latency_seconds",
                                   "Between two tokens of a choice.", token_time_bounds())),
          per_token(histogram(r, model, "vllm:request_time_per_output_token_seconds",
                              "Mean time of a request's tokens after the first.", token_time_bounds())),
          whole(histogram(r, model, "vllm:e2e_request_latency_seconds",
                          "From the request's arrival to its end.", request_time_bounds())),
          decode(histogram(r, model, "vllm:request_decode_time_seconds", "From the first token to the end.",
                           request_time_bounds())),
          queued(histogram(r, model, "vllm:request_queue_time_seconds", "From the arrival to the first step.",
                           request_time_bounds())),
          prefill(histogram(r, model, "vllm:request_prefill_time_seconds",
                            "From the first step to the first token.", request_time_bounds())),
          inference(histogram(r, model, "vllm:request_inference_time_seconds",
                              "From the first step to the end.", request_time_bounds())),
          prompt(histogram(r, model, "vllm:request_prompt_tokens", "Prompt tokens of a request.",
                           token_count_bounds())),
          generation(histogram(r, model, "vllm:request_generation_tokens", "Tokens generated for a request.",
                               token_count_bounds())) {}

    prometheus::Histogram &first_token, &between_tokens, &per_token, &whole, &decode;
    prometheus::Histogram &queued, &prefill, &inference, &prompt, &generation;
};

Metrics::Metrics()
    : connections_total_(counter(registry_, "sluice:connections_total", "Connections accepted.")),
      connection_exceptions_(
          counter(registry_, "sluice:connection_exceptions_total", "Connections ended by an error of ours.")),
      unknown_fields_(counter(registry_, "sluice:unknown_fields_total",
                              "Request fields that were ignored because nobody knows them.")),
      tool_parse_failures_(counter(registry_, "sluice:tool_parse_failures_total",
                                   "Tool calls that could not be read and were given back as text")),
      cancelled_(
          counter(registry_, "sluice:disconnects_total", "Requests cancelled because the client went away.")),
      rejected_(prometheus::BuildCounter()
                    .Name("sluice:rejected_total")
                    .Help("Requests refused before they reached the engine, or by it.")
                    .Register(registry_)) {}

Metrics::~Metrics() = default;

void Metrics::set_model(const std::string& name) {
    histograms_ = std::make_unique<Histograms>(registry_, name);
}

void Metrics::rejected(std::string_view reason) {
    rejected_.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::first_token(Seconds since_arrival) {
    histograms_->first_token.Observe(since_arrival.count());
}

void Metrics::between_tokens(Seconds gap) {
    histograms_->between_tokens.Observe(gap.count());
}

void Metrics::finished(const engine::Usage& usage, Seconds whole, Seconds decode) {
    histograms_->whole.Observe(whole.count());
    histograms_->decode.Observe(decode.count());
    histograms_->prompt.Observe(usage.prompt_tokens);
    histograms_->generation.Observe(usage.completion_tokens);
    if (usage.completion_tokens > 1)
        histograms_->per_token.Observe(decode.count() / (usage.completion_tokens - 1));
}

void Metrics::timed(const engine::Timing& timing) {
    histograms_->queued.Observe(Seconds(timing.queued).count());
    histograms_->prefill.Observe(Seconds(timing.prefill).count());
    histograms_->inference.Observe(Seconds(timing.inference).count());
}

std::string Metrics::text(int64_t connections, const openai::ResponseStore& responses,
                          const engine::Engine* engine) const {
    std::vector<MetricFamily> families = registry_.Collect();
    const auto gauge = [&families](const char* name, const char* help, auto value) {
        ClientMetric one;
        one.gauge.value = static_cast<double>(value);
        families.push_back({name, help, MetricType::Gauge, {std::move(one)}});
    };
    gauge("sluice:connections", "Connections open now.", connections);
    const openai::StoreCounts stored = responses.counts();
    gauge("sluice:stored_responses", "Responses kept for later.", stored.kept);
    gauge("sluice:stored_response_bytes", "Bytes of them and of what they go on from.", stored.bytes);
    gauge("sluice:background_responses", "Responses that go on without their client.", stored.running);
    if (engine) {
        for (MetricFamily& family : EngineFamilies(*engine).build()) families.push_back(std::move(family));
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace sluice::net
