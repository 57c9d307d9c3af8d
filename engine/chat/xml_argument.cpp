#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <optional>

#include "engine/chat/tool_call.h"

namespace sluice::chat {
namespace {

namespace json = boost::json;

constexpr int kMaxSchemas = 256;  // looked at for one parameter: schemas may refer to each other in circles

// The end of a quoted Python string that begins at `at`.
size_t string_end(std::string_view text, size_t at) {
    for (size_t i = at + 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == text[at]) {
            return i;
        }
    }
    return std::string_view::npos;
}

// 'it\'s' as "it's".
void append_python_string(std::string& out, std::string_view inside) {
    out += '"';
    for (size_t i = 0; i < inside.size(); ++i) {
        if (inside[i] == '\\' && i + 1 < inside.size()) {
            const char next = inside[++i];
            if (next != '\'') out += '\\';
            out += next;
        } else if (inside[i] == '"') {
            out += "\\\"";
        } else {
            out += inside[i];
        }
    }
    out += '"';
}

// Python's way to write lists and dictionaries, as JSON; what it cannot be fails when it is parsed.
std::string from_python(std::string_view text) {
    struct Word {
        std::string_view python, json;
    };
    static constexpr Word kWords[] = {{"True", "true"}, {"False", "false"}, {"None", "null"}};
    std::string out;
    for (size_t i = 0; i < text.size();) {
        if (text[i] == '\'' || text[i] == '"') {
            const size_t end = string_end(text, i);
            if (end == std::string_view::npos) return {};
            append_python_string(out, text.substr(i + 1, end - i - 1));
            i = end + 1;
            continue;
        }
        const Word* found = nullptr;
        for (const Word& word : kWords) {
            if (text.substr(i).starts_with(word.python)) found = &word;
        }
        if (found) out += found->json;
        if (!found) out += text[i];
        i += found ? found->python.size() : 1;
    }
    return out;
}

const json::value* follow(const json::value& reference, const json::value* root) {
    if (!root || !reference.is_string()) return nullptr;
    const std::string_view pointer = reference.get_string();
    if (!pointer.starts_with('#')) return nullptr;
    json::error_code ec;
    return root->find_pointer(pointer.substr(1), ec);
}

}  // namespace

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

json::parse_options deep_options() {
    json::parse_options options;
    options.max_depth = 100;
    return options;
}

std::optional<json::value> parse_deep(std::string_view text) {
    json::error_code ec;
    auto value = json::parse(text, ec, {}, deep_options());
    if (ec) return std::nullopt;
    return value;
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
}

ArgumentType::ArgumentType(const json::value* schema, const json::value* root) : types_(kAny) {
    int left = kMaxSchemas;
    if (schema) types_ = types_of(*schema, root, left);
}

unsigned ArgumentType::types_of(const json::value& schema, const json::value* root, int& left) {
    const json::object* object = schema.if_object();
    if (!object || left-- <= 0) return kAny;
    if (const json::value* reference = object->if_contains("$ref")) {
        const json::value* target = follow(*reference, root);
        return target ? types_of(*target, root, left) : kAny;
    }
    struct Name {
        std::string_view name;
        unsigned type;
    };
    static constexpr Name kNames[] = {{"string", kText},     {"number", kNumber | kInteger},
                                      {"integer", kInteger}, {"boolean", kBoolean},
                                      {"null", kNull},       {"object", kObject},
                                      {"array", kArray}};
    const auto named = [](const json::value& value) {
        for (const Name& name : kNames) {
            if (value.is_string() && value.get_string() == name.name) return name.type;
        }
        return 0u;
    };
    unsigned out = 0;
    if (const json::value* type = object->if_contains("type")) {
        if (type->is_string()) out |= named(*type);
        if (type->is_array()) {
            for (const json::value& one : type->get_array()) out |= named(one);
        }
        return out ? out : kAny;
    }
    for (const std::string_view key : {"anyOf", "oneOf"}) {
        const json::value* options = object->if_contains(key);
        if (!options || !options->is_array()) continue;
        for (const json::value& one : options->get_array()) {
            if (left <= 0) return kAny;
            out |= types_of(one, root, left);
        }
    }
    json::array values;
    if (const json::value* list = object->if_contains("enum"); list && list->is_array())
        values = list->get_array();
    if (const json::value* one = object->if_contains("const")) values.push_back(*one);
    for (const json::value& value : values) {
        if (value.is_string()) out |= kText;
        if (value.is_int64() || value.is_uint64()) out |= kInteger;
        if (value.is_double()) out |= kNumber | kInteger;
        if (value.is_bool()) out |= kBoolean;
        if (value.is_null()) out |= kNull;
        if (value.is_object()) out |= kObject;
        if (value.is_array()) out |= kArray;
    }
    return out ? out : kAny;
}

bool ArgumentType::allows(const json::value& value) const {
    if (value.is_null()) return types_ & kNull;
    if (value.is_bool()) return types_ & kBoolean;
    if (value.is_int64() || value.is_uint64()) return types_ & (kInteger | kNumber);
    if (value.is_double()) {  // 5.0, or more digits than 64 bits hold
        return (types_ & kNumber) || ((types_ & kInteger) && !(types_ & kText));
    }
    if (value.is_object()) return types_ & kObject;
    if (value.is_array()) return types_ & kArray;
    return false;  // a quoted string is a text with quotes, unless nothing else is allowed
}

std::string ArgumentType::to_json(std::string_view text) const {
    const std::string_view bare = trimmed(text);
    if (const auto value = parse_deep(bare); value && allows(*value)) return std::string(bare);
    if (const std::string python = from_python(bare); !python.empty()) {
        if (const auto value = parse_deep(python); value && allows(*value)) return python;
    }
    std::string out = "\"";
    append_escaped(out, text);
    return out += '"';
}

}  // namespace sluice::chat
