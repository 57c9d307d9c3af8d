// Statements, scopes and access to values. Expressions are in eval.cpp.
#include "engine/chat/jinja/interpreter.h"

#include <algorithm>

#include "engine/chat/jinja/objects.h"

namespace sluice::chat::jinja {

const Value* Scope::find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
        for (const auto& [key, value] : scope->names_) {
            if (key == name) return &value;
        }
    }
    return nullptr;
}

void Scope::set(std::string_view name, Value value) {
    for (auto& [key, known] : names_) {
        if (key == name) {
            known = std::move(value);
            return;
        }
    }
    names_.emplace_back(std::string(name), std::move(value));
}

// Makes a new scope current until the end of the C++ block.
class ScopeGuard {
  public:
    ScopeGuard(Interpreter& in, Scope* outer) : in_(in), saved_(std::move(in.scope_)) {
        in_.scope_ = std::make_shared<Scope>(outer);
    }
    explicit ScopeGuard(Interpreter& in) : ScopeGuard(in, in.scope_.get()) {}
    ~ScopeGuard() { in_.scope_ = std::move(saved_); }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

  private:
    Interpreter& in_;
    std::shared_ptr<Scope> saved_;
};

Interpreter::~Interpreter() {
    for (const auto& each : namespaces_) each->clear();
}

TextPtr Interpreter::render(const Body& body, const std::vector<std::pair<std::string, Value>>& variables) {
    scope_ = std::make_shared<Scope>(nullptr);
    for (const auto& [name, value] : variables) scope_->set(name, value);
    return capture(body).text;
}

Value Interpreter::make_namespace(std::vector<std::pair<std::string, Value>> attributes) {
    auto made = std::make_shared<Namespace>();
    for (auto& [name, value] : attributes) made->set(name, std::move(value));
    namespaces_.push_back(made);
    return {ObjectPtr(std::move(made))};
}

Interpreter::Captured Interpreter::capture(const Body& body) {
    TextBuilder text(meter_);
    TextBuilder* const outer = std::exchange(out_, &text);
    const ScopeGuard guard(*this);
    const Flow flow = run(body);
    out_ = outer;
    return {flow, text.take()};
}

Interpreter::Flow Interpreter::run(const Body& body) {
    for (const Stmt& stmt : body) {
        const Flow flow = run(stmt);
        if (flow != Flow::on) return flow;
    }
    return Flow::on;
}

Interpreter::Flow Interpreter::run(const Stmt& stmt) {
    const Meter::Level level(meter_);
    line_ = stmt.line;
    switch (stmt.kind) {
        case StmtKind::text:
            out_->append(stmt.text->view());
            return Flow::on;
        case StmtKind::print:
            out_->append(to_text(meter_, eval(*stmt.value))->view());
            return Flow::on;
        case StmtKind::loop:
            return loop(stmt);
        case StmtKind::branch:
            for (const auto& [test, body] : stmt.branches) {
                if (truthy(eval(*test))) return run(body);
            }
            return run(stmt.otherwise);
        case StmtKind::set:
            assign(*stmt.target, eval(*stmt.value));
            return Flow::on;
        case StmtKind::set_block:
            return set_block(stmt);
        case StmtKind::macro:
            scope_->set(stmt.name, {ObjectPtr(std::make_shared<Macro>(stmt, scope_))});
            return Flow::on;
        case StmtKind::call:
            out_->append(to_text(meter_, call_block(stmt))->view());
            return Flow::on;
        case StmtKind::filter:
            return filter_block(stmt);
        case StmtKind::with:
            return with(stmt);
        case StmtKind::scope:
            out_->append(capture(stmt.body).text->view());
            return Flow::on;
        case StmtKind::skip:
            return Flow::skip;
        case StmtKind::stop:
            return Flow::stop;
    }
    return Flow::on;
}

Interpreter::Flow Interpreter::loop(const Stmt& stmt) {
    SequencePtr items = iterate(eval(*stmt.value));
    if (stmt.test) {
        std::vector<Value> kept;
        for (const Value& item : items->items) {
            meter_.charge(1);
            const ScopeGuard guard(*this);
            assign(*stmt.target, item);
            if (truthy(eval(*stmt.test))) kept.push_back(item);
        }
        items = *make_sequence(meter_, std::move(kept)).as<SequencePtr>();
    }
    const auto state = std::make_shared<Loop>(items);
    bool ended = false;  // as in Jinja: "else" runs unless some turn came to its end
    for (size_t i = 0; i < items->items.size(); ++i) {
        meter_.charge(1);
        const ScopeGuard guard(*this);
        state->go_to(i);
        scope_->set("loop", {ObjectPtr(state)});
        assign(*stmt.target, items->items[i]);
        const Flow flow = run(stmt.body);
        if (flow == Flow::stop) break;
        ended |= flow == Flow::on;
    }
    if (ended) return Flow::on;
    const ScopeGuard guard(*this);
    return run(stmt.otherwise);
}

