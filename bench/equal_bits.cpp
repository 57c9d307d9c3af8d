// The same requests under other circumstances: how many bits of tokens and logprobs differ. bench/compare.py
// runs it. One line of JSON for each circumstance on the standard output, the usual one first:
//   {"usual": "cpu/avx512 repacked, 2 threads", "different_answers": 1000, "tokens_per_step": 55.1}
//   {"against": "1 at a time", "tokens": 100000, "differing_bits": 0, "tokens_per_step": 1.0}
#include <CLI/CLI.hpp>
#include <bit>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <random>
#include <set>

#include "engine/engine.h"
#include "kernels/backend.h"

namespace sluice::bench {
namespace {

using Words = std::vector<uint32_t>;  // all that a client sees of one request

constexpr int32_t kTokens = 100;            // of a request
constexpr size_t kShort = 80, kLong = 300;  // prompts; attention splits contexts from 256 tokens on
constexpr uint64_t kScalarPortion = 50;     // code without vectors is slow: one request of so many

class Recorder : public engine::EventSink {
  public:
    void on_event(engine::Event event) override {
        if (auto* delta = std::get_if<engine::Delta>(&event)) return take(*delta);
        const auto* failed = std::get_if<engine::Failed>(&event);
        if (!failed && !std::holds_alternative<engine::Finished>(event)) return;
        const std::lock_guard lock(mutex_);
        if (failed) error_ = failed->error.message;
        ended_ = true;
        changed_.notify_all();
    }
    Result<Words> wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_; });
        if (!error_.empty()) return Error{ErrorKind::internal, error_};
        return words_;
    }

  private:
    void take(const engine::Delta& delta) {
        for (const int32_t token : delta.tokens) words_.push_back(static_cast<uint32_t>(token));
        for (const auto& one : delta.logprobs) {
            words_.push_back(std::bit_cast<uint32_t>(one.chosen.logprob));
            for (const auto& top : one.top) {
                words_.push_back(static_cast<uint32_t>(top.token));
                words_.push_back(std::bit_cast<uint32_t>(top.logprob));
            }
        }
    }

    Words words_;  // written by the engine's thread, read after the end
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string error_;
    bool ended_ = false;
};

// Short prompts and every eighth a long one, greedy and sampled.
std::vector<engine::Request> make_requests(uint64_t count) {
    std::mt19937 rng(11);
    std::vector<engine::Request> requests(count);
    for (size_t i = 0; i < count; ++i) {
        engine::Request& r = requests[i];
        const auto extra = static_cast<size_t>(rng() % kShort);
        r.prompt.resize(i % 8 == 5 ? kLong + extra : 1 + extra);
        for (int32_t& token : r.prompt) token = static_cast<int32_t>(rng() % 250);  // plain bytes
        r.max_tokens = kTokens;
        r.ignore_eos = true;
        r.sampling.temperature = i % 4 == 0 ? 0.0f : 0.9f;
        r.sampling.seed = i;
        r.sampling.top_logprobs = 2;
    }
    return requests;
}

struct Circumstance {
    std::string name;
    engine::Options options;
    bool one_at_a_time = false;
    uint64_t portion = 1;  // every so many requests
};

struct Answers {
    std::vector<Words> words;
    std::string made_by;
    double tokens_per_step;
};

Result<Answers> answers(const Circumstance& how, const std::vector<engine::Request>& requests) {
    auto engine = engine::Engine::load(how.options);
    if (!engine) return engine.error();
    std::vector<std::shared_ptr<Recorder>> recorders;
    for (size_t i = 0; i < requests.size(); i += how.portion) {
        engine::Request request = requests[i];
        request.sink = recorders.emplace_back(std::make_shared<Recorder>());
        if (const auto key = (*engine)->submit(std::move(request)); !key) return key.error();
        if (how.one_at_a_time) (void)recorders.back()->wait();
    }
    Answers found;
    for (const auto& recorder : recorders) {
        auto words = recorder->wait();
        if (!words) return words.error();
        found.words.push_back(std::move(*words));
    }
    const auto stats = (*engine)->stats();
    const auto& info = (*engine)->info();
    found.made_by = info.backend + " " + info.weights + ", " + std::to_string(info.threads) + " threads";
    found.tokens_per_step = static_cast<double>(stats.generation_tokens) / static_cast<double>(stats.steps);
    return found;
}

