#include "engine/grammar/gbnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/grammar/characters.h"
#include "engine/grammar/nest.h"
#include "engine/grammar/source.h"

namespace sluice::grammar {
namespace {

constexpr size_t kShownName = 64;  // bytes of a name that an error shows

bool is_of_name(char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

// The character names are ASCII, so a cut cannot fall within one.
std::string shown(std::string_view name) {
    return fmt::format("`{}{}`", name.substr(0, kShownName), name.size() > kShownName ? "..." : "");
}

class Parser {
  public:
    Parser(Builder& builder, std::string_view text)
        : builder_(builder), text_(text), source_(text), characters_(builder, Writing::raw), nest_(builder) {}
    Result<Node> run();

  private:
    struct Rule {
        std::string_view name;
        Node node;
        size_t first_use;
        bool is_defined = false;
    };
    bool goes_on() const { return !error_ && !source_.done() && !builder_.failed(); }
    void define();
    void body();
    void element();
    void skip_blanks(bool lines_too);

    void literal();
    void one_of();
    void take_range(CodePoints& set);
    uint32_t take_character();
    uint32_t take_escape();
    uint32_t take_hex(size_t begin, size_t digits);
    void reference();
    void repeat();
    void repeat_braces();
    void close();

    Rule& rule(std::string_view name, size_t at);
    std::string_view take_name();
    void fail(size_t at, std::string_view what);
    void fail_unknown();

    Builder& builder_;
    const std::string_view text_;
    Source source_;
    Characters characters_;
    Nest nest_;
    std::vector<Rule> rules_;  // in the order of their first mention
    std::unordered_map<std::string_view, size_t> rule_at_;
    std::vector<size_t> groups_;  // where the open ones begin
    std::optional<Error> error_;
};

Result<Node> Parser::run() {
    if (const auto flaw = source_.flaw()) fail(*flaw, "this is not UTF-8");
    skip_blanks(true);
    while (goes_on()) {
        define();
        skip_blanks(true);
    }
    if (!error_ && builder_.failed()) return Node{0};
    for (const Rule& rule : rules_)
        if (!rule.is_defined)
            fail(rule.first_use, fmt::format("the rule {} is not defined", shown(rule.name)));
    const auto root = rule_at_.find("root");
    if (!error_ && root == rule_at_.end()) fail(text_.size(), "there is no rule `root`");
    if (error_) return *error_;
    return rules_[root->second].node;
}

void Parser::define() {
    const size_t begin = source_.at();
    const std::string_view name = take_name();
    if (name.empty()) return fail_unknown();
    Rule& defined = rule(name, begin);
    if (defined.is_defined) return fail(begin, fmt::format("the rule {} is defined twice", shown(name)));
    defined.is_defined = true;
    const Node node = defined.node;
    skip_blanks(false);
    if (!source_.skip("::="))
        return fail(source_.at(), fmt::format("::= must follow the name {}", shown(name)));
    skip_blanks(true);
    body();
    if (builder_.failed()) return;
    if (!groups_.empty()) fail(groups_.back(), "this group is not closed");
    if (!error_) builder_.define(node, nest_.finish());
}

// Up to the end of the rule: a line that does not go on with |.
void Parser::body() {
    for (;;) {
        skip_blanks(nest_.depth() > 0);
        if (!goes_on()) return;
        if (source_.peek() == '\n' || source_.peek() == '\r') {
            skip_blanks(true);
            if (source_.peek() != '|') return;
        }
        element();
    }
}

void Parser::element() {
    switch (source_.peek()) {
        case '"':
            return literal();
        case '[':
            return one_of();
        case '.':
            source_.skip(".");
            return nest_.item(characters_.any());
        case '(':
            groups_.push_back(source_.at());
            source_.skip("(");
            return nest_.open();
        case ')':
            return close();
        case '|':
            source_.skip("|");
            nest_.end_option();
            return skip_blanks(true);
        case '*':
        case '+':
        case '?':
        case '{':
            return repeat();
        case '<':
        case '!':
            return fail(source_.at(), "tokens (<[1000]>, <think>, !<think>) are not supported");
        default:
            return reference();
    }
}

void Parser::skip_blanks(bool lines_too) {
    for (;;) {
        const char c = source_.peek();
        if (c == '#') {
            while (!source_.done() && source_.peek() != '\n' && source_.peek() != '\r') source_.take();
        } else if (c == ' ' || c == '\t' || (lines_too && (c == '\n' || c == '\r'))) {
            source_.take();
        } else {
            return;
        }
    }
}

void Parser::literal() {
    const size_t begin = source_.at();
    source_.skip("\"");
    std::string bytes;
    while (!error_ && source_.peek() != '"') {
        if (source_.done()) return fail(begin, "this literal is not closed");
        append_utf8(bytes, take_character());
    }
    source_.skip("\"");
    nest_.item(builder_.literal(bytes));
}

void Parser::one_of() {
    const size_t begin = source_.at();
    source_.skip("[");
    const bool is_negated = source_.skip("^");
    if (source_.peek() == ']') return fail(begin, "an empty class; write \\] for the bracket itself");
    CodePoints set;
    while (!error_ && source_.peek() != ']') {
        if (source_.done()) return fail(begin, "this class is not closed");
        take_range(set);
    }
    source_.skip("]");
    nest_.item(characters_.one_of(code_points(set, is_negated)));
}

void Parser::take_range(CodePoints& set) {
    const size_t begin = source_.at();
    const uint32_t first = take_character();
    uint32_t last = first;
    if (source_.peek() == '-' && source_.peek(1) != ']') {
        source_.skip("-");
        if (!source_.done()) last = take_character();
    }
    if (last < first) return fail(begin, "the range's end is before its beginning");
    set.emplace_back(first, last);
}

uint32_t Parser::take_character() {
    return source_.peek() == '\\' ? take_escape() : source_.take();
}

uint32_t Parser::take_escape() {
    const size_t begin = source_.at();
    source_.skip("\\");
    switch (source_.done() ? 0 : source_.take()) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'x':
            return take_hex(begin, 2);
        case 'u':
            return take_hex(begin, 4);
        case 'U':
            return take_hex(begin, 8);
        case '"':
        case '\\':
        case '[':
        case ']':
        case '-':
        case '^':
            return static_cast<uint32_t>(source_.since(begin).back());
        default:
            fail(begin, fmt::format("{} is not an escape", source_.since(begin)));
            return 0;
    }
}

uint32_t Parser::take_hex(size_t begin, size_t digits) {
    const auto value = source_.take_hex(digits, digits);
    if (!value) {
        fail(begin, fmt::format("{} hexadecimal digits must follow {}", digits, source_.since(begin)));
    } else if (*value > kMaxCodePoint || is_surrogate(*value)) {
        fail(begin, fmt::format("{} is no character", source_.since(begin)));
    }
    return error_ ? 0 : *value;
}

void Parser::reference() {
    const size_t begin = source_.at();
    const std::string_view name = take_name();
    if (name.empty()) return fail_unknown();
    nest_.item(rule(name, begin).node);
}

void Parser::repeat() {
    if (nest_.is_option_empty()) return fail(source_.at(), "there is nothing that this repeats");
    if (source_.skip("*")) return nest_.repeat(0, kUnbounded);
    if (source_.skip("+")) return nest_.repeat(1, kUnbounded);
    if (source_.skip("?")) return nest_.repeat(0, 1);
    repeat_braces();
}

void Parser::repeat_braces() {
    const size_t begin = source_.at();
    source_.skip("{");
    skip_blanks(true);
    const auto min = source_.take_count();
    auto max = min;
    skip_blanks(true);
    if (source_.skip(",")) {
        skip_blanks(true);
        max = source_.peek() == '}' ? kUnbounded : source_.take_count();
        skip_blanks(true);
    }
    if (!min || !max || !source_.skip("}")) return fail(begin, "a repetition is {m}, {m,} or {m,n}");
    if (*min > kMaxCount || *max > kMaxCount)
        return fail(begin, fmt::format("at most {} repetitions are supported", kMaxCount));
    if (*max != kUnbounded && *max < *min)
        return fail(begin, "the second number of a repetition is less than the first");
    nest_.repeat(*min, *max);
}

void Parser::close() {
    if (groups_.empty()) return fail(source_.at(), "this ) closes no group");
    source_.skip(")");
    groups_.pop_back();
    nest_.close();
}

Parser::Rule& Parser::rule(std::string_view name, size_t at) {
    const auto [known, is_new] = rule_at_.try_emplace(name, rules_.size());
    if (is_new) rules_.push_back({name, builder_.rule(std::string(name)), at});
    return rules_[known->second];
}

std::string_view Parser::take_name() {
    const size_t begin = source_.at();
    while (is_of_name(source_.peek())) source_.take();
    return source_.since(begin);
}

// Columns count characters.
void Parser::fail(size_t at, std::string_view what) {
    if (error_) return;
    const std::string_view before = text_.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::string_view on_line = before.substr(before.rfind('\n') + 1);
    const auto column =
        std::count_if(on_line.begin(), on_line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    error_ = {ErrorKind::invalid_request, fmt::format("line {}, column {}: {}", line, column + 1, what)};
}

void Parser::fail_unknown() {
    const size_t at = source_.at();
    if (source_.done()) return fail(at, "the grammar ends here, within a rule");
    source_.take();
    fail(at, fmt::format("`{}` cannot stand here", source_.since(at)));
}

}  // namespace

Result<Node> add_gbnf(Builder& builder, std::string_view source) {
    if (source.size() > kMaxGbnfBytes) {
        return Error{
            ErrorKind::invalid_request,
            fmt::format("the grammar has {} bytes; at most {} are supported", source.size(), kMaxGbnfBytes)};
    }
    return Parser(builder, source).run();
}

}  // namespace sluice::grammar
