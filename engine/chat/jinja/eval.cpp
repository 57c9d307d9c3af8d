// Expressions, and access to attributes and items.
#include "engine/chat/jinja/objects.h"

namespace sluice::chat::jinja {

Value Interpreter::eval(const Expr& expr) {
    const Meter::Level level(meter_);
    line_ = expr.line;
    switch (expr.kind) {
        case ExprKind::constant:
            return expr.value;
        case ExprKind::name: {
            const Value* value = scope_->find(expr.name);
            return value != nullptr ? *value : Value::undefined("'" + expr.name + "' is undefined");
        }
        case ExprKind::list:
            return make_sequence(meter_, eval_all(expr.items));
        case ExprKind::tuple:
            return make_sequence(meter_, eval_all(expr.items), Kind::tuple);
        case ExprKind::dict:
            return eval_dict(expr);
        case ExprKind::arithmetic: {
            Value left = eval(*expr.items.front());
            for (size_t i = 0; i < expr.ops.size(); ++i)
                left = arithmetic(meter_, expr.ops[i], left, eval(*expr.items[i + 1]));
            return left;
        }
        case ExprKind::concat:
            return eval_concat(expr);
        case ExprKind::negative:
            return negative(eval(*expr.items.front()));
        case ExprKind::positive:
            return negative(negative(eval(*expr.items.front())));
        case ExprKind::negation:
            return {!truthy(eval(*expr.items.front()))};
        case ExprKind::all_of:
        case ExprKind::any_of: {
            Value value;
            for (const ExprPtr& item : expr.items) {
                value = eval(*item);
                if (truthy(value) == (expr.kind == ExprKind::any_of)) break;
            }
            return value;
        }
        case ExprKind::compare:
            return {eval_compare(expr)};
        case ExprKind::condition:
            return eval_condition(expr);
        case ExprKind::attribute:
            return attribute(eval(*expr.items.front()), expr.name);
        case ExprKind::subscript: {
            const Value value = eval(*expr.items[0]);
            if (expr.items[1]->kind == ExprKind::slice) return eval_slice(value, *expr.items[1]);
            return item(value, eval(*expr.items[1]));
        }
        case ExprKind::slice:
            throw Failure("a slice is not a value");
        case ExprKind::call: {
            const Value function = eval(*expr.items.front());
            Arguments arguments = eval_arguments(expr);
            line_ = expr.line;
            return call(function, std::move(arguments));
        }
        case ExprKind::filter:
            return apply_filter(expr, nullptr);
        case ExprKind::test: {
            const Value value = eval(*expr.items.front());
            return {test(expr.name, value, eval_arguments(expr))};
        }
    }
    return {};
}

std::vector<Value> Interpreter::eval_all(const std::vector<ExprPtr>& items, size_t from) {
    std::vector<Value> values;
    for (size_t i = from; i < items.size(); ++i) values.push_back(eval(*items[i]));
    return values;
}

// The first item is what is called.
Arguments Interpreter::eval_arguments(const Expr& expr) {
    Arguments out{eval_all(expr.items, 1), {}};
    for (const auto& [name, value] : expr.named) out.named.emplace_back(name, eval(*value));
    if (expr.more) {
        const SequencePtr more = iterate(eval(*expr.more));
        meter_.charge(more->items.size());
        out.positional.insert(out.positional.end(), more->items.begin(), more->items.end());
    }
    if (expr.more_named) {
        const Value more = eval(*expr.more_named);
        if (more.dict() == nullptr)
            throw Failure("argument after ** must be a mapping, not " + type_name(more));
        for (const auto& [key, value] : more.dict()->entries) {
            if (key.text() == nullptr) throw Failure("keywords must be strings");
            out.named.emplace_back(key.text()->bytes, value);
            out.client_names |= key.text()->view().from_client();
        }
    }
    return out;
}

Value Interpreter::eval_dict(const Expr& expr) {
    std::vector<std::pair<Value, Value>> entries;
    for (size_t i = 0; i < expr.items.size(); i += 2) {
        Value key = eval(*expr.items[i]);
        entries.emplace_back(std::move(key), eval(*expr.items[i + 1]));
    }
    return make_dict(meter_, std::move(entries));
}

Value Interpreter::eval_concat(const Expr& expr) {
    TextBuilder out(meter_);
    for (const Value& value : eval_all(expr.items)) out.append(to_text(meter_, value)->view());
    return {out.take()};
}

Value Interpreter::eval_condition(const Expr& expr) {
    if (truthy(eval(*expr.items[0]))) return eval(*expr.items[1]);
    if (expr.items[2]) return eval(*expr.items[2]);
    return Value::undefined("the inline if-expression evaluated to false and no else section was defined");
}

bool Interpreter::eval_compare(const Expr& expr) {
    Value left = eval(*expr.items.front());
    for (size_t i = 0; i < expr.ops.size(); ++i) {
        Value right = eval(*expr.items[i + 1]);
        if (!compare(meter_, expr.ops[i], left, right)) return false;
        left = std::move(right);
    }
    return true;
}

Value Interpreter::eval_slice(const Value& value, const Expr& slice_expr) {
    Value parts[3];
    for (size_t i = 0; i < 3; ++i)
        parts[i] = slice_expr.items[i] ? eval(*slice_expr.items[i]) : Value{None{}};
    return slice(meter_, value, parts[0], parts[1], parts[2]);
}

Value Interpreter::apply_filter(const Expr& expr, const Value* block) {
    const ExprPtr& inner = expr.items.front();
    Value value;
    if (!inner)
        value = *block;
    else
        value = block != nullptr ? apply_filter(*inner, block) : eval(*inner);
    Arguments arguments = eval_arguments(expr);
    line_ = expr.line;
    return filter(expr.name, value, std::move(arguments));
}

Value Interpreter::filter(std::string_view name, const Value& value, Arguments&& arguments) {
    const Builtin* found = find_filter(name);
    if (found == nullptr) throw Failure("no filter named '" + std::string(name) + "'");
    return run_builtin(*this, *found, value, std::move(arguments));
}

bool Interpreter::test(std::string_view name, const Value& value, Arguments&& arguments) {
    const Builtin* found = find_test(name);
    if (found == nullptr) throw Failure("no test named '" + std::string(name) + "'");
    return truthy(run_builtin(*this, *found, value, std::move(arguments)));
}

Value Interpreter::call(const Value& function, Arguments&& arguments) {
    if (function.is<Undefined>()) fail_undefined(function);
    if (function.object() == nullptr || !function.object()->callable())
        throw Failure("'" + type_name(function) + "' object is not callable");
    const Meter::Level level(meter_);
    const ObjectPtr keep = *function.as<ObjectPtr>();
    return keep->call(*this, std::move(arguments));
}

Value Interpreter::attribute(const Value& value, std::string_view name) {
    if (value.is<Undefined>()) fail_undefined(value);
    if (const Builtin* method = find_method(value, name)) return bind_method(value, *method);
    if (const Object* object = value.object()) {
        if (std::optional<Value> found = object->attribute(name)) return *found;
    } else if (const Dict* dict = value.dict()) {
        if (const Value* found = dict->find(meter_, Value::string(name))) return *found;
    } else if (const Sequence* group = value.sequence(); group != nullptr && group->kind == Kind::group) {
        if (name == "grouper") return group->items[0];
        if (name == "list") return group->items[1];
    }
    return Value::undefined("'" + type_name(value) + " object' has no attribute '" + std::string(name) + "'");
}

Value Interpreter::item(const Value& value, const Value& key) {
    if (value.is<Undefined>()) fail_undefined(value);
    if (const Dict* dict = value.dict()) {
        const bool hashable = !key.dict() && !(key.sequence() && key.sequence()->kind == Kind::list);
        const Value* found = hashable ? dict->find(meter_, key) : nullptr;
        if (found != nullptr) return *found;
    }
    if (const auto index = key.integer()) {
        if (value.text() != nullptr) meter_.read(value.text()->bytes.size());
        const Sequence* list = value.sequence();
        const bool indexed = list != nullptr && (list->kind <= Kind::tuple || list->kind >= Kind::range) &&
                             list->kind != Kind::generator;
        const auto count = static_cast<int64_t>(indexed        ? list->items.size()
                                                : value.text() ? length(value.text()->bytes)
                                                               : 0);
        const int64_t at = *index < 0 ? *index + count : *index;
        if (at >= 0 && at < count) {
            if (indexed) return list->items[static_cast<size_t>(at)];
            const TextView text = value.text()->view();
            const size_t from = byte_offset(text.bytes, static_cast<size_t>(at));
            return Value::string(text.substr(from, decode(text.bytes, from).size));
        }
    }
    if (key.text() != nullptr && value.dict() == nullptr) return attribute(value, key.text()->bytes);
    if (key.text() != nullptr) {
        if (const Builtin* method = find_method(value, key.text()->bytes)) return bind_method(value, *method);
    }
    return Value::undefined("'" + type_name(value) + " object' has no element " + repr(meter_, key)->bytes);
}

SequencePtr Interpreter::iterate(const Value& value) {
    if (const auto* sequence = value.as<SequencePtr>()) {
        const bool empty = std::exchange((*sequence)->drained, (*sequence)->kind == Kind::generator);
        return empty ? std::make_shared<const Sequence>(Sequence{Kind::list, {}}) : *sequence;
    }
    std::vector<Value> items;
    if (const Text* text = value.text()) {
        meter_.charge(text->bytes.size() / 4);
        for (TextView c : code_points(text->view())) items.push_back(Value::string(c));
    } else if (const Dict* dict = value.dict()) {
        for (const auto& [key, each] : dict->entries) items.push_back(key);
    } else if (!value.is<Undefined>()) {
        throw Failure("'" + type_name(value) + "' object is not iterable");
    }
    return *make_sequence(meter_, std::move(items)).as<SequencePtr>();
}

}  // namespace sluice::chat::jinja
