// How values look as text: Python's str(), repr() and json.dumps().
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/chat/jinja/value.h"

namespace sluice::chat::jinja {

// Shortest digits that read back the same; an exponent below 1e-4 and from 1e16, as in Python.
std::string print_float(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    char buffer[64];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string_view spelling(buffer, static_cast<size_t>(end - buffer));
    std::string sign;
    if (spelling.front() == '-') sign = "-", spelling.remove_prefix(1);
    const size_t e = spelling.find('e');
    int exponent = 0;
    const size_t digits_of_exponent = spelling[e + 1] == '+' ? e + 2 : e + 1;
    std::from_chars(spelling.data() + digits_of_exponent, spelling.data() + spelling.size(), exponent);
    std::string digits(1, spelling.front());
    if (e > 2) digits += spelling.substr(2, e - 2);
    const int count = static_cast<int>(digits.size());
    if (exponent < -4 || exponent >= 16) {
        if (count > 1) digits.insert(1, ".");
        std::snprintf(buffer, sizeof buffer, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
        return sign + digits + buffer;
    }
    if (exponent < 0) return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
    if (count <= exponent + 1)
        return sign + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
    return sign + digits.insert(static_cast<size_t>(exponent + 1), ".");
}

static std::string escape_hex(uint32_t c, bool short_form) {
    char buffer[16];
    const char* format = c > 0xFFFF ? "\\U%08x" : c > 0xFF || !short_form ? "\\u%04x" : "\\x%02x";
    std::snprintf(buffer, sizeof buffer, format, c);
    return buffer;
}

static std::string_view short_escape(char c) {
    switch (c) {
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        case '\\':
            return "\\\\";
        default:
            return {};
    }
}

static void append_quoted(TextBuilder& out, TextView text) {
    const bool single =
        text.bytes.find('\'') == std::string_view::npos || text.bytes.find('"') != std::string_view::npos;
    const char quote = single ? '\'' : '"';
    out.append({&quote, 1});
    for (TextView piece : code_points(text)) {
        const uint32_t c = decode(piece.bytes, 0).value;
        const bool client = piece.from_client();
        if (c == static_cast<uint32_t>(quote))
            out.append(single ? "\\'" : "\\\"", client);
        else if (const auto escape = c < 0x80 ? short_escape(static_cast<char>(c)) : std::string_view();
                 !escape.empty())
            out.append(escape, client);
        else if (!is_printable(c))
            out.append(escape_hex(c, true), client);
        else
            out.append(piece);
    }
    out.append({&quote, 1});
}

static void append_repr(Meter& meter, TextBuilder& out, const Value& value);

static void append_sequence(Meter& meter, TextBuilder& out, const Sequence& sequence) {
    static constexpr std::string_view kOpen[] = {"[", "(", "dict_items([", "dict_keys([", "dict_values([", "",
                                                 "",  "("};
    static constexpr std::string_view kClose[] = {"]", ")", "])", "])", "])", "", "", ")"};
    if (sequence.kind == Kind::range) return out.append(sequence.label);
    if (sequence.kind == Kind::generator) return out.append("<generator object>");
    out.append(kOpen[static_cast<size_t>(sequence.kind)]);
    for (size_t i = 0; i < sequence.items.size(); ++i) {
        if (i > 0) out.append(", ");
        append_repr(meter, out, sequence.items[i]);
    }
    if (sequence.kind == Kind::tuple && sequence.items.size() == 1) out.append(",");
    out.append(kClose[static_cast<size_t>(sequence.kind)]);
}

static void append_repr(Meter& meter, TextBuilder& out, const Value& value) {
    Meter::Level level(meter);
    if (value.is<Undefined>())
        out.append("Undefined");
    else if (value.is<None>())
        out.append("None", value.client);
    else if (const auto* b = value.as<bool>())
        out.append(*b ? "True" : "False", value.client);
    else if (const auto* i = value.as<int64_t>())
        out.append(std::to_string(*i), value.client);
    else if (const auto* d = value.as<double>())
        out.append(print_float(*d), value.client);
    else if (const auto* t = value.text())
        append_quoted(out, t->view());
    else if (const auto* s = value.sequence())
        append_sequence(meter, out, *s);
    else if (const auto* o = value.object())
        out.append(o->repr());
    else {
        out.append("{");
        bool first = true;
        for (const auto& [key, item] : value.dict()->entries) {
            if (!std::exchange(first, false)) out.append(", ");
            append_repr(meter, out, key);
            out.append(": ");
            append_repr(meter, out, item);
        }
        out.append("}");
    }
}

TextPtr repr(Meter& meter, const Value& value) {
    TextBuilder out(meter);
    append_repr(meter, out, value);
    return out.take();
}

TextPtr to_text(Meter& meter, const Value& value) {
    if (const auto* text = value.as<TextPtr>()) return *text;
    if (value.is<Undefined>()) return Text::of("");
    return repr(meter, value);
}

namespace {

class JsonWriter {
  public:
    JsonWriter(Meter& meter, const JsonStyle& style) : meter_(meter), style_(style), out_(meter) {}
    TextPtr write(const Value& value) {
        append(value, 0);
        return out_.take();
    }

  private:
    void append(const Value& value, int level) {
        Meter::Level guard(meter_);
        if (const auto* text = value.text()) return append_string(text->view());
        if (const auto* list = value.sequence();
            list && (list->kind <= Kind::tuple || list->kind == Kind::group))
            return append_list(*list, level);
        if (const auto* dict = value.dict()) return append_dict(*dict, level);
        out_.append(scalar(value), value.client);
    }

    static std::string scalar(const Value& value) {
        if (value.is<None>()) return "null";
        if (const auto* b = value.as<bool>()) return *b ? "true" : "false";
        if (const auto* i = value.as<int64_t>()) return std::to_string(*i);
        const auto* d = value.as<double>();
        if (d == nullptr) throw Failure("Object of type " + type_name(value) + " is not JSON serializable");
        if (std::isnan(*d)) return "NaN";
        if (std::isinf(*d)) return *d < 0 ? "-Infinity" : "Infinity";
        return print_float(*d);
    }

    void append_string(TextView text) {
        out_.append("\"");
        size_t plain = 0;  // copied up to here
        for (size_t pos = 0; pos < text.size();) {
            const CodePoint c = decode(text.bytes, pos);
            if (const std::string escape = escaped(c.value); !escape.empty()) {
                out_.append(text.substr(plain, pos - plain));
                out_.append(escape, text.substr(pos, 1).from_client());
                plain = pos + c.size;
            }
            pos += c.size;
        }
        out_.append(text.substr(plain));
        out_.append("\"");
    }

    std::string escaped(uint32_t c) const {
        if (c == '"') return "\\\"";
        if (c == '\b') return "\\b";
        if (c == '\f') return "\\f";
        if (c < 0x80 && !short_escape(static_cast<char>(c)).empty())
            return std::string(short_escape(static_cast<char>(c)));
        if (c < 0x20 || (style_.ensure_ascii && c > 0x7E && c <= 0xFFFF && c != 0x7F))
            return escape_hex(c, false);
        if (!style_.ensure_ascii || c <= 0xFFFF) return {};
        return escape_hex(0xD800 + ((c - 0x10000) >> 10), false) +
               escape_hex(0xDC00 + ((c - 0x10000) & 0x3FF), false);
    }

    void new_line(int level) {
        if (!style_.indent) return;
        out_.append("\n");
        out_.fill(style_.indent->view(), level);
    }

    void append_list(const Sequence& list, int level) {
        if (list.items.empty()) return out_.append("[]");
        out_.append("[");
        for (size_t i = 0; i < list.items.size(); ++i) {
            if (i > 0) out_.append(style_.item_separator.view());
            new_line(level + 1);
            append(list.items[i], level + 1);
        }
        new_line(level);
        out_.append("]");
    }

    void append_dict(const Dict& dict, int level) {
        if (dict.entries.empty()) return out_.append("{}");
        std::vector<const std::pair<Value, Value>*> entries;
        for (const auto& entry : dict.entries) entries.push_back(&entry);
        if (style_.sort_keys)
            std::stable_sort(entries.begin(), entries.end(),
                             [&](const auto* a, const auto* b) { return less(meter_, a->first, b->first); });
        out_.append("{");
        bool first = true;
        for (const auto* entry : entries) {
            if (!std::exchange(first, false)) out_.append(style_.item_separator.view());
            new_line(level + 1);
            append_key(entry->first);
            out_.append(style_.key_separator.view());
            append(entry->second, level + 1);
        }
        new_line(level);
        out_.append("}");
    }

    void append_key(const Value& key) {
        if (key.text()) return append_string(key.text()->view());
        if (key.sequence() || key.object())
            throw Failure("keys must be str, int, float, bool or None, not " + type_name(key));
        out_.append("\"");
        out_.append(scalar(key), key.client);
        out_.append("\"");
    }

    Meter& meter_;
    const JsonStyle& style_;
    TextBuilder out_;
};

}  // namespace

TextPtr to_json(Meter& meter, const Value& value, const JsonStyle& style) {
    return JsonWriter(meter, style).write(value);
}

}  // namespace sluice::chat::jinja
