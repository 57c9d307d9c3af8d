// Against an independent forward pass in numpy (tools/make_goldens.py), on every instruction set of the
// machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/engine/model/model_fixture.h"

namespace sluice {
namespace {

struct Golden {
    tools::TinySpec spec;
    std::vector<int32_t> prompt, greedy;
    std::map<int32_t, std::vector<float>> logits;
    std::map<int32_t, std::vector<std::pair<int32_t, double>>> top;
};

tools::TinySpec read_spec(std::istream& words) {
    tools::TinySpec s;
    const std::map<std::string, int32_t*> numbers{
        {"--layers", &s.layers},     {"--hidden", &s.hidden},    {"--heads", &s.heads},
        {"--ffn", &s.ffn},           {"--experts", &s.experts},  {"--experts-used", &s.experts_used},
        {"--head-dim", &s.head_dim}, {"--kv-heads", &s.kv_heads}};
    for (std::string flag; words >> flag;) {
        if (flag == "--tied") {
            s.tied = true;
        } else if (flag == "--arch") {
            words >> s.arch;
        } else if (flag == "--type") {
            words >> s.type;
        } else if (flag == "--pre") {
            words >> s.pre;
        } else if (flag == "--seed") {
            words >> s.seed;
        } else {
            EXPECT_TRUE(numbers.contains(flag)) << flag;
            words >> *numbers.at(flag);
        }
    }
    return s;
}

std::vector<float> floats_of(const std::string& hex) {
    std::vector<unsigned char> bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<unsigned char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    std::vector<float> out(bytes.size() / 4);
    std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
}

Golden read_golden(const std::filesystem::path& path) {
    Golden g;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string kind;
        words >> kind;
        int32_t number = 0;
        if (kind == "model") {
            g.spec = read_spec(words);
        } else if (kind == "prompt") {
            while (words >> number) g.prompt.push_back(number);
        } else if (kind == "greedy") {
            while (words >> number) g.greedy.push_back(number);
        } else if (kind == "logits") {
            std::string hex;
            words >> number >> hex;
            g.logits[number] = floats_of(hex);
        } else if (kind == "top") {
            words >> number;
            char colon;
            double logprob;
            for (int32_t token; words >> token >> colon >> logprob;)
                g.top[number].emplace_back(token, logprob);
        }
    }
    return g;
}

std::vector<std::string> names(bool quantised) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(SLUICE_GOLDENS)) {
        const Golden g = read_golden(entry.path());
        if (g.greedy.empty() == quantised) out.push_back(entry.path().stem().string());
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::span<const float> row(const std::vector<float>& logits, size_t index, int32_t vocab) {
    return std::span(logits).subspan(index * static_cast<size_t>(vocab), static_cast<size_t>(vocab));
}
int32_t likeliest(std::span<const float> logits) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

class FloatGoldens : public testing::TestWithParam<std::string> {};

TEST_P(FloatGoldens, logits_agree_and_64_greedy_tokens_are_the_same) {
    const Golden g = read_golden(std::string(SLUICE_GOLDENS) + "/" + GetParam() + ".txt");
    ASSERT_EQ(g.greedy.size(), 64u);
    for (const std::string& isa : kernels::available_cpu_isas()) {
        test::ModelFixture fixture(g.spec, kernels::make_cpu_backend({2, isa}));
        const int32_t vocab = fixture.config().vocab;
        const auto logits = fixture.forward(g.prompt);
        float worst = 0;
        for (const auto& [position, want] : g.logits) {
            const auto got = row(logits, static_cast<size_t>(position), vocab);
            ASSERT_EQ(got.size(), want.size());
            for (size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::fabs(got[i] - want[i]));
        }
        EXPECT_LE(worst, 2e-3f) << isa;
        RecordProperty("worst_logit_difference_" + isa, std::to_string(worst));
        std::vector<int32_t> made{likeliest(row(logits, g.prompt.size() - 1, vocab))};
        while (made.size() < 64) {
            const auto position = static_cast<int32_t>(g.prompt.size() + made.size() - 1);
            made.push_back(likeliest(fixture.forward({&made.back(), 1}, position)));
        }
        EXPECT_EQ(made, g.greedy) << isa;
    }
}

INSTANTIATE_TEST_SUITE_P(All, FloatGoldens, testing::ValuesIn(names(false)),
                         [](const auto& i) { return i.param; });

class QuantisedGoldens : public testing::TestWithParam<std::string> {};

// KL(reference, ours) over the 16 likeliest tokens and all others together.
double divergence(const std::vector<std::pair<int32_t, double>>& top, std::span<const float> logits) {
    double greatest = *std::max_element(logits.begin(), logits.end()), sum = 0;
    for (const float x : logits) sum += std::exp(x - greatest);
    const double log_sum = greatest + std::log(sum);
    double kl = 0, rest = 1, our_rest = 1;
    for (const auto& [token, logprob] : top) {
        const double ours = logits[static_cast<size_t>(token)] - log_sum, p = std::exp(logprob);
        kl += p * (logprob - ours);
        rest -= p;
        our_rest -= std::exp(ours);
    }
    if (rest > 1e-9 && our_rest > 1e-9) kl += rest * std::log(rest / our_rest);
    return kl;
}

TEST_P(QuantisedGoldens, distributions_agree_at_512_positions) {
    const Golden g = read_golden(std::string(SLUICE_GOLDENS) + "/" + GetParam() + ".txt");
    ASSERT_GE(g.top.size(), 512u);
    test::ModelFixture fixture(g.spec, kernels::make_cpu_backend({2, ""}), kernels::DType::f16);
    const auto logits = fixture.forward_in_chunks(g.prompt, 64);
    double kl = 0;
    int same = 0;
    for (const auto& [position, top] : g.top) {
        const auto ours = row(logits, static_cast<size_t>(position), fixture.config().vocab);
        kl += divergence(top, ours);
        same += likeliest(ours) == top.front().first;
    }
    const auto positions = static_cast<double>(g.top.size());
    EXPECT_LE(kl / positions, 1e-3);
    EXPECT_GE(same / positions, 0.99);
    RecordProperty("mean_kl", std::to_string(kl / positions));
    RecordProperty("top_1", std::to_string(same / positions));
    std::printf("%s: mean KL %.2e, top-1 %.4f\n", GetParam().c_str(), kl / positions, same / positions);
}

INSTANTIATE_TEST_SUITE_P(All, QuantisedGoldens, testing::ValuesIn(names(true)),
                         [](const auto& i) { return i.param; });

TEST(Goldens, are_all_there) {
    EXPECT_EQ(names(false).size(), 9u);
    EXPECT_EQ(names(true).size(), 6u);
}

}  // namespace
}  // namespace sluice
