#include "engine/grammar/regex.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/grammar/nest.h"
#include "engine/grammar/regex_escape.h"
#include "engine/grammar/source.h"

namespace sluice::grammar {
namespace {

const CodePoints kNewline = {{'\n', '\n'}};  // to some dialects the only end of a line
const CodePoints kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kRefusedGroups{{
    {"?=", "lookahead here"},
    {"?!", "lookahead here"},
    {"?<=", "lookbehind"},
    {"?<!", "lookbehind"},
    {"?>", "an atomic group"},
    {"?P=", "a back reference"},
    {"?P>", "a call of a group"},
    {"?#", "a comment"},
}};

bool is_one(const CodePoints& set) {
    return set.size() == 1 && set.front().first == set.front().second;
}

class Parser {
  public:
    Parser(Builder& builder, std::string_view pattern, RegexText text)
        : builder_(builder),
          source_(pattern, text.begin),
          text_(text),
          characters_(builder, text.writing),
          nest_(builder) {}
    Result<Node> run();

  private:
    struct Times {
        int32_t min, max;
    };
    void step();
    void begin_option();
    void end_option();
    void open_group();
    void skip_group_kind(size_t begin);
    void close_group();
    void end_anchor();
    void one_of(const CodePoints& set);
    void repeat();
    bool is_quantifier_next() const;
    Times take_times();
    Times take_braces();

    CodePoints take_class();
    void take_class_range(CodePoints& set, bool is_negated);
    CodePoints take_member(bool is_negated);
    CodePoints take_escape(bool in_class, bool is_negated);

    bool is_option_over() const { return source_.done() || source_.peek() == '|'; }
    void fail(size_t at, std::string_view what) {
        if (!error_) error_ = {ErrorKind::invalid_request, fmt::format("at byte {}: {}", at, what)};
    }

