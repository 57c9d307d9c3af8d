// How answers are made: fields of a chat request that a person sets by name, read by the same table as the
// server's (net/openai/fields.h). Only what was set is sent, so the other side's defaults hold. Pure.
#pragma once
#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

std::span<const std::string_view> setting_names();

class Settings {
  public:
    // `name` as in the API, or with hyphens as flags have it. `default`: as if it had never been set.
    // invalid_request with the server's words.
    Result<void> set(std::string_view name, std::string_view value);

    const boost::json::object& fields() const { return fields_; }
    std::string list() const;                                   // a line each
    Result<std::string> describe(std::string_view name) const;  // the line of one

  private:
    boost::json::object fields_;
};

}  // namespace sluice::net::repl
