// What an answer may be, as a grammar: reasoning in front, content that keeps to a grammar of its own, tool
// calls in the form that the model was taught. Pure; any thread.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "engine/chat/answer_parser.h"
#include "engine/grammar/builder.h"
#include "engine/grammar/constraints.h"
#include "engine/result.h"

namespace sluice::engine {

// The content's grammar. `key` says all that `add` depends on.
struct ContentRule {
    std::string key;
    std::function<Result<grammar::Node>(grammar::Builder&)> add;
};

struct AnswerRules {
    chat::AnswerOptions options;                 // the form, and the tools that may be called
    bool must_call = false;                      // at least one call, and no content
    std::shared_ptr<const ContentRule> content;  // null: any text
};

// Something is ruled: without that an answer needs no grammar. `strict` tools are, and parallel = false.
bool rule(const AnswerRules& rules);

// Errors: as those of constrain().
Result<grammar::Node> add_answer(grammar::Builder& builder, const AnswerRules& rules);

// The same for a model, kept for requests that ask for it again. Calls keep to their tool's schema: those of
// `strict` tools always, others where it can be a grammar. Errors: invalid_request; `param` is `tools` for
// what a tool's schema or the model's form does not allow, else empty.
Result<std::shared_ptr<grammar::Constraint>> constrain(const AnswerRules& rules,
                                                       grammar::Constraints& constraints);

}  // namespace sluice::engine
