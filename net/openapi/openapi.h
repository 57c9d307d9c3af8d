// What GET /openapi.json says: OpenAPI 3.1, made of the tables that requests are routed and read by. Built
// once, when the model is there. Pure.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "engine/stats.h"
#include "net/limits.h"

namespace sluice::net::openapi {

// The document as JSON text. `keys`: whether clients need an API key.
std::string document(const engine::ModelInfo& model, const Limits& limits, bool keys);

// Its schemas, by their names under #/components/schemas.
boost::json::object request_schemas(const engine::ModelInfo& model, const Limits& limits);
boost::json::object answer_schemas();

// {"$ref": "#/components/schemas/NAME"}
boost::json::object reference(std::string_view schema);

// A JSON object that stands in the program's own text.
boost::json::object parse_literal(std::string_view text);

}  // namespace sluice::net::openapi
