#include "net/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <vector>

namespace sluice::net {
namespace {

namespace json = boost::json;

// Builds the value while it looks for what Boost.JSON lets pass: duplicate keys and numbers beyond double.
struct StrictHandler {
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    json::value_stack stack;
    std::vector<std::string> keys;  // of all open objects
    std::vector<size_t> first_key;  // where those of each open object begin
    std::string key_part;
    std::string complaint;

    bool fail(std::string what, json::error_code& ec) {
        complaint = std::move(what);
        ec = json::error::syntax;
        return false;
    }
    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) {
        first_key.push_back(keys.size());
        return true;
    }
    bool on_object_end(std::size_t n, json::error_code& ec) {
        const auto first = keys.begin() + static_cast<std::ptrdiff_t>(first_key.back());
        std::sort(first, keys.end());
        const auto twice = std::adjacent_find(first, keys.end());
        if (twice != keys.end()) return fail("the key \"" + *twice + "\" comes twice in one object", ec);
        keys.erase(first, keys.end());
        first_key.pop_back();
        stack.push_object(n);
        return true;
    }
    bool on_array_begin(json::error_code&) { return true; }
    bool on_array_end(std::size_t n, json::error_code&) {
        stack.push_array(n);
        return true;
    }
    bool on_key_part(json::string_view s, std::size_t, json::error_code&) {
        key_part.append(s.data(), s.size());
        stack.push_chars(s);
        return true;
    }
    bool on_key(json::string_view s, std::size_t, json::error_code&) {
        key_part.append(s.data(), s.size());
        keys.push_back(std::exchange(key_part, {}));
        stack.push_key(s);
        return true;
    }
    bool on_string_part(json::string_view s, std::size_t, json::error_code&) {
        stack.push_chars(s);
        return true;
    }
    bool on_string(json::string_view s, std::size_t, json::error_code&) {
        stack.push_string(s);
        return true;
    }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(std::int64_t i, json::string_view, json::error_code&) {
        stack.push_int64(i);
        return true;
    }
    bool on_uint64(std::uint64_t u, json::string_view, json::error_code&) {
        stack.push_uint64(u);
        return true;
    }
    bool on_double(double d, json::string_view, json::error_code& ec) {
        if (!std::isfinite(d)) return fail("a number is too large", ec);
        stack.push_double(d);
        return true;
    }
    bool on_bool(bool b, json::error_code&) {
        stack.push_bool(b);
        return true;
    }
    bool on_null(json::error_code&) {
        stack.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

// Length of the UTF-8 sequence at the start of s; 0 if it is none (Unicode 15, table 3-7).
size_t utf8_length(std::string_view s) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
    const auto follows = [&](size_t i, int lo = 0x80, int hi = 0xbf) {
        return i < s.size() && byte(i) >= lo && byte(i) <= hi;
    };
    const int lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef)
        return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (lead >= 0xf0 && lead <= 0xf4)
        return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3)
                   ? 4
                   : 0;
    return 0;
}

void append_escaped(std::string& out, std::string_view s) {
    for (size_t i = 0; i < s.size();) {
        const char c = s[i];
        const size_t length = utf8_length(s.substr(i));
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else if (c == '"' || c == '\\') {
            (out += '\\') += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += s.substr(i, length);
        }
        i += std::max<size_t>(length, 1);
    }
}

}  // namespace

Result<json::value> parse_json(std::string_view text, int32_t max_depth) {
    json::parse_options options;
    options.max_depth = static_cast<std::size_t>(max_depth);
    json::basic_parser<StrictHandler> parser(options);
    parser.handler().stack.reset();
    json::error_code ec;
    const size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && used < text.size()) ec = json::error::extra_data;
    if (ec) {
        const std::string& complaint = parser.handler().complaint;
        return Error{ErrorKind::invalid_request,
                     fmt::format("not valid JSON: {} (near byte {})",
                                 complaint.empty() ? ec.message() : complaint, used)};
    }
    return parser.handler().stack.release();
}

void JsonWriter::separate() {
    if (comma_) out_ += ',';
    comma_ = true;
}

JsonWriter& JsonWriter::open(char c) {
    separate();
    out_ += c;
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char c) {
    out_ += c;
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    out_ += '"';
    append_escaped(out_, name);
    out_ += "\":";
    comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
    separate();
    out_ += '"';
    append_escaped(out_, value);
    out_ += '"';
    return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
    separate();
    out_ += fmt::format_int(value).str();
    return *this;
}

JsonWriter& JsonWriter::number(double value) {
    separate();
    const auto single = static_cast<float>(value);
    out_ += fmt::format("{}", std::isfinite(single) ? single : -9999.0f);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null() {
    separate();
    out_ += "null";
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    for (size_t i = 0; i < bytes.size();) {
        const size_t length = utf8_length(bytes.substr(i));
        if (length == 0) {
            out += "\xef\xbf\xbd";
        } else {
            out += bytes.substr(i, length);
        }
        i += std::max<size_t>(length, 1);
    }
    return out;
}

}  // namespace sluice::net
