#include "engine/chat/canonical.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "engine/chat/tool_call.h"

namespace sluice::chat {
namespace {

namespace json = boost::json;

// Sorts keys, and writes 2.0 as 2. The parser bounds the depth.
void normalise(json::value& value) {
    constexpr double kExact = 9007199254740992.0;  // integers below are exact
    if (auto* object = value.if_object()) {
        std::vector<std::string> keys;
        for (const auto& member : *object) keys.emplace_back(member.key());
        std::sort(keys.begin(), keys.end());
        json::object sorted;
        for (const std::string& key : keys) {
            normalise((*object)[key]);
            sorted.emplace(key, std::move((*object)[key]));
        }
        *object = std::move(sorted);
    } else if (auto* array = value.if_array()) {
        for (json::value& one : *array) normalise(one);
    } else if (const double* number = value.if_double()) {
        if (std::abs(*number) < kExact && std::trunc(*number) == *number)
            value = static_cast<int64_t>(*number);
    } else if (value.is_uint64() && value.get_uint64() < static_cast<uint64_t>(kExact)) {
        value = static_cast<int64_t>(value.get_uint64());
    }
}

json::value arguments(const std::string& text) {
    auto value = parse_deep(text);
    if (!value) return json::value(text);  // cut off: as it is
    normalise(*value);
    return *value;
}

}  // namespace

std::string canonical_answer(AnswerParser& parser, std::string_view text) {
    std::vector<AnswerPart> parts;
    parser.push(text, parts);
    parser.finish(parts);
    parser.restart();
    std::string content, reasoning;
    std::vector<std::pair<std::string, std::string>> calls;
    for (const AnswerPart& part : parts) {
        if (const auto* said = std::get_if<ContentDelta>(&part)) content += said->text;
        if (const auto* thought = std::get_if<ReasoningDelta>(&part)) reasoning += thought->text;
        if (const auto* begun = std::get_if<CallBegun>(&part)) calls.emplace_back(begun->name, "");
        if (const auto* more = std::get_if<CallArguments>(&part)) calls.back().second += more->text;
    }
    json::array out{json::value(trimmed(reasoning)), json::value(trimmed(content))};
    for (const auto& [name, text_of] : calls) {
        out.emplace_back(name);
        out.push_back(arguments(text_of));
    }
    return json::serialize(out);
}

}  // namespace sluice::chat