    Builder& builder_;
    Source source_;
    const RegexText text_;
    Characters characters_;
    Nest nest_;
    std::vector<size_t> groups_;  // where the open ones begin
    bool is_end_anchored_ = false;
    std::string class_escapes_;  // the letters of those in this class
    std::optional<Error> error_;
};

Result<Node> Parser::run() {
    if (const auto flaw = source_.flaw()) fail(*flaw, "this is not UTF-8");
    if (!error_) begin_option();
    while (!error_ && !source_.done() && !builder_.failed()) step();
    if (!error_ && builder_.failed()) return Node{0};
    if (!error_ && !groups_.empty()) fail(groups_.back(), "this group is not closed");
    if (error_) return *error_;
    if (!text_.whole && !is_end_anchored_) nest_.item(characters_.any_text());
    return nest_.finish();
}

void Parser::step() {
    const size_t at = source_.at();
    switch (source_.peek()) {
        case '(':
            return open_group();
        case ')':
            return close_group();
        case '|':
            source_.skip("|");
            end_option();
            return begin_option();
        case '^':
            return fail(at, "^ is supported only at the beginning of an alternative outside of groups");
        case '$':
            return end_anchor();
        case '[':
            return one_of(take_class());
        case '.':
            source_.skip(".");
            return one_of(code_points(text_.is_unwanted ? kNewline : kLineEnds, true));
        case '\\':
            return one_of(take_escape(false, false));
        default:
            if (is_quantifier_next()) return fail(at, "there is nothing that this quantifier repeats");
            const uint32_t c = source_.take();
            return one_of({{c, c}});
    }
}

void Parser::begin_option() {
    is_end_anchored_ = false;
    if (nest_.depth() > 0) return;
    if (!source_.skip("^") && !text_.whole && !text_.at_start) nest_.item(characters_.any_text());
}

void Parser::end_option() {
    if (nest_.depth() == 0 && !text_.whole && !is_end_anchored_) nest_.item(characters_.any_text());
    nest_.end_option();
}

void Parser::end_anchor() {
    const size_t at = source_.at();
    source_.skip("$");
    is_end_anchored_ = true;
    if (nest_.depth() > 0 || !is_option_over())
        fail(at, "$ is supported only at the end of an alternative outside of groups");
}

void Parser::open_group() {
    const size_t begin = source_.at();
    source_.skip("(");
    if (source_.peek() == '?') skip_group_kind(begin);
    groups_.push_back(begin);
    nest_.open();
}

void Parser::skip_group_kind(size_t begin) {
    if (source_.skip("?:")) return;
    for (const auto& [kind, what] : kRefusedGroups)
        if (source_.skip(kind)) return fail(begin, fmt::format("{} is not supported: ({}", what, kind));
    if (!source_.skip("?<") && !source_.skip("?P<")) return fail(begin, "flags are not supported: (?");
    const size_t name = source_.at();
    while (is_letter(source_.peek()) || is_digit(source_.peek()) || source_.peek() == '_') source_.take();
    if (source_.at() == name || !source_.skip(">"))
        fail(begin, "a group's name is letters, digits and _, then >");
}

void Parser::close_group() {
    if (groups_.empty()) return fail(source_.at(), "this ) closes no group");
    source_.skip(")");
    groups_.pop_back();
    nest_.close();
    repeat();
}

// A single character joins the text before it, unless it is repeated.
void Parser::one_of(const CodePoints& set) {
    if (error_) return;
    if (!is_one(set)) {
        nest_.item(characters_.one_of(set));
        return repeat();
    }
    std::string written;
    append_written(written, set.front().first, text_.writing);
    if (!is_quantifier_next()) return nest_.text(written);
    nest_.item(builder_.literal(written));
    repeat();
}

bool Parser::is_quantifier_next() const {
    const char next = source_.peek();
    if (next == '{') return is_digit(source_.peek(1)) || source_.peek(1) == ',';
    return next == '*' || next == '+' || next == '?';
}

void Parser::repeat() {
    if (!is_quantifier_next()) return;
    const Times times = take_times();
    source_.skip("?");  // lazy: which match is found first does not change which texts match
    if (is_quantifier_next()) fail(source_.at(), "a quantifier cannot follow a quantifier");
    if (!error_) nest_.repeat(times.min, times.max);
}

Parser::Times Parser::take_times() {
    if (source_.skip("*")) return {0, kUnbounded};
    if (source_.skip("+")) return {1, kUnbounded};
    if (source_.skip("?")) return {0, 1};
    return take_braces();
}

Parser::Times Parser::take_braces() {
    const size_t begin = source_.at();
    source_.skip("{");
    const auto min = source_.take_count();
    auto max = min;
    if (source_.skip(",")) max = source_.peek() == '}' ? kUnbounded : source_.take_count();
    if (!min || !max || !source_.skip("}")) {
        fail(begin, "a quantifier in braces is {m}, {m,} or {m,n}");
        return {0, 0};
    }
    if (*min > kMaxCount || *max > kMaxCount)
        fail(begin, fmt::format("at most {} repetitions are supported", kMaxCount));
    if (*max != kUnbounded && *max < *min)
        fail(begin, "the second number of a quantifier is less than the first");
    return {*min, *max};
}

CodePoints Parser::take_class() {
    const size_t begin = source_.at();
    source_.skip("[");
    const bool is_negated = source_.skip("^");
    if (source_.peek() == ']') fail(begin, "an empty class; write \\] for the bracket itself");
    CodePoints set;
    class_escapes_.clear();
    size_t tidy_at = 1024;
    while (!error_ && source_.peek() != ']') {
        if (source_.done()) {
            fail(begin, "this class is not closed");
            return {};
        }
        take_class_range(set, is_negated);
        if (set.size() < tidy_at) continue;
        set = code_points(set, false);
        tidy_at = 1024 + 2 * set.size();
    }
    source_.skip("]");
    const auto has = [this](char c) { return class_escapes_.find(c) != std::string::npos; };
    if ((has('d') && has('D')) || (has('w') && has('W')) || (has('s') && has('S')))
        set = {{0, kMaxCodePoint}};  // whatever the dialect
    return code_points(set, is_negated);
}

void Parser::take_class_range(CodePoints& set, bool is_negated) {
    const size_t begin = source_.at();
    if (source_.peek() == '[' && source_.peek(1) == ':')
        return fail(begin, "a class like [:alpha:] is not supported; write \\[: for the characters");
    const CodePoints first = take_member(is_negated);
    set.insert(set.end(), first.begin(), first.end());
    if (error_ || source_.peek() != '-' || source_.peek(1) == ']' || source_.peek(1) == '\0') return;
    source_.skip("-");
    const CodePoints last = take_member(is_negated);
    if (error_) return;
    if (is_one(first) && is_one(last)) {
        if (last.front().first < first.front().first)
            return fail(begin, "the range's end is before its beginning");
        set.emplace_back(first.front().first, last.front().first);
    } else {  // \w-. are three members
        set.emplace_back('-', '-');
        set.insert(set.end(), last.begin(), last.end());
    }
}

CodePoints Parser::take_member(bool is_negated) {
    if (source_.peek() == '\\') {
        class_escapes_ += source_.peek(1);
        return take_escape(true, is_negated);
    }
    const uint32_t c = source_.take();
    return {{c, c}};
}

// What a negated class leaves out is best taken widely, and so is what must not be.
CodePoints Parser::take_escape(bool in_class, bool is_negated) {
    const size_t at = source_.at();
    auto set = take_regex_escape(source_, in_class, is_negated != text_.is_unwanted);
    if (!set) fail(at, set.error().message);
    return set ? std::move(*set) : CodePoints{};
}

}  // namespace

Result<Node> add_regex(Builder& builder, std::string_view pattern, RegexText text) {
    if (pattern.size() > kMaxPatternBytes) {
        return Error{ErrorKind::invalid_request,
                     fmt::format("the pattern has {} bytes; at most {} are supported", pattern.size(),
                                 kMaxPatternBytes)};
    }
    return Parser(builder, pattern, text).run();
}

}  // namespace sluice::grammar
