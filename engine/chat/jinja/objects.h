// Objects that templates hold: namespaces, the loop variable, macros, bound methods, joiners and cyclers.
#pragma once
#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

// The only thing that a template can change. The interpreter owns them all, so they may refer to each other.
class Namespace final : public Object {
  public:
    std::string_view type() const override { return "Namespace"; }
    std::optional<Value> attribute(std::string_view name) const override;
    void set(std::string_view name, Value value);
    void clear() { attributes_.clear(); }

  private:
    std::vector<std::pair<std::string, Value>> attributes_;
};

class Loop final : public Object {
  public:
    explicit Loop(SequencePtr items) : items_(std::move(items)) {}
    std::string_view type() const override { return "LoopContext"; }
    int32_t depth() const override { return items_->depth; }
    std::optional<Value> attribute(std::string_view name) const override;
    bool changed(Meter& meter, std::vector<Value> now);
    const Value& cycle(const Arguments& arguments) const;
    void go_to(size_t index) { index_ = index; }

  private:
    SequencePtr items_;
    size_t index_ = 0;
    std::optional<std::vector<Value>> last_;
};

class Macro final : public Object {
  public:
    Macro(const Stmt& code, std::weak_ptr<Scope> around) : code_(code), around_(std::move(around)) {}
    std::string_view type() const override { return "Macro"; }
    std::optional<Value> attribute(std::string_view name) const override;
    bool callable() const override { return true; }
    Value call(Interpreter& in, Arguments&& arguments) override;

  private:
    const Stmt& code_;
    std::weak_ptr<Scope> around_;  // weak: the scope holds the macro
};

class BoundMethod final : public Object {
  public:
    BoundMethod(Value self, const Builtin& method) : self_(std::move(self)), method_(method) {}
    std::string_view type() const override { return "builtin_function_or_method"; }
    int32_t depth() const override { return depth_of(self_) + 1; }
    bool callable() const override { return true; }
    Value call(Interpreter& in, Arguments&& arguments) override {
        return run_builtin(in, method_, self_, std::move(arguments));
    }

  private:
    Value self_;
    const Builtin& method_;
};

// joiner(", "): nothing the first time, then the separator.
class Joiner final : public Object {
  public:
    explicit Joiner(Value separator) : separator_(std::move(separator)) {}
    std::string_view type() const override { return "Joiner"; }
    int32_t depth() const override { return depth_of(separator_) + 1; }
    bool callable() const override { return true; }
    Value call(Interpreter&, Arguments&&) override {
        return std::exchange(used_, true) ? separator_ : Value::string("");
    }

  private:
    Value separator_;
    bool used_ = false;
};

// cycler(a, b): next(), current, reset().
class Cycler final : public Object {
  public:
    explicit Cycler(Value items) : items_(std::move(items)) {}
    std::string_view type() const override { return "Cycler"; }
    int32_t depth() const override { return depth_of(items_) + 1; }
    std::optional<Value> attribute(std::string_view name) const override {
        if (name != "current") return {};
        return current();
    }
    const Value& current() const { return items_.sequence()->items[position_]; }
    Value next() {
        Value now = current();
        position_ = (position_ + 1) % items_.sequence()->items.size();
        return now;
    }
    void reset() { position_ = 0; }

  private:
    Value items_;
    size_t position_ = 0;
};

}  // namespace sluice::chat::jinja
