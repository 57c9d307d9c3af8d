// Damaged templates and odd inputs: each ends with a text or an error, never with a crash or without end. The
// sanitizers watch; the seed is fixed, so a failure repeats.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/engine/chat/render.h"

namespace sluice::chat {
namespace {

using Random = std::mt19937_64;

std::string read(const std::string& name) {
    std::ifstream in(std::string(SLUICE_TEST_DATA "/") + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

const std::vector<std::string> kPieces = {"{{",
                                          "}}",
                                          "{%",
                                          "%}",
                                          "{#",
                                          "#}",
                                          "-",
                                          "(",
                                          ")",
                                          "[",
                                          "]",
                                          "{",
                                          "}",
                                          "'",
                                          "\"",
                                          "\\",
                                          "|",
                                          ".",
                                          ",",
                                          ":",
                                          "~",
                                          " if ",
                                          " else ",
                                          " for x in ",
                                          " in ",
                                          " is ",
                                          " not ",
                                          "{% endif %}",
                                          "{% endfor %}",
                                          "{% break %}",
                                          "messages",
                                          "range(9999)",
                                          "loop",
                                          "namespace()",
                                          " | join",
                                          " | list",
                                          " | sort",
                                          " | tojson",
                                          " | map('upper')",
                                          "[::-1]",
                                          "[-1]",
                                          " * 99",
                                          " ** 63",
                                          " % 0",
                                          " // -1",
                                          "-9223372036854775807",
                                          "1e308",
                                          "none",
                                          "**",
                                          "caller()",
                                          "\n",
                                          "\xFF",
                                          "\xF0\x9F\x98\x80",
                                          "0x",
                                          "9999999999",
                                          ".items()",
                                          ".format(1)",
                                          " | groupby(0)",
                                          "{% set x %}",
                                          "{% macro f() %}",
                                          "{{ f() }}",
                                          "{% raw %}",
                                          "{%- ",
                                          " -%}",
                                          " | batch(0)",
                                          " | slice(-1)",
                                          " | center(99)",
                                          ".split('')",
                                          "'%s%5d'"};

size_t below(Random& rng, size_t bound) {
    return static_cast<size_t>(rng() % bound);
}

std::string mutated(Random& rng, std::string text) {
    for (size_t changes = 1 + below(rng, 3); changes > 0; --changes) {
        const size_t at = below(rng, text.size() + 1), count = std::min(below(rng, 40), text.size() - at);
        switch (below(rng, 5)) {
            case 0:
                text.insert(at, kPieces[below(rng, kPieces.size())]);
                break;
            case 1:
                text.erase(at, count);
                break;
            case 2:
                text.insert(below(rng, text.size() + 1), text.substr(at, count));
                break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(rng());
                break;
            default:
                text.replace(at, count, kPieces[below(rng, kPieces.size())]);
        }
    }
    return text;
}

boost::json::value random_value(Random& rng, int depth) {
    switch (below(rng, depth > 0 ? 9 : 7)) {
        case 0:
            return nullptr;
        case 1:
            return rng() % 2 == 0;
        case 2:
            return static_cast<int64_t>(rng()) >> below(rng, 64);
        case 3:
            return static_cast<double>(static_cast<int64_t>(rng())) / 1e9;
        case 4:
            return rng();
        case 5:
        case 6:
            return boost::json::string(kPieces[below(rng, kPieces.size())]);
        case 7: {
            boost::json::array list;
            for (size_t i = below(rng, 4); i > 0; --i) list.push_back(random_value(rng, depth - 1));
            return list;
        }
        default: {
            boost::json::object object;
            static constexpr std::string_view kKeys[] = {"role",       "content",  "type", "text",
                                                         "tool_calls", "function", "name"};
            for (size_t i = below(rng, 4); i > 0; --i)
                object[kKeys[below(rng, 7)]] = random_value(rng, depth - 1);
            return object;
        }
    }
}

TemplateInput random_input(Random& rng) {
    TemplateInput input = with_messages(R"([{"role": "user", "content": "Hi \n there"}, {"role": "assistant",
        "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": ""}])");
    for (auto& message : input.messages) {
        if (below(rng, 12) == 0) message = random_value(rng, 3);
    }
    for (size_t i = below(rng, 3); i > 0; --i) input.tools.push_back(random_value(rng, 3));
    if (below(rng, 2) == 0) input.kwargs["x"] = random_value(rng, 3);
    input.add_generation_prompt = below(rng, 2) == 0;
    input.continue_final_message = below(rng, 8) == 0;
    return input;
}

TEST(Mutation, EndsWithATextOrAnError) {
    Random rng(20'240'229);
    const std::vector<std::string> sources = {read("chatml.jinja"), read("headers.jinja"),
                                              read("types.jinja")};
    for (const std::string& source : sources) ASSERT_GT(source.size(), 500u);
    const Budget budget{.steps = 20'000, .depth = 64, .output_bytes = 1 << 16};
    int rendered = 0, refused = 0, failed = 0;
    for (int i = 0; i < 6000; ++i) {
        const std::string source = mutated(rng, sources[below(rng, sources.size())]);
        const auto made = ChatTemplate::parse(source, "<s>", "</s>", some_day);
        if (!made) {
            ++refused;
            EXPECT_FALSE(made.error().message.empty());
            continue;
        }
        const auto prompt = (*made)->render(random_input(rng), budget);
        if (!prompt) {
            ++failed;
            EXPECT_EQ(prompt.error().kind, ErrorKind::invalid_request);
            continue;
        }
        ++rendered;
        ASSERT_EQ(prompt->text.size(), prompt->from_user.size()) << source;
        ASSERT_LE(prompt->text.size(), static_cast<size_t>(budget.output_bytes)) << source;
    }
    // All three happen often, else the mutations are too wild or too tame to show anything.
    EXPECT_GT(rendered, 300);
    EXPECT_GT(refused, 300);
    EXPECT_GT(failed, 300);
}

TEST(Mutation, PiecesInAnyOrder) {
    Random rng(7);
    for (int i = 0; i < 20'000; ++i) {
        std::string source = below(rng, 2) == 0 ? "{{ " : "{% set y = ";
        for (size_t n = below(rng, 8); n > 0; --n) source += kPieces[below(rng, kPieces.size())];
        source += source.starts_with("{{") ? " }}" : " %}{{ y }}";
        const auto prompt = render(source, {}, {.steps = 20'000, .depth = 64, .output_bytes = 1 << 16});
        ASSERT_TRUE(prompt || !prompt.error().message.empty()) << source;
    }
}

}  // namespace
}  // namespace sluice::chat
