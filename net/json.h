// JSON as requests and answers need it: a strict reader (no duplicate keys, no infinities, bounded depth) and
// a writer that cannot produce anything but valid JSON in valid UTF-8.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net {

// One document, nothing after it. invalid_request says what is wrong and where.
Result<boost::json::value> parse_json(std::string_view text, int32_t max_depth);

// Appends to a string; commas come by themselves.
class JsonWriter {
  public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }
    JsonWriter& key(std::string_view name);

    JsonWriter& text(std::string_view value);  // here and in keys invalid UTF-8 becomes U+FFFD
    JsonWriter& integer(int64_t value);
    JsonWriter& number(
        double value);  // to float precision; not finite: -9999, OpenAI's word for "impossible"
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    JsonWriter& raw(std::string_view json);  // a value that is JSON already

  private:
    JsonWriter& open(char c);
    JsonWriter& close(char c);
    void separate();

    std::string& out_;
    bool comma_ = false;
};

// Bytes as text: what is not UTF-8 becomes U+FFFD.
std::string valid_utf8(std::string_view bytes);

}  // namespace sluice::net
