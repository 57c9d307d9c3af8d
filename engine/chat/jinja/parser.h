// Builds the tree of a template. The grammar and its precedences are Jinja's; nesting is limited, because the
// template comes from a model file.
#pragma once
#include "engine/chat/jinja/ast.h"
#include "engine/chat/jinja/lexer.h"

namespace sluice::chat::jinja {

inline constexpr int kMaxNesting = 100;  // of brackets and tags, and levels of the tree

Body parse(std::string_view source);  // throws SyntaxError

class Parser {
  public:
    explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
    Body run();

  private:
    struct Nested {  // one level of recursion
        explicit Nested(Parser& p);
        ~Nested() { --parser.depth_; }
        Nested(const Nested&) = delete;
        Nested& operator=(const Nested&) = delete;
        Parser& parser;
    };

    const Token& now() const { return tokens_[pos_]; }
    const Token& ahead() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
    Token take() { return tokens_[pos_ + 1 < tokens_.size() ? pos_++ : pos_]; }
    bool at_op(std::string_view op) const { return now().kind == TokenKind::op && now().text == op; }
    bool at_name(std::string_view name) const { return now().kind == TokenKind::name && now().text == name; }
    bool skip_op(std::string_view op) { return at_op(op) && (take(), true); }
    bool skip_name(std::string_view name) { return at_name(name) && (take(), true); }
    void expect_op(std::string_view op);
    void expect_name(std::string_view name);
    void expect(TokenKind kind, std::string_view what);
    std::string identifier();
    [[noreturn]] void fail(std::string message) const;
    [[noreturn]] void fail_at_token() const;

    // Statements.
    Body body_until(std::initializer_list<std::string_view> ends);
    Stmt statement();
    Stmt loop(int line);
    Stmt branch(int line);
    Stmt set(int line);
    Stmt macro(int line);
    Stmt call_block(int line);
    Stmt filter_block(int line);
    Stmt with(int line);
    void parameters(Stmt& macro);
    void macro_body(Stmt& macro, std::string_view end);
    ExprPtr target(bool allow_attribute, bool allow_tuple = true);
    ExprPtr target_name();

    // Expressions, from loose to tight.
    ExprPtr expression(bool with_condition = true);
    ExprPtr tuple(bool with_condition = true, bool in_parentheses = false);
    ExprPtr any_of();
    ExprPtr all_of();
    ExprPtr negation();
    ExprPtr compare();
    ExprPtr sum();
    ExprPtr concat();
    ExprPtr product();
    ExprPtr power();
    ExprPtr unary(bool with_filter = true);
    ExprPtr primary();
    ExprPtr literal_list();
    ExprPtr literal_dict();
    ExprPtr number();
    ExprPtr postfix(ExprPtr value);
    ExprPtr filters_and_tests(ExprPtr value);
    ExprPtr filter(ExprPtr value);
    ExprPtr test(ExprPtr value);
    ExprPtr subscript(ExprPtr value);
    ExprPtr subscript_key();
    ExprPtr call(ExprPtr function);
    void arguments(Expr& call);
    std::string dotted_name();
    void unknown(std::string_view what, const Expr& expr);
    ExprPtr operators(ExprKind kind, std::initializer_list<std::string_view> ops,
                      ExprPtr (Parser::*operand)());
    ExprPtr words(ExprKind kind, std::string_view word, ExprPtr (Parser::*operand)());

    Expr node(ExprKind kind) const { return {kind, now().line}; }
    ExprPtr finish(Expr expr) const;

    std::vector<Token> tokens_;
    size_t pos_ = 0;
    int depth_ = 0;
    int loops_ = 0;          // loops around, within the macro
    Stmt* macro_ = nullptr;  // around
    // Inside a condition an unknown filter or test fails only when it runs; elsewhere the template is
    // refused.
    int guarded_ = 0;
    std::optional<SyntaxError> unknown_;
};

}  // namespace sluice::chat::jinja
