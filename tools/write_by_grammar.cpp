// Writes random texts of grammars, for the tests that ask others whether those texts are right.
//   write_by_grammar < cases > answers
// One JSON object a line: "schema" (JSON Schema), "regex" or "gbnf"; "count", "seed". One answer a line:
// {"texts": [...]}, or {"error": ...}.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <random>
#include <string>

#include "engine/grammar/gbnf.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/positions.h"
#include "engine/grammar/regex.h"

using namespace sluice;
namespace json = boost::json;

namespace {

constexpr size_t kSoon = 150;  // bytes after which texts hurry to their end
constexpr size_t kLongest = 4'000;

Result<std::shared_ptr<const grammar::Automaton>> compile(const json::object& from) {
    grammar::Builder builder;
    const auto start = [&]() -> Result<grammar::Node> {
        if (const auto* schema = from.if_contains("schema")) return add_json_schema(builder, *schema);
        if (const auto* regex = from.if_contains("regex")) return add_regex(builder, regex->as_string(), {});
        return add_gbnf(builder, from.at("gbnf").as_string());
    }();
    if (!start) return start.error();
    return builder.finish(*start);
}

// Bytes at random; what closes things first once the text is long.
json::value write(grammar::Positions& positions, std::mt19937& random) {
    static constexpr std::string_view kClosing = "\"}]0t1n:,";
    std::string text;
    int32_t place = positions.start();
    while (positions.can_go_on(place)) {
        if (positions.can_end(place) && (text.size() > kSoon || random() % 4 == 0)) break;
        if (text.size() > kLongest) return nullptr;
        std::string bytes;
        for (int b = 0; b < 256; ++b)
            if (positions.next(place, static_cast<uint8_t>(b)) != grammar::Positions::kNowhere)
                bytes += static_cast<char>(b);
        if (bytes.empty()) return nullptr;  // as deep as stacks may be
        char byte = bytes[random() % bytes.size()];
        const auto closing = std::find_if(kClosing.begin(), kClosing.end(),
                                          [&](char c) { return bytes.find(c) != std::string::npos; });
        if (closing != kClosing.end() && random() % 8 < (text.size() > kSoon ? 7u : 1u)) byte = *closing;
        text += byte;
        place = positions.next(place, static_cast<uint8_t>(byte));
    }
    return json::value(text);
}

}  // namespace

int main() {
    std::ios::sync_with_stdio(false);
    try {
        for (std::string line; std::getline(std::cin, line);) {
            const json::object from = json::parse(line).as_object();
            json::object answer;
            if (const auto automaton = compile(from); !automaton) {
                answer["error"] = automaton.error().message;
            } else {
                grammar::Positions positions(*automaton);
                std::mt19937 random(static_cast<unsigned>(from.at("seed").as_int64()));
                json::array texts;
                for (int64_t i = 0; i < from.at("count").as_int64(); ++i)
                    texts.push_back(write(positions, random));
                answer["texts"] = std::move(texts);
            }
            std::cout << json::serialize(answer) << '\n';
        }
    } catch (const std::exception& error) {  // a case that is not written as the first lines say
        std::cerr << "write_by_grammar: " << error.what() << '\n';
        return 1;
    }
    return std::cout.flush() ? 0 : 1;
}
