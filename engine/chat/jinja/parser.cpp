// Statements. Expressions are in parser_expr.cpp.
#include "engine/chat/jinja/parser.h"

#include <algorithm>

namespace sluice::chat::jinja {

Body parse(std::string_view source) {
    return Parser(tokenize(source)).run();
}

Parser::Nested::Nested(Parser& p) : parser(p) {
    if (++parser.depth_ > kMaxNesting)
        parser.fail("nested more than " + std::to_string(kMaxNesting) + " levels deep");
}

void Parser::fail(std::string message) const {
    throw SyntaxError{std::move(message), now().line};
}

void Parser::fail_at_token() const {
    if (now().kind == TokenKind::end) fail("unexpected end of template");
    if (now().kind == TokenKind::block_end || now().kind == TokenKind::print_end)
        fail("unexpected end of tag");
    fail("unexpected '" + now().text + "'");
}

void Parser::expect_op(std::string_view op) {
    if (!skip_op(op)) fail("expected '" + std::string(op) + "', got '" + now().text + "'");
}

void Parser::expect_name(std::string_view name) {
    if (!skip_name(name)) fail("expected '" + std::string(name) + "', got '" + now().text + "'");
}

void Parser::expect(TokenKind kind, std::string_view what) {
    if (now().kind != kind) fail("expected " + std::string(what) + ", got '" + now().text + "'");
    take();
}

std::string Parser::identifier() {
    if (now().kind != TokenKind::name) fail("expected a name, got '" + now().text + "'");
    return take().text;
}

Body Parser::run() {
    Body body = body_until({});
    if (now().kind != TokenKind::end) fail_at_token();
    if (unknown_) throw *unknown_;
    return body;
}

// Up to a tag with one of these names, whose name is then the current token; no names: the whole template.
Body Parser::body_until(std::initializer_list<std::string_view> ends) {
    Nested nested(*this);
    Body body;
    while (now().kind != TokenKind::end) {
        const int line = now().line;
        if (now().kind == TokenKind::data) {
            body.push_back({StmtKind::text, line, Text::of(take().text)});
        } else if (now().kind == TokenKind::print_begin) {
            take();
            Stmt print{StmtKind::print, line};
            print.value = tuple();
            expect(TokenKind::print_end, "'}}'");
            body.push_back(std::move(print));
        } else {
            expect(TokenKind::block_begin, "a tag");
            if (now().kind != TokenKind::name) fail("a tag name is expected");
            if (std::find(ends.begin(), ends.end(), now().text) != ends.end()) return body;
            body.push_back(statement());
            expect(TokenKind::block_end, "'%}'");
        }
    }
    if (ends.size() > 0) fail("unexpected end of template, expected '" + std::string(*ends.begin()) + "'");
    return body;
}

Stmt Parser::statement() {
    const int line = now().line;
    const std::string tag = take().text;
    if (tag == "for") return loop(line);
    if (tag == "if") return branch(line);
    if (tag == "set") return set(line);
    if (tag == "macro") return macro(line);
    if (tag == "call") return call_block(line);
    if (tag == "filter") return filter_block(line);
    if (tag == "with") return with(line);
    if (tag == "break" || tag == "continue") {
        if (loops_ == 0) fail("'" + tag + "' outside of a loop");
        return {tag == "break" ? StmtKind::stop : StmtKind::skip, line};
    }
    if (tag == "print") {
        Stmt print{StmtKind::print, line};  // what stands between commas is printed without them
        Expr all = node(ExprKind::concat);
        do all.items.push_back(expression());
        while (skip_op(","));
        print.value = finish(std::move(all));
        return print;
    }
    if (tag == "generation") {
        Stmt scope{StmtKind::scope, line};
        expect(TokenKind::block_end, "'%}'");
        const int loops = std::exchange(loops_, 0);  // as in a macro
        scope.body = body_until({"endgeneration"});
        loops_ = loops;
        take();
        return scope;
    }
    throw SyntaxError{"encountered unknown tag '" + tag + "'", line};
}

static bool names_loop(const Expr& target) {
    return target.name == "loop" || std::any_of(target.items.begin(), target.items.end(),
                                                [](const ExprPtr& item) { return names_loop(*item); });
}

Stmt Parser::loop(int line) {
    Stmt loop{StmtKind::loop, line};
    loop.target = target(false);
    if (names_loop(*loop.target)) fail("can't assign to 'loop' in the target of a loop");
    expect_name("in");
    loop.value = tuple(false);
    if (skip_name("if")) loop.test = expression();
    if (at_name("recursive")) fail("recursive loops are not supported");
    expect(TokenKind::block_end, "'%}'");
    ++loops_;
    loop.body = body_until({"endfor", "else"});
    --loops_;
    if (take().text == "else") {
        expect(TokenKind::block_end, "'%}'");
        loop.otherwise = body_until({"endfor"});
        take();
    }
    return loop;
}

Stmt Parser::branch(int line) {
    Stmt branch{StmtKind::branch, line};
    ++guarded_;
    for (std::string tag = "elif"; tag != "endif"; tag = take().text) {
        ExprPtr test = tag == "elif" ? tuple(false) : nullptr;
        expect(TokenKind::block_end, "'%}'");
        if (test) {
            Body body = body_until({"elif", "else", "endif"});
            branch.branches.emplace_back(std::move(test), std::move(body));
        } else {
            branch.otherwise = body_until({"endif"});
        }
    }
    --guarded_;
    return branch;
}

Stmt Parser::set(int line) {
    Stmt set{StmtKind::set, line};
    set.target = target(true);
    if (skip_op("=")) {
        set.value = tuple();
        return set;
    }
    set.kind = StmtKind::set_block;
    while (skip_op("|")) set.value = filter(std::move(set.value));
    expect(TokenKind::block_end, "'%}'");
    set.body = body_until({"endset"});
    take();
    return set;
}

void Parser::parameters(Stmt& macro) {
    expect_op("(");
    while (!at_op(")")) {
        if (!macro.params.empty()) expect_op(",");
        if (at_op(")")) break;
        ExprPtr name = target_name();
        ExprPtr fallback = skip_op("=") ? expression() : nullptr;
        if (!fallback && !macro.params.empty() && macro.params.back().second)
            fail("non-default argument follows default argument");
        macro.params.emplace_back(name->name, std::move(fallback));
    }
    take();
}

void Parser::macro_body(Stmt& macro, std::string_view end) {
    Stmt* outer = std::exchange(macro_, &macro);
    const int loops = std::exchange(loops_, 0);
    macro.body = body_until({end});
    macro_ = outer;
    loops_ = loops;
    if (outer != nullptr) {  // what a macro inside names counts as named by the outer one
        outer->takes_more |= macro.takes_more;
        outer->takes_named |= macro.takes_named;
        outer->takes_caller |= macro.takes_caller;
    }
    take();
}

Stmt Parser::macro(int line) {
    Stmt macro{StmtKind::macro, line};
    macro.name = target_name()->name;
    parameters(macro);
    expect(TokenKind::block_end, "'%}'");
    macro_body(macro, "endmacro");
    return macro;
}

Stmt Parser::call_block(int line) {
    Stmt block{StmtKind::call, line};
    block.name = "caller";
    if (at_op("(")) parameters(block);
    block.value = postfix(primary());
    if (block.value->kind != ExprKind::call) fail("expected call");
    expect(TokenKind::block_end, "'%}'");
    macro_body(block, "endcall");
    return block;
}

Stmt Parser::filter_block(int line) {
    Stmt block{StmtKind::filter, line};
    block.value = filter(nullptr);
    while (skip_op("|")) block.value = filter(std::move(block.value));
    expect(TokenKind::block_end, "'%}'");
    block.body = body_until({"endfilter"});
    take();
    return block;
}

Stmt Parser::with(int line) {
    Stmt with{StmtKind::with, line};
    while (now().kind != TokenKind::block_end) {
        if (!with.bindings.empty()) expect_op(",");
        ExprPtr name = target(false, false);
        expect_op("=");
        with.bindings.emplace_back(std::move(name), expression());
    }
    take();
    with.body = body_until({"endwith"});
    take();
    return with;
}

ExprPtr Parser::target_name() {
    Expr name = node(ExprKind::name);
    name.name = identifier();
    static constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
    if (std::find(std::begin(kConstants), std::end(kConstants), name.name) != std::end(kConstants))
        fail("can't assign to '" + name.name + "'");
    return finish(std::move(name));
}

// name | name.attribute (of a namespace) | a, (b, c)
ExprPtr Parser::target(bool allow_attribute, bool allow_tuple) {
    Nested nested(*this);
    const auto one = [&]() -> ExprPtr {
        if (skip_op("(")) {
            ExprPtr inner = target(false);
            expect_op(")");
            return inner;
        }
        ExprPtr name = target_name();
        if (!allow_attribute || !skip_op(".")) return name;
        Expr attribute = node(ExprKind::attribute);
        attribute.name = identifier();
        attribute.items.push_back(std::move(name));
        return finish(std::move(attribute));
    };
    Expr list = node(ExprKind::tuple);
    list.items.push_back(one());
    if (!allow_tuple || !at_op(",")) return std::move(list.items.front());
    while (skip_op(",")) {
        if (now().kind != TokenKind::name && !at_op("(")) break;
        if (at_name("in")) break;
        list.items.push_back(one());
    }
    return finish(std::move(list));
}

}  // namespace sluice::chat::jinja
