// Runs a parsed template. One object a rendering, on the caller's thread.
#pragma once
#include <ctime>
#include <functional>

#include "engine/chat/jinja/ast.h"

namespace sluice::chat::jinja {

using Clock = std::function<std::time_t()>;

// Names of one block. Blocks end in reverse order, so a plain pointer to the outer one is enough.
// They are found when they are read. Jinja decides beforehand: where an inner block reads a variable of the
// caller that the outer block sets only later, it has "undefined", and we have the caller's value.
class Scope {
  public:
    explicit Scope(Scope* outer) : outer_(outer) {}
    const Value* find(std::string_view name) const;
    void set(std::string_view name, Value value);

  private:
    Scope* outer_;
    std::vector<std::pair<std::string, Value>> names_;
};

class Namespace;

class Interpreter {
  public:
    Interpreter(const Budget& budget, const Clock& clock) : meter_(budget), clock_(clock) {}
    ~Interpreter();
    TextPtr render(const Body& body, const std::vector<std::pair<std::string, Value>>& variables);

    Meter& meter() { return meter_; }
    std::time_t now() const { return clock_ ? clock_() : std::time(nullptr); }
    int line() const { return line_; }  // of what ran last

    Value attribute(const Value& value, std::string_view name);  // value.name
    Value item(const Value& value, const Value& key);            // value[key]
    SequencePtr iterate(const Value& value);                     // drains a generator
    Value call(const Value& function, Arguments&& arguments);
    Value filter(std::string_view name, const Value& value, Arguments&& arguments);
    bool test(std::string_view name, const Value& value, Arguments&& arguments);
    Value call_macro(const Stmt& macro, const std::shared_ptr<Scope>& around, Arguments&& arguments);
    Value make_namespace(std::vector<std::pair<std::string, Value>> attributes);

  private:
    enum class Flow { on, skip, stop };
    struct Captured {
        Flow flow;
        TextPtr text;
    };
    friend class ScopeGuard;

    Flow run(const Body& body);
    Flow run(const Stmt& stmt);
    Flow loop(const Stmt& stmt);
    Flow set_block(const Stmt& stmt);
    Flow filter_block(const Stmt& stmt);
    Flow with(const Stmt& stmt);
    Value call_block(const Stmt& stmt);
    Captured capture(const Body& body);  // in a scope of its own
    void assign(const Expr& target, Value value);

    Value eval(const Expr& expr);
    Value eval_concat(const Expr& expr);
    Value eval_condition(const Expr& expr);
    bool eval_compare(const Expr& expr);
    Value eval_slice(const Value& value, const Expr& slice);
    Value eval_dict(const Expr& expr);
    std::vector<Value> eval_all(const std::vector<ExprPtr>& items, size_t from = 0);
    Arguments eval_arguments(const Expr& call);
    Value apply_filter(const Expr& expr, const Value* block);

    Meter meter_;
    const Clock& clock_;
    int line_ = 1;
    std::shared_ptr<Scope> scope_;
    TextBuilder* out_ = nullptr;
    std::vector<std::shared_ptr<Namespace>> namespaces_;  // emptied at the end: they can hold each other
};

// operators.cpp
Value arithmetic(Meter& meter, std::string_view op, const Value& a, const Value& b);
Value negative(const Value& value);
bool compare(Meter& meter, std::string_view op, const Value& a, const Value& b);
Value slice(Meter& meter, const Value& value, const Value& start, const Value& stop, const Value& step);

}  // namespace sluice::chat::jinja