// A word that one of them lacks counts as a whole.
uint64_t differing_bits(const Words& a, const Words& b) {
    const size_t both = std::min(a.size(), b.size());
    uint64_t bits = 32 * (std::max(a.size(), b.size()) - both);
    for (size_t i = 0; i < both; ++i) bits += static_cast<uint64_t>(std::popcount(a[i] ^ b[i]));
    return bits;
}

std::vector<Circumstance> circumstances(const engine::Options& usual) {
    std::vector<Circumstance> all = {{"1 at a time", usual, true}, {"mapped", usual}, {"1 thread", usual}};
    all[1].options.weights = engine::WeightLayout::mapped;
    all[2].options.threads = 1;
    for (const std::string& isa : kernels::available_cpu_isas()) {
        if (isa == usual.isa) continue;
        all.push_back({isa, usual, false, isa == "scalar" ? kScalarPortion : 1});
        all.back().options.isa = isa;
    }
    return all;
}

void print_usual(const Answers& a) {
    const std::set<Words> different(a.words.begin(), a.words.end());
    std::printf("{\"usual\": \"%s\", \"different_answers\": %zu, \"tokens_per_step\": %.1f}\n",
                a.made_by.c_str(), different.size(), a.tokens_per_step);
}

uint64_t print_difference(const Circumstance& how, const Answers& got, const Answers& want) {
    uint64_t bits = 0;
    for (size_t i = 0; i < got.words.size(); ++i)
        bits += differing_bits(got.words[i], want.words[i * how.portion]);
    std::printf(
        "{\"against\": \"%s\", \"tokens\": %zu, \"differing_bits\": %llu, \"tokens_per_step\": %.1f}\n",
        how.name.c_str(), got.words.size() * kTokens, static_cast<unsigned long long>(bits),
        got.tokens_per_step);
    std::fflush(stdout);
    return bits;
}

Result<bool> compare(const engine::Options& usual, uint64_t tokens) {
    const auto requests = make_requests((tokens + kTokens - 1) / kTokens);
    const auto want = answers({"usual", usual}, requests);
    if (!want) return want.error();
    print_usual(*want);
    bool equal = true;
    for (const Circumstance& how : circumstances(usual)) {
        const auto got = answers(how, requests);
        if (!got) return got.error();
        equal = print_difference(how, *got, *want) == 0 && equal;
    }
    return equal;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    using namespace sluice;
    engine::Options usual;
    uint64_t tokens = 100'000;
    CLI::App app{
        "Counts the bits that differ between 64 requests at once, repacked, with 2 threads and the best "
        "instruction set, and the same under other circumstances. Exit status 1 if any does, 2 if it could "
        "not be tried."};
    app.add_option("model", usual.model_path, "GGUF file; none: the model inside the program");
    app.add_option("--tokens", tokens, "to compare, for each circumstance")
        ->check(CLI::Range(1, 100'000'000));
    CLI11_PARSE(app, argc, argv);
    usual.isa = kernels::available_cpu_isas().back();
    usual.weights = engine::WeightLayout::repacked;
    usual.threads = 2;
    usual.max_running = 64;
    usual.max_queue = static_cast<int32_t>(tokens);
    usual.kv_memory_bytes = 256u << 20;
    const auto equal = bench::compare(usual, tokens);
    if (equal) return *equal ? 0 : 1;
    std::fprintf(stderr, "equal_bits: %s\n", equal.error().message.c_str());
    return 2;
}
