#include "tests/support/script.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace sluice::test {
namespace {

Error bad(std::string what) {
    return {ErrorKind::invalid_request, std::move(what), "--script"};
}

std::optional<uint64_t> number(std::string_view text) {
    uint64_t out = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

// A number that seed and place decide alone.
uint64_t chance(uint64_t seed, size_t place) {
    uint64_t x = seed * 0x9E3779B97F4A7C15u + place + 1;
    x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

std::string_view tag_at(std::string_view text) {
    for (const std::string_view tag : kTags) {
        if (text.starts_with(tag)) return tag;
    }
    return {};
}

std::string from_base64(std::string_view text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) break;
        bits = bits << 6 | static_cast<uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xFF);
    }
    return out;
}

// The values of every [[name:value]] in a text, and where the last of all directives ends.
std::vector<std::string_view> directives(std::string_view text, std::string_view name, size_t& last_end) {
    std::vector<std::string_view> out;
    const std::string mark = "[[" + std::string(name) + ":";
    for (size_t at = 0; (at = text.find(mark, at)) != std::string_view::npos;) {
        const size_t begin = at + mark.size(), end = text.find("]]", begin);
        if (end == std::string_view::npos) break;
        out.push_back(text.substr(begin, end - begin));
        last_end = std::max(last_end, end + 2);
        at = end;
    }
    return out;
}

// What a text asks for as the answer number `turn` after it.
std::optional<ScriptedAnswer> steered(std::string_view text, size_t turn, size_t& last_end) {
    const auto says = directives(text, "say", last_end);
    const auto cuts = directives(text, "cut", last_end);
    const auto delays = directives(text, "delay", last_end);
    if (turn >= says.size()) return std::nullopt;
    const auto cut = cuts.empty() ? Result<Cut>(Cut{}) : Cut::parse(cuts.back());
    const auto delay = delays.empty() ? 0 : number(delays.back()).value_or(0);
    return cut_answer(from_base64(says[turn]), cut ? *cut : Cut{}, static_cast<int>(delay));
}

bool contains(std::string_view text, const std::string& part) {
    return text.find(part) != std::string_view::npos;
}

const Turn* last_from_user(const Conversation& c) {
    const auto it =
        std::find_if(c.turns.rbegin(), c.turns.rend(), [](const Turn& t) { return t.role == "user"; });
    return it == c.turns.rend() ? nullptr : &*it;
}

int64_t answers(const Conversation& c) {
    return std::count_if(c.turns.begin(), c.turns.end(), [](const Turn& t) { return t.role == "assistant"; });
}

std::optional<ScriptedAnswer> steered_turn(const Conversation& c) {
    size_t later = 0, end = 0;
    for (auto turn = c.turns.rbegin(); turn != c.turns.rend(); ++turn) {
        if (turn->role == "assistant") ++later;
        if (turn->role == "user" && contains(turn->text, "[[say:")) return steered(turn->text, later, end);
    }
    return std::nullopt;
}

// A template may have written the thought, or its opening tag, that the script leaves to it.
void drop_written_by_template(std::string& said, const std::string& text) {
    for (const std::string_view start : {"<think>\n\n</think>\n\n", "<think>\n"}) {
        if (said.starts_with(start) && !text.starts_with("<think>")) said.erase(0, start.size());
    }
}

}  // namespace

Result<Cut> Cut::parse(std::string_view text) {
    Cut out;
    if (text.ends_with('!')) {
        out.tags = false;
        text.remove_suffix(1);
    }
    if (text == "bytes") return out;
    const bool random = text.starts_with("random:");
    const auto n = number(random ? text.substr(7) : text);
    if (!n || (!random && *n == 0)) return bad("a cut is bytes, a number or random:SEED");
    (random ? out.seed : out.bytes) = *n;
    if (random) out.bytes = 0;
    return out;
}

std::string_view ScriptedAnswer::next(size_t from) const {
    const auto end = std::upper_bound(ends.begin(), ends.end(), from);
    return end == ends.end() ? std::string_view() : std::string_view(text).substr(from, *end - from);
}

