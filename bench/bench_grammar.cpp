// What keeping to a grammar costs, with a vocabulary of 151,936 tokens.
//   mask/<where>      the tokens that may come at a place where nobody was before
//   mask/known        and where somebody was
//   compile/<what>    a grammar from its schema
//   allow/<what>      taking one's token out of a row of logits with a mask
#include <boost/json/parse.hpp>
#include <random>

#include "bench/kernel_bench.h"
#include "engine/grammar/constraint.h"
#include "engine/grammar/json_schema.h"
#include "engine/sampling/sampler.h"

namespace sluice::bench {
namespace {

namespace json = boost::json;
using namespace grammar;

constexpr int32_t kVocab = 151936;

// All bytes, and words, pieces of words, digits and punctuation of 2 to 12 bytes, as vocabularies have them.
class Words final : public tokenizer::Tokenizer {
  public:
    Words() {
        std::mt19937 random(1);
        const std::string_view letters = "etaoinshrdlucmfwypvbgkjqxz",
                               marks = ".,:;()[]{}\"'<>/\\=+-_*#\n\t ";
        for (int b = 0; b < 256; ++b) words_.emplace_back(1, static_cast<char>(b));
        while (words_.size() < kVocab) {
            const auto kind = random() % 10;
            std::string word = kind < 5 ? " " : "";
            for (size_t n = 2 + random() % 9; n > 0; --n) {
                const std::string_view from = kind == 9 ? marks : letters;
                word += from[std::min<size_t>(random() % from.size(), random() % from.size())];
            }
            words_.push_back(std::move(word));
        }
    }
    std::vector<int32_t> encode(std::string_view text, std::string_view) const override {
        std::vector<int32_t> out;
        for (const char c : text) out.push_back(static_cast<uint8_t>(c));
        return out;
    }
    std::string_view bytes(int32_t token, bool) const override { return words_[static_cast<size_t>(token)]; }
    int32_t vocab_size() const override { return kVocab; }
    bool is_control(int32_t) const override { return false; }
    std::span<const int32_t> end_tokens() const override { return {}; }
    int32_t bos() const override { return -1; }
    bool add_bos() const override { return false; }
    int32_t find(std::string_view) const override { return -1; }

  private:
    std::vector<std::string> words_;
};

std::shared_ptr<const TokenTree> tokens() {
    static const auto made = std::make_shared<const TokenTree>(Words());
    return made;
}

json::value schema_of(std::string_view what) {
    if (what == "short_text") return json::parse(R"({"type":"string","maxLength":200})");
    if (what == "large_integer") return json::parse(R"({"type":"integer","minimum":0,"maximum":100000})");
    json::object properties;  // like the tools of a coding agent: about 27 KB
    const int count = what == "object" ? 8 : 240;
    for (int i = 0; i < count; ++i) {
        const json::value kinds[] = {
            {{"type", "string"}, {"description", "What is to be done, and for whom."}},
            {{"type", "integer"}, {"minimum", 0}, {"maximum", 1000}},
            {{"enum", {"first", "second", "third"}}},
            {{"type", "array"}, {"items", {{"type", "string"}}}}};
        properties["property " + std::to_string(i)] = kinds[i % 4];
    }
    return json::object{{"type", "object"}, {"properties", properties}};
}

std::shared_ptr<const Automaton> compiled(std::string_view what) {
    Builder b;
    return *b.finish(*add_json_schema(b, schema_of(what)));
}

void find_mask(benchmark::State& state, const char* what, const char* text, bool known) {
    const auto automaton = compiled(what);
    const auto walk = [&](Matcher& matcher) {
        for (const char* c = text; *c; ++c) matcher.accept(static_cast<uint8_t>(*c));
    };
    const auto constraint = std::make_shared<Constraint>(automaton, tokens());
    Matcher standing(constraint);
    walk(standing);
    standing.allowed();
    measure(state, 1, [&](int64_t) {
        if (known) {
            benchmark::DoNotOptimize(standing.allowed());
            return Work{};
        }
        Matcher fresh(std::make_shared<Constraint>(automaton, tokens()));
        walk(fresh);
        benchmark::DoNotOptimize(fresh.allowed());
        return Work{};
    });
}

// Every token of a text with a bounded length is at a new place.
void find_next_mask(benchmark::State& state) {
    const auto constraint = std::make_shared<Constraint>(compiled("short_text"), tokens());
    auto matcher = std::make_unique<Matcher>(constraint);
    int written = 0;
    measure(state, 1, [&](int64_t) {
        if (written++ % 190 == 0) {
            matcher = std::make_unique<Matcher>(constraint);
            matcher->accept('"');
        }
        matcher->accept('a');
        benchmark::DoNotOptimize(matcher->allowed());
        return Work{};
    });
}

void compile(benchmark::State& state, const char* what) {
    const json::value schema = schema_of(what);
    measure(state, 1, [&](int64_t) {
        Builder b;
        benchmark::DoNotOptimize(b.finish(*add_json_schema(b, schema)));
        return Work{};
    });
}

void allow(benchmark::State& state, const char* what, const char* text) {
    Matcher matcher(std::make_shared<Constraint>(compiled(what), tokens()));
    for (const char* c = text; *c; ++c) matcher.accept(static_cast<uint8_t>(*c));
    const auto mask = matcher.allowed();
    const sampling::Allowed allowed{mask->few, mask->many, {}};
    std::vector<float> row = gaussian(kVocab, 2.0f);
    sampling::Params params;
    params.temperature = 0.8f;
    const sampling::Sampler sampler(params, {});
    const kernels::LogitOps& ops = backend("").logit_ops();
    measure(state, 1, [&](int64_t turn) {
        benchmark::DoNotOptimize(sampler.sample(ops, row, 0, turn, {}, &allowed));
        return Work{kVocab * int64_t{sizeof(float)}, 0};
    });
}

void add() {
    const auto masks = [](const char* name, const char* what, const char* text, bool known = false) {
        benchmark::RegisterBenchmark(name, find_mask, what, text, known)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    };
    masks("mask/in_string", "object", "{\"property 0\": \"a");
    masks("mask/in_short_string", "short_text", "\"a");
    masks("mask/in_name", "object", "{\"prop");
    masks("mask/in_number", "large_integer", "1");
    benchmark::RegisterBenchmark("mask/next_in_short_string", find_next_mask)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
    masks("mask/known", "object", "{\"property 0\": \"a", true);
    for (const char* what : {"object", "tools"}) {
        benchmark::RegisterBenchmark((std::string("compile/") + what).c_str(), compile, what)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    }
    const auto allows = [](const char* name, const char* text) {
        benchmark::RegisterBenchmark(name, allow, "object", text)
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    };
    allows("allow/few", "{\"prop");
    allows("allow/many", "{\"property 0\": \"a");
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
    return sluice::bench::run(argc, argv, sluice::bench::add);
}
