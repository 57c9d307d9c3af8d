#include "engine/sampling/stop_strings.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::sampling {
namespace {

struct Whole {
    std::string text;
    std::string matched;
    bool operator==(const Whole&) const = default;
};

Whole feed(const std::vector<std::string>& stops, const std::string& text, const std::vector<size_t>& cuts) {
    StopStrings s(stops);
    Whole out;
    size_t from = 0;
    for (const size_t cut : cuts) {
        const auto piece = s.push(std::string_view(text).substr(from, cut - from));
        from = cut;
        out.text += piece.emit;
        if (piece.stopped) return {out.text, piece.matched};
    }
    out.text += s.finish();
    return out;
}

// The definition in plain words: the match that ends first; of those the longest.
Whole oracle(const std::vector<std::string>& stops, const std::string& text) {
    for (size_t end = 0; end <= text.size(); ++end) {
        std::string best;
        for (const auto& s : stops) {
            if (end >= s.size() && text.compare(end - s.size(), s.size(), s) == 0 && s.size() > best.size())
                best = s;
        }
        if (!best.empty()) return {text.substr(0, end - best.size()), best};
    }
    return {text, ""};
}

TEST(StopStrings, EveryCuttingGivesTheSame) {
    std::mt19937 rng(1);
    int stopped = 0;
    for (int round = 0; round < 20000; ++round) {
        const auto word = [&](size_t max) {
            std::string s(1 + rng() % max, 'a');
            for (char& c : s) c = static_cast<char>('a' + rng() % 2);
            return s;
        };
        std::vector<std::string> stops;
        for (size_t i = 0; i < 1 + rng() % 3; ++i) stops.push_back(word(7));
        const std::string text = word(24);
        std::vector<size_t> cuts;
        for (size_t i = 1; i <= text.size(); ++i) {
            if (i == text.size() || rng() % 2) cuts.push_back(i);
        }
        const Whole want = oracle(stops, text);
        stopped += !want.matched.empty();
        ASSERT_EQ(feed(stops, text, cuts), want) << text << " round " << round;
    }
    EXPECT_GT(stopped, 1000);
}

TEST(StopStrings, HoldsBackOnlyWhatMayStillMatch) {
    StopStrings s({"END"});
    EXPECT_EQ(s.push("hello E").emit, "hello ");
    EXPECT_EQ(s.push("N").emit, "");
    EXPECT_EQ(s.push("x").emit, "ENx");
    EXPECT_EQ(s.push("E").emit, "");
    EXPECT_EQ(s.finish(), "E");
}

TEST(StopStrings, WithoutStopsTextPasses) {
    StopStrings s({});
    EXPECT_EQ(s.push("abc").emit, "abc");
    EXPECT_EQ(s.finish(), "");
}

}  // namespace
}  // namespace sluice::sampling
