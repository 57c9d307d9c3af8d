// JSON Schemas before they become grammars: references followed, `allOf` and what stands beside `$ref` merged
// into one schema, alternatives told apart. Pure, but for a bound on the work. One thread.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::grammar {

class SchemaAlgebra {
  public:
    // `root` is what references point into; it must live as long.
    explicit SchemaAlgebra(const boost::json::value& root) : root_(root) {}

    // "#", "#/$defs/name": where it points. Nothing is ever fetched.
    Result<const boost::json::value*> resolve(std::string_view reference);

    // One object that says the same as `schema` (true or an object), without $ref, allOf and const. A schema
    // that nothing fits comes out as {"enum": []}.
    Result<boost::json::object> flatten(const boost::json::value& schema);

    // What both say.
    Result<boost::json::object> merge(boost::json::object a, const boost::json::object& b);

    // No value fits both: seen from types, from values, or from a property that both require.
    Result<bool> disjoint(const boost::json::value& a, const boost::json::value& b);

  private:
    Result<boost::json::object> flatten_within(const boost::json::value& schema, int depth);
    Result<bool> disjoint_within(const boost::json::value& a, const boost::json::value& b, int depth);
    Result<void> work();

    const boost::json::value& root_;
    int work_ = 0;
};

// Says nothing about values: title, description, default, ...
bool is_annotation(std::string_view keyword);
// The value's type is one of the schema's `type` (absent: all are).
bool fits_type(const boost::json::object& schema, const boost::json::value& value);

Error schema_error(std::string message);

}  // namespace sluice::grammar
