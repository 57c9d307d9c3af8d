// Reads one JSON Schema into nodes. Used by json_schema.cpp only, which says what is supported. References
// become rules, so that schemas may recurse; what is put together from several schemas becomes a rule as
// well, because its parts may. One thread.
#pragma once
#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/all_of.h"
#include "engine/grammar/json_text.h"
#include "engine/grammar/schema_algebra.h"

namespace sluice::grammar {

class SchemaReader {
  public:
    SchemaReader(Builder& b, const boost::json::value& root)
        : b_(b), text_(b), all_of_(b), root_(root), algebra_(root) {}

    Result<Node> read(const boost::json::value& schema);
    Result<std::optional<Node>> read_unquoted(const boost::json::value& schema);

  private:
    // Names a place in the error of a schema.
    Error at(std::string message) const { return schema_error(fmt::format("{}: {}", path_, message)); }
    Error refusal(std::string_view keyword) const {
        return at(fmt::format("`{}` is not supported", keyword));
    }
    Result<void> define_rules();
    Result<void> check_keywords(const boost::json::object& schema) const;
    // Where a text needs no quotes; nothing: any text fits.
    Result<std::optional<Node>> unquoted(const boost::json::value& schema, int depth);
    Result<Node> reference(std::string_view pointer);
    // Schemas put together from others are rules as well, because what they are made of may recurse.
    Result<Node> merged(const boost::json::value& schema);
    // A schema below this one.
    Result<Node> below(const boost::json::value& schema, std::string_view step, int depth);
    Result<Node> convert(const boost::json::value& schema, int depth);
    Result<Node> convert_merged(const boost::json::value& schema, int depth);
    Result<Node> convert_flat(const boost::json::object& schema, int depth);
    // The types that a schema speaks of. Where it does not say which, those that its keywords speak of;
    // empty: it says nothing.
    Result<std::vector<std::string>> types_of(const boost::json::object& schema) const;
    Result<Node> typed(const boost::json::object& schema, std::string_view type, int depth);
    Result<Node> enumeration(const boost::json::object& schema, const boost::json::value& values,
                             Writing writing);
    // The alternatives, each with what stands beside them.
    Result<std::vector<boost::json::value>> options_of(const boost::json::object& schema,
                                                       std::string_view keyword);
    Result<Node> alternatives(const boost::json::object& schema, std::string_view keyword, int depth);
    Result<void> check_apart(const boost::json::array& options);
    Result<int32_t> count(const boost::json::object& schema, const char* keyword, int32_t absent) const;
    // What a text may be, without its quotes; nothing: anything.
    Result<std::optional<Node>> inside(const boost::json::object& schema, Writing writing);
    Result<Node> string(const boost::json::object& schema);
    Result<Node> object(const boost::json::object& schema, int depth);
    Result<Node> array(const boost::json::object& schema, int depth);

    Builder& b_;
    JsonText text_;
    AllOf all_of_;
    const boost::json::value& root_;
    SchemaAlgebra algebra_;
    std::string path_ = "#";
    std::map<std::string, Node> rules_, merged_;  // by what they refer to; by what they say
    struct Waiting {                              // to be defined
        Node rule;
        std::string path;
        const boost::json::value* schema;
        bool merged;
    };
    std::vector<Waiting> waiting_;
    std::deque<boost::json::value> kept_;
};

}  // namespace sluice::grammar
