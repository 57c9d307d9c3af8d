// Expressions.
#include <algorithm>
#include <charconv>

#include "engine/chat/jinja/builtins.h"
#include "engine/chat/jinja/parser.h"

namespace sluice::chat::jinja {

ExprPtr Parser::finish(Expr expr) const {
    const auto below = [&](const ExprPtr& child) {
        if (child) expr.height = std::max(expr.height, child->height + 1);
    };
    for (const ExprPtr& item : expr.items) below(item);
    for (const auto& [name, item] : expr.named) below(item);
    below(expr.more);
    below(expr.more_named);
    if (expr.height > kMaxNesting)
        fail("an expression has more than " + std::to_string(kMaxNesting) + " levels");
    return std::make_unique<const Expr>(std::move(expr));
}

ExprPtr Parser::tuple(bool with_condition, bool in_parentheses) {
    Nested nested(*this);
    Expr list = node(ExprKind::tuple);
    bool is_tuple = false;
    const auto at_end = [&] {
        const TokenKind kind = now().kind;
        return kind == TokenKind::print_end || kind == TokenKind::block_end || at_op(")") ||
               (!with_condition && at_name("recursive"));
    };
    while (!at_end()) {
        list.items.push_back(expression(with_condition));
        if (!at_op(",")) break;
        take();
        is_tuple = true;
    }
    if (!is_tuple && list.items.size() == 1) return std::move(list.items.front());
    if (list.items.empty() && !in_parentheses) fail("expected an expression");
    return finish(std::move(list));
}

ExprPtr Parser::expression(bool with_condition) {
    Nested nested(*this);
    if (!with_condition) return any_of();
    const std::optional<SyntaxError> unknown = unknown_;
    ExprPtr value = any_of();
    while (at_name("if")) {
        Expr condition = node(ExprKind::condition);
        take();
        unknown_ = unknown;
        ++guarded_;
        condition.items.push_back(any_of());
        condition.items.push_back(std::move(value));
        condition.items.push_back(skip_name("else") ? expression() : nullptr);
        --guarded_;
        value = finish(std::move(condition));
    }
    return value;
}

ExprPtr Parser::words(ExprKind kind, std::string_view word, ExprPtr (Parser::*operand)()) {
    Expr chain = node(kind);
    chain.items.push_back((this->*operand)());
    while (skip_name(word)) chain.items.push_back((this->*operand)());
    return chain.items.size() == 1 ? std::move(chain.items.front()) : finish(std::move(chain));
}

ExprPtr Parser::any_of() {
    return words(ExprKind::any_of, "or", &Parser::all_of);
}
ExprPtr Parser::all_of() {
    return words(ExprKind::all_of, "and", &Parser::negation);
}

ExprPtr Parser::negation() {
    if (!at_name("not")) return compare();
    Nested nested(*this);
    Expr negation_node = node(ExprKind::negation);
    take();
    negation_node.items.push_back(negation());
    return finish(std::move(negation_node));
}

ExprPtr Parser::compare() {
    static constexpr std::string_view kOps[] = {"==", "!=", "<", "<=", ">", ">="};
    Expr chain = node(ExprKind::compare);
    chain.items.push_back(sum());
    for (;;) {
        if (now().kind == TokenKind::op &&
            std::find(std::begin(kOps), std::end(kOps), now().text) != std::end(kOps)) {
            chain.ops.push_back(take().text);
        } else if (skip_name("in")) {
            chain.ops.emplace_back("in");
        } else if (at_name("not") && ahead().kind == TokenKind::name && ahead().text == "in") {
            take(), take();
            chain.ops.emplace_back("not in");
        } else {
            break;
        }
        chain.items.push_back(sum());
    }
    return chain.ops.empty() ? std::move(chain.items.front()) : finish(std::move(chain));
}

ExprPtr Parser::operators(ExprKind kind, std::initializer_list<std::string_view> ops,
                          ExprPtr (Parser::*operand)()) {
    Expr chain = node(kind);
    chain.items.push_back((this->*operand)());
    while (now().kind == TokenKind::op && std::find(ops.begin(), ops.end(), now().text) != ops.end()) {
        chain.ops.push_back(take().text);
        chain.items.push_back((this->*operand)());
    }
    return chain.ops.empty() ? std::move(chain.items.front()) : finish(std::move(chain));
}

ExprPtr Parser::sum() {
    return operators(ExprKind::arithmetic, {"+", "-"}, &Parser::concat);
}
ExprPtr Parser::concat() {
    return operators(ExprKind::concat, {"~"}, &Parser::product);
}
ExprPtr Parser::product() {
    return operators(ExprKind::arithmetic, {"*", "/", "//", "%"}, &Parser::power);
}
ExprPtr Parser::power() {
    const auto operand = [](Parser& p) { return p.unary(); };
    Expr chain = node(ExprKind::arithmetic);
    chain.items.push_back(operand(*this));
    while (at_op("**")) {
        chain.ops.push_back(take().text);
        chain.items.push_back(operand(*this));
    }
    return chain.ops.empty() ? std::move(chain.items.front()) : finish(std::move(chain));
}

ExprPtr Parser::unary(bool with_filter) {
    Nested nested(*this);
    ExprPtr value;
    if (at_op("-") || at_op("+")) {
        Expr sign = node(at_op("-") ? ExprKind::negative : ExprKind::positive);
        take();
        sign.items.push_back(unary(false));
        value = finish(std::move(sign));
    } else {
        value = primary();
    }
    value = postfix(std::move(value));
    return with_filter ? filters_and_tests(std::move(value)) : std::move(value);
}

ExprPtr Parser::primary() {
    Expr expr = node(ExprKind::constant);
    if (now().kind == TokenKind::name) {
        const std::string name = take().text;
        if (name == "true" || name == "True")
            expr.value = {true};
        else if (name == "false" || name == "False")
            expr.value = {false};
        else if (name == "none" || name == "None")
            expr.value = {None{}};
        else
            expr.kind = ExprKind::name, expr.name = name;
        if (macro_ != nullptr && expr.kind == ExprKind::name) {
            macro_->takes_more |= name == "varargs";
            macro_->takes_named |= name == "kwargs";
            macro_->takes_caller |= name == "caller";
        }
        return finish(std::move(expr));
    }
    if (now().kind == TokenKind::string) {
        std::string text;
        while (now().kind == TokenKind::string) text += take().text;
        expr.value = Value::string(text);
        return finish(std::move(expr));
    }
    if (now().kind == TokenKind::integer || now().kind == TokenKind::real) return number();
    if (skip_op("(")) {
        ExprPtr inner = tuple(true, true);
        expect_op(")");
        return inner;
    }
    if (at_op("[")) return literal_list();
    if (at_op("{")) return literal_dict();
    fail_at_token();
}

ExprPtr Parser::number() {
    Expr expr = node(ExprKind::constant);
    const Token token = take();
    const std::string_view text = token.text;
    const char mark = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    const char* begin = text.data() + (base == 10 ? 0 : 2);
    const char* end = text.data() + text.size();
    std::from_chars_result read{};
    if (token.kind == TokenKind::real) {
        double value = 0;
        read = std::from_chars(begin, end, value);
        if (read.ec == std::errc::result_out_of_range) {  // as in Python: infinite, or zero
            value = std::strtod(token.text.c_str(), nullptr);
            read.ec = {};
        }
        expr.value = {value};
    } else {
        int64_t value = 0;
        read = std::from_chars(begin, end, value, base);
        expr.value = {value};
    }
    if (read.ec != std::errc() || read.ptr != end) fail("the number " + token.text + " cannot be used");
    return finish(std::move(expr));
}

ExprPtr Parser::literal_list() {
    Expr list = node(ExprKind::list);
    take();
    while (!at_op("]")) {
        if (!list.items.empty()) expect_op(",");
        if (at_op("]")) break;
        list.items.push_back(expression());
    }
    take();
    return finish(std::move(list));
}

ExprPtr Parser::literal_dict() {
    Expr dict = node(ExprKind::dict);
    take();
    while (!at_op("}")) {
        if (!dict.items.empty()) expect_op(",");
        if (at_op("}")) break;
        dict.items.push_back(expression());
        expect_op(":");
        dict.items.push_back(expression());
    }
    take();
    return finish(std::move(dict));
}

ExprPtr Parser::postfix(ExprPtr value) {
    while (at_op(".") || at_op("[") || at_op("("))
        value = at_op("(") ? call(std::move(value)) : subscript(std::move(value));
    return value;
}

ExprPtr Parser::filters_and_tests(ExprPtr value) {
    for (;;) {
        if (skip_op("|"))
            value = filter(std::move(value));
        else if (skip_name("is"))
            value = test(std::move(value));
        else if (at_op("("))
            value = call(std::move(value));
        else
            return value;
    }
}

std::string Parser::dotted_name() {
    std::string name = identifier();
    while (skip_op(".")) name += "." + identifier();
    return name;
}

void Parser::unknown(std::string_view what, const Expr& expr) {
    if (guarded_ == 0 && !unknown_)
        unknown_ = SyntaxError{"no " + std::string(what) + " named '" + expr.name + "'", expr.line};
}

ExprPtr Parser::filter(ExprPtr value) {
    Expr expr = node(ExprKind::filter);
    expr.name = dotted_name();
    if (find_filter(expr.name) == nullptr) unknown("filter", expr);
    expr.items.push_back(std::move(value));
    if (at_op("(")) arguments(expr);
    return finish(std::move(expr));
}

ExprPtr Parser::test(ExprPtr value) {
    Expr expr = node(ExprKind::test);
    const bool negated = skip_name("not");
    expr.name = dotted_name();
    if (find_test(expr.name) == nullptr) unknown("test", expr);
    expr.items.push_back(std::move(value));
    const TokenKind kind = now().kind;
    const bool starts_operand = kind == TokenKind::name || kind == TokenKind::string ||
                                kind == TokenKind::integer || kind == TokenKind::real || at_op("[") ||
                                at_op("{");
    if (at_op("(")) {
        arguments(expr);
    } else if (starts_operand && !at_name("else") && !at_name("or") && !at_name("and")) {
        if (at_name("is")) fail("you cannot chain multiple tests with 'is'");
        Nested nested(*this);
        expr.items.push_back(postfix(primary()));
    }
    ExprPtr done = finish(std::move(expr));
    if (!negated) return done;
    Expr negation_node = node(ExprKind::negation);
    negation_node.items.push_back(std::move(done));
    return finish(std::move(negation_node));
}

ExprPtr Parser::subscript(ExprPtr value) {
    Expr expr = node(ExprKind::subscript);
    expr.items.push_back(std::move(value));
    if (skip_op(".")) {
        if (now().kind == TokenKind::integer) {
            expr.items.push_back(number());
            return finish(std::move(expr));
        }
        expr.kind = ExprKind::attribute;
        expr.name = identifier();
        return finish(std::move(expr));
    }
    take();
    Expr keys = node(ExprKind::tuple);
    do {
        if (at_op("]") && !keys.items.empty()) break;
        keys.items.push_back(subscript_key());
    } while (skip_op(","));
    expect_op("]");
    expr.items.push_back(keys.items.size() == 1 ? std::move(keys.items.front()) : finish(std::move(keys)));
    return finish(std::move(expr));
}

ExprPtr Parser::subscript_key() {
    Expr slice = node(ExprKind::slice);
    const auto part = [&]() -> ExprPtr {
        return at_op(":") || at_op("]") || at_op(",") ? nullptr : expression();
    };
    ExprPtr first = part();
    if (!at_op(":")) return first ? std::move(first) : (fail_at_token(), nullptr);
    slice.items.push_back(std::move(first));
    while (slice.items.size() < 3) slice.items.push_back(skip_op(":") ? part() : nullptr);
    return finish(std::move(slice));
}

ExprPtr Parser::call(ExprPtr function) {
    Expr expr = node(ExprKind::call);
    expr.items.push_back(std::move(function));
    arguments(expr);
    return finish(std::move(expr));
}

void Parser::arguments(Expr& call) {
    expect_op("(");
    for (bool first = true; !at_op(")"); first = false) {
        if (!first) expect_op(",");
        if (at_op(")")) break;
        const bool named =
            now().kind == TokenKind::name && ahead().kind == TokenKind::op && ahead().text == "=";
        if (at_op("*") || at_op("**")) {
            ExprPtr& slot = at_op("*") ? call.more : call.more_named;
            take();
            if (slot || call.more_named) fail("invalid syntax for function call expression");
            slot = expression();
        } else if (named) {
            if (call.more_named) fail("invalid syntax for function call expression");
            std::string name = take().text;
            take();
            call.named.emplace_back(std::move(name), expression());
        } else {
            if (!call.named.empty() || call.more || call.more_named)
                fail("invalid syntax for function call expression");
            call.items.push_back(expression());
        }
    }
    take();
}

}  // namespace sluice::chat::jinja