ScriptedAnswer cut_answer(std::string text, const Cut& cut, int delay_ms) {
    ScriptedAnswer out{std::move(text), {}, delay_ms};
    const auto whole = [&](size_t at) -> size_t {
        const bool kept = cut.tags && (cut.bytes > 0 || chance(cut.seed, at) % 2 == 0);
        return kept ? tag_at(std::string_view(out.text).substr(at)).size() : 0;
    };
    for (size_t at = 0; at < out.text.size();) {
        size_t length = whole(at);
        if (length == 0) {
            const size_t wanted = cut.bytes > 0 ? cut.bytes : 1 + chance(cut.seed, ~at) % 8;
            do ++length;
            while (length < wanted && at + length < out.text.size() && whole(at + length) == 0);
        }
        out.ends.push_back(at += length);
    }
    return out;
}

bool Script::Rule::matches(const Conversation& c) const {
    if (turn >= 0 && turn != answers(c)) return false;
    const Turn* user = last_from_user(c);
    const auto in_user = [&](const std::string& part) { return user && contains(user->text, part); };
    const auto somewhere = [&](const std::string& part) {
        return std::any_of(c.turns.begin(), c.turns.end(),
                           [&](const Turn& t) { return contains(t.text, part); });
    };
    return std::all_of(when.begin(), when.end(), in_user) &&
           std::all_of(anywhere.begin(), anywhere.end(), somewhere);
}

ScriptedAnswer Script::answer(Conversation& c) const {
    if (c.turns.empty()) {
        size_t end = 0;
        auto found = steered(c.said, 0, end);
        if (found) c.said.erase(0, end);
        return found.value_or(ScriptedAnswer{});
    }
    auto found = steered_turn(c);
    const auto rule = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& r) { return r.matches(c); });
    if (!found && rule != rules_.end()) found = rule->answer;
    const Turn* user = last_from_user(c);
    if (!found) found = cut_answer("You said: " + (user ? user->text : ""), Cut{}, 0);
    drop_written_by_template(c.said, found->text);
    return *found;
}

std::vector<std::string> Script::pieces() const {
    std::vector<std::string> out;
    for (const Rule& rule : rules_) {
        size_t begin = 0;
        for (const size_t end : rule.answer.ends) {
            out.push_back(rule.answer.text.substr(begin, end - begin));
            begin = end;
        }
    }
    return out;
}

Result<Script> Script::parse(const boost::json::value& rules) {
    const auto* list = rules.if_array();
    if (!list) return bad("a script is a list of rules");
    Script out;
    for (const auto& value : *list) {
        if (!value.is_object()) return bad("a rule is an object");
        auto rule = parse_rule(value.get_object());
        if (!rule) return rule.error();
        out.rules_.push_back(std::move(*rule));
    }
    return out;
}

Result<Script::Rule> Script::parse_rule(const boost::json::object& object) {
    Rule rule;
    Cut cut;
    std::vector<std::string> say;
    std::string text;
    int64_t delay = 0;
    for (const auto& [key, value] : object) {
        std::vector<std::string>* list = key == "when"       ? &rule.when
                                         : key == "anywhere" ? &rule.anywhere
                                         : key == "say"      ? &say
                                                             : nullptr;
        if (list && value.is_array()) {
            for (const auto& part : value.get_array()) {
                if (!part.is_string()) return bad(std::string(key) + " is a list of strings");
                list->emplace_back(part.get_string());
            }
        } else if (key == "text" && value.is_string()) {
            text = value.get_string();
        } else if ((key == "turn" || key == "delay_ms") && value.is_int64()) {
            (key == "turn" ? rule.turn : delay) = value.get_int64();
        } else if (key == "cut" && (value.is_string() || value.is_int64())) {
            auto parsed = Cut::parse(value.is_string() ? std::string(value.get_string())
                                                       : std::to_string(value.get_int64()));
            if (!parsed) return parsed.error();
            cut = *parsed;
        } else {
            return bad("'" + std::string(key) + "' is unknown or of the wrong type");
        }
    }
    rule.answer = cut_answer(std::move(text), cut, static_cast<int>(delay));
    for (const std::string& piece : say) {
        if (piece.empty()) return bad("a piece of say is empty");
        rule.answer.text += piece;
        rule.answer.ends.push_back(rule.answer.text.size());
    }
    return rule;
}

}  // namespace sluice::test