// A break or continue inside leaves the block unfinished: nothing is assigned or printed.
Interpreter::Flow Interpreter::set_block(const Stmt& stmt) {
    const auto [flow, made] = capture(stmt.body);
    if (flow != Flow::on) return flow;
    const Value text{made};
    assign(*stmt.target, stmt.value ? apply_filter(*stmt.value, &text) : text);
    return Flow::on;
}

Interpreter::Flow Interpreter::filter_block(const Stmt& stmt) {
    const auto [flow, made] = capture(stmt.body);
    if (flow != Flow::on) return flow;
    const Value block{made};
    out_->append(to_text(meter_, apply_filter(*stmt.value, &block))->view());
    return Flow::on;
}

Interpreter::Flow Interpreter::with(const Stmt& stmt) {
    std::vector<Value> values;
    for (const auto& [target, value] : stmt.bindings) values.push_back(eval(*value));
    const ScopeGuard guard(*this);
    for (size_t i = 0; i < values.size(); ++i) assign(*stmt.bindings[i].first, std::move(values[i]));
    return run(stmt.body);
}

Value Interpreter::call_block(const Stmt& stmt) {
    const Value caller{ObjectPtr(std::make_shared<Macro>(stmt, scope_))};
    const Expr& expr = *stmt.value;
    const Value function = eval(*expr.items.front());
    Arguments arguments = eval_arguments(expr);
    arguments.named.emplace_back("caller", caller);
    return call(function, std::move(arguments));
}

void Interpreter::assign(const Expr& target, Value value) {
    if (target.kind == ExprKind::name) return scope_->set(target.name, std::move(value));
    line_ = target.line;
    if (target.kind == ExprKind::attribute) {
        const Value* holder = scope_->find(target.items.front()->name);
        auto* known = holder != nullptr ? dynamic_cast<Namespace*>(holder->object()) : nullptr;
        if (known == nullptr) throw Failure("cannot assign attribute on non-namespace object");
        return known->set(target.name, std::move(value));
    }
    const SequencePtr parts = iterate(value);
    if (parts->items.size() != target.items.size())
        throw Failure("cannot unpack " + std::to_string(parts->items.size()) + " values into " +
                      std::to_string(target.items.size()) + " names");
    for (size_t i = 0; i < target.items.size(); ++i) assign(*target.items[i], parts->items[i]);
}

Value Interpreter::call_macro(const Stmt& macro, const std::shared_ptr<Scope>& around,
                              Arguments&& arguments) {
    const ScopeGuard guard(*this, around.get());
    const auto take_named = [&](std::string_view name) -> std::optional<Value> {
        const auto found = std::find_if(arguments.named.begin(), arguments.named.end(),
                                        [&](const auto& each) { return each.first == name; });
        if (found == arguments.named.end()) return {};
        std::optional<Value> value(std::move(found->second));
        arguments.named.erase(found);
        return value;
    };
    std::optional<Value> caller = take_named("caller");
    if (caller && !macro.takes_caller)
        throw Failure("macro '" + macro.name + "' takes no keyword argument 'caller'");
    if (macro.takes_caller) scope_->set("caller", caller ? *caller : Value::undefined("no caller defined"));
    for (size_t i = 0; i < macro.params.size(); ++i) {
        const auto& [name, fallback] = macro.params[i];
        std::optional<Value> named = take_named(name);
        if (i < arguments.positional.size()) {
            if (named)
                throw Failure("macro '" + macro.name + "' got multiple values for argument '" + name + "'");
            scope_->set(name, std::move(arguments.positional[i]));
        } else if (named) {
            scope_->set(name, std::move(*named));
        } else {
            scope_->set(name, fallback ? eval(*fallback)
                                       : Value::undefined("parameter '" + name + "' was not provided"));
        }
    }
    const size_t known = std::min(macro.params.size(), arguments.positional.size());
    std::vector<Value> more(arguments.positional.begin() + static_cast<ptrdiff_t>(known),
                            arguments.positional.end());
    if (!more.empty() && !macro.takes_more)
        throw Failure("macro '" + macro.name + "' takes not more than " +
                      std::to_string(macro.params.size()) + " argument(s)");
    if (!arguments.named.empty() && !macro.takes_named)
        throw Failure("macro '" + macro.name + "' takes no keyword argument '" + arguments.named[0].first +
                      "'");
    if (macro.takes_more) scope_->set("varargs", make_sequence(meter_, std::move(more), Kind::tuple));
    if (macro.takes_named) {
        std::vector<std::pair<Value, Value>> entries;
        for (auto& [name, value] : arguments.named)
            entries.emplace_back(Value{Text::of(name, arguments.client_names)}, std::move(value));
        scope_->set("kwargs", make_dict(meter_, std::move(entries)));
    }
    return {capture(macro.body).text};
}

}  // namespace sluice::chat::jinja
