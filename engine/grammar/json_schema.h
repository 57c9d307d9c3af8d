// JSON Schema (2020-12) as a grammar of the JSON texts that fit it.
// Source: https://json-schema.org/draft/2020-12/json-schema-validation
//
// Every text of the grammar fits the schema. Not every text that fits is in the grammar: objects have their
// properties in the schema's order; further properties only where the schema asks for them by
// `additionalProperties` or has no `properties`; numbers with bounds have no exponent; white space is a space
// or an indented line break. What cannot be kept (uniqueItems, not, if, patternProperties, ...) is an error.
// `oneOf` needs alternatives that can be told apart. Schemas come from requests and are not trusted. One
// thread.
#pragma once
#include <boost/json/value.hpp>
#include <optional>

#include "engine/grammar/builder.h"

namespace sluice::grammar {

// Errors: invalid_request, with the place in the schema as a JSON pointer.
Result<Node> add_json_schema(Builder& builder, const boost::json::value& schema);

// A schema within `root`, which is what its references point into.
Result<Node> add_json_schema(Builder& builder, const boost::json::value& schema,
                             const boost::json::value& root);

// The same where texts are written without quotes and escapes, as in Qwen3-Coder's calls. Nothing: any text
// fits.
Result<std::optional<Node>> add_unquoted(Builder& builder, const boost::json::value& schema,
                                         const boost::json::value& root);

// Any JSON object.
Node add_json_object(Builder& builder);

}  // namespace sluice::grammar
