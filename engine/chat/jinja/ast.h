// A parsed template: immutable once the parser returns it, read by any number of renderings at once.
#pragma once
#include "engine/chat/jinja/value.h"

namespace sluice::chat::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;

enum class ExprKind {
    constant,
    name,
    list,
    tuple,
    dict,        // items: key, value, key, value, ...
    arithmetic,  // items[0] ops[0] items[1] ops[1] ..., from left to right
    concat,
    negative,
    positive,
    negation,
    all_of,
    any_of,
    compare,    // chained: items[0] ops[0] items[1] and items[1] ops[1] items[2] ...
    condition,  // items: test, then, else (may be null)
    attribute,
    subscript,  // items: value, key
    slice,      // items: start, stop, step (each may be null)
    call,       // items: function, arguments ...
    filter,     // items: value, arguments ...; the value is null in a filter block
    test,
};

struct Expr {
    ExprKind kind;
    int line;
    int height = 1;  // levels below, so that walks and the destructor stay shallow
    std::string name = {};
    Value value = {};
    std::vector<ExprPtr> items = {};
    std::vector<std::string> ops = {};
    std::vector<std::pair<std::string, ExprPtr>> named = {};
    ExprPtr more = {}, more_named = {};  // *arguments and **arguments
};

enum class StmtKind {
    text,
    print,
    loop,
    branch,
    set,
    set_block,
    macro,
    call,
    filter,
    with,
    scope,
    skip,
    stop
};

struct Stmt;
using Body = std::vector<Stmt>;

struct Stmt {
    StmtKind kind;
    int line;
    TextPtr text = {};
    std::string name = {};                                     // of a macro
    ExprPtr target = {}, value = {}, test = {};                // of loop, set, call, filter
    std::vector<std::pair<std::string, ExprPtr>> params = {};  // of macro and call; with a default or null
    std::vector<std::pair<ExprPtr, ExprPtr>> bindings = {};    // of with
    std::vector<std::pair<ExprPtr, Body>> branches = {};       // of branch
    Body body = {}, otherwise = {};
    bool takes_more = false, takes_named = false, takes_caller = false;  // a macro that names varargs, ...
};

}  // namespace sluice::chat::jinja
