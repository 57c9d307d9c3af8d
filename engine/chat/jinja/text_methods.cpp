// Methods of strings, as Python's str has them.
#include <algorithm>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

static TextView self(const Call& c) {
    const TextView text = c.self.text()->view();
    c.meter().read(text.size());
    return text;
}
static std::optional<std::string_view> optional_text(const Call& c, size_t i) {
    return c.given(i) ? std::optional(c.text(i).bytes) : std::nullopt;
}
static Value list_of(const Call& c, const std::vector<TextView>& parts, Kind kind = Kind::list) {
    std::vector<Value> items;
    for (TextView part : parts) items.push_back(Value::string(part));
    return make_sequence(c.meter(), std::move(items), kind);
}

static Value strip_both(const Call& c) {
    return Value::string(strip(self(c), Side::both, optional_text(c, 0)));
}
static Value strip_left(const Call& c) {
    return Value::string(strip(self(c), Side::left, optional_text(c, 0)));
}
static Value strip_right(const Call& c) {
    return Value::string(strip(self(c), Side::right, optional_text(c, 0)));
}

static Value split_left(const Call& c) {
    return list_of(c, split(self(c), optional_text(c, 0), c.integer(1, -1)));
}
static Value split_from_right(const Call& c) {
    return list_of(c, split_right(self(c), optional_text(c, 0), c.integer(1, -1)));
}
static Value lines(const Call& c) {
    return list_of(c, split_lines(self(c), c.flag(0)));
}

static Value cut(const Call& c, bool from_right) {
    const TextView text = self(c), separator = c.text(0);
    if (separator.empty()) throw Failure("empty separator");
    const size_t at = from_right ? text.bytes.rfind(separator.bytes) : text.bytes.find(separator.bytes);
    if (at == std::string_view::npos)
        return from_right ? list_of(c, {{}, {}, text}, Kind::tuple) : list_of(c, {text, {}, {}}, Kind::tuple);
    return list_of(c, {text.substr(0, at), separator, text.substr(at + separator.size())}, Kind::tuple);
}
static Value partition(const Call& c) {
    return cut(c, false);
}
static Value partition_right(const Call& c) {
    return cut(c, true);
}

// text[start:end] of the arguments after the first.
static TextView window(const Call& c, TextView text) {
    const auto count = static_cast<int64_t>(length(text.bytes));
    const auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + count : i, 0, count); };
    const size_t from = byte_offset(text.bytes, static_cast<size_t>(clamp(c.integer(1, 0))));
    const size_t to = byte_offset(text.bytes, static_cast<size_t>(clamp(c.integer(2, count))));
    return text.substr(from, to < from ? 0 : to - from);
}

static bool has_end(const Call& c, bool at_start) {
    const TextView text = window(c, self(c));
    std::vector<Value> options{c[0]};
    if (c[0].sequence() && c[0].sequence()->kind == Kind::tuple) options = c[0].sequence()->items;
    return std::any_of(options.begin(), options.end(), [&](const Value& option) {
        if (option.text() == nullptr) throw Failure("a string or a tuple of strings is expected");
        const std::string_view wanted = option.text()->bytes;
        return at_start ? text.bytes.starts_with(wanted) : text.bytes.ends_with(wanted);
    });
}
static Value starts_with(const Call& c) {
    return {has_end(c, true)};
}
static Value ends_with(const Call& c) {
    return {has_end(c, false)};
}

static int64_t position(const Call& c, bool from_right) {
    const TextView text = self(c), part = window(c, text), wanted = c.text(0);
    const size_t at = from_right ? part.bytes.rfind(wanted.bytes) : part.bytes.find(wanted.bytes);
    if (at == std::string_view::npos) return -1;
    const auto before = static_cast<size_t>(part.bytes.data() - text.bytes.data()) + at;
    return static_cast<int64_t>(length(text.bytes.substr(0, before)));
}
static int64_t known_position(const Call& c, bool from_right) {
    const int64_t at = position(c, from_right);
    if (at < 0) throw Failure("substring not found");
    return at;
}
static Value find(const Call& c) {
    return {position(c, false)};
}
static Value find_right(const Call& c) {
    return {position(c, true)};
}
static Value index(const Call& c) {
    return {known_position(c, false)};
}
static Value index_right(const Call& c) {
    return {known_position(c, true)};
}

static Value count(const Call& c) {
    const TextView text = window(c, self(c)), wanted = c.text(0);
    if (wanted.empty()) return {static_cast<int64_t>(length(text.bytes)) + 1};
    int64_t found = 0;
    for (size_t at = 0; (at = text.bytes.find(wanted.bytes, at)) != std::string_view::npos; ++found)
        at += wanted.size();
    c.meter().walk(static_cast<size_t>(found));
    return {found};
}

static Value replaced(const Call& c) {
    return {replace(c.meter(), self(c), c.text(0).bytes, c.text(1), c.integer(2, -1))};
}
static Value without_prefix(const Call& c) {
    const TextView text = self(c);
    return Value::string(text.substr(text.bytes.starts_with(c.text(0).bytes) ? c.text(0).size() : 0));
}
static Value without_suffix(const Call& c) {
    const TextView text = self(c);
    const bool ends = text.bytes.ends_with(c.text(0).bytes);
    return Value::string(text.substr(0, text.size() - (ends ? c.text(0).size() : 0)));
}

static Value joined(const Call& c) {
    const SequencePtr items = c.in.iterate(c[0]);
    std::vector<TextView> parts;
    for (const Value& item : items->items) {
        if (item.text() == nullptr)
            throw Failure("join: str instance expected, " + type_name(item) + " found");
        parts.push_back(item.text()->view());
    }
    return {join(c.meter(), self(c), parts)};
}

template <Case how>
static Value with_case(const Call& c) {
    return {change_case(c.meter(), self(c), how)};
}
template <Class which>
static Value of_class(const Call& c) {
    c.meter().walk(c.self.text()->bytes.size());
    return {is_class(self(c).bytes, which)};
}
static Value is_ascii(const Call& c) {
    const std::string_view text = self(c).bytes;
    return {std::all_of(text.begin(), text.end(), [](char b) { return static_cast<signed char>(b) >= 0; })};
}
static Value is_title(const Call& c) {
    c.meter().walk(c.self.text()->bytes.size());
    return {is_title_case(self(c).bytes)};
}

static Value padded(const Call& c, Align align) {
    const TextView fill = c.text(1, " ");
    if (length(fill.bytes) != 1) throw Failure("the fill character must be exactly one character long");
    return {pad(c.meter(), self(c), c.integer(0), fill, align)};
}
static Value pad_right(const Call& c) {
    return padded(c, Align::left);
}
static Value pad_left(const Call& c) {
    return padded(c, Align::right);
}
static Value pad_both(const Call& c) {
    return padded(c, Align::center);
}
static Value zero_fill(const Call& c) {
    const TextView text = self(c);
    const size_t sign = text.bytes.starts_with('-') || text.bytes.starts_with('+') ? 1 : 0;
    const TextPtr rest =
        pad(c.meter(), text.substr(sign), c.integer(0) - static_cast<int64_t>(sign), {"0"}, Align::right);
    return {join(c.meter(), {}, {text.substr(0, sign), rest->view()})};
}
static Value format(const Call& c) {
    return {format_braces(c.meter(), self(c), c.more)};
}

const Builtin* find_text_method(std::string_view name) {
    static constexpr Builtin kMethods[] = {
        {"capitalize", "", 0, with_case<Case::capitalize>},
        {"center", "width fillchar", 1, pad_both},
        {"count", "sub start end", 1, count},
        {"endswith", "suffix start end", 1, ends_with},
        {"find", "sub start end", 1, find},
        {"format", "*", 0, format},
        {"index", "sub start end", 1, index},
        {"isalnum", "", 0, of_class<Class::alnum>},
        {"isalpha", "", 0, of_class<Class::alpha>},
        {"isascii", "", 0, is_ascii},
        {"isdecimal", "", 0, of_class<Class::decimal>},
        {"isdigit", "", 0, of_class<Class::digit>},
        {"islower", "", 0, of_class<Class::lower>},
        {"isnumeric", "", 0, of_class<Class::numeric>},
        {"isspace", "", 0, of_class<Class::space>},
        {"istitle", "", 0, is_title},
        {"isupper", "", 0, of_class<Class::upper>},
        {"join", "iterable", 1, joined},
        {"ljust", "width fillchar", 1, pad_right},
        {"lower", "", 0, with_case<Case::lower>},
        {"lstrip", "chars", 0, strip_left},
        {"partition", "sep", 1, partition},
        {"removeprefix", "prefix", 1, without_prefix},
        {"removesuffix", "suffix", 1, without_suffix},
        {"replace", "old new count", 2, replaced},
        {"rfind", "sub start end", 1, find_right},
        {"rindex", "sub start end", 1, index_right},
        {"rjust", "width fillchar", 1, pad_left},
        {"rpartition", "sep", 1, partition_right},
        {"rsplit", "sep maxsplit", 0, split_from_right},
        {"rstrip", "chars", 0, strip_right},
        {"split", "sep maxsplit", 0, split_left},
        {"splitlines", "keepends", 0, lines},
        {"startswith", "prefix start end", 1, starts_with},
        {"strip", "chars", 0, strip_both},
        {"swapcase", "", 0, with_case<Case::swap>},
        {"title", "", 0, with_case<Case::title>},
        {"upper", "", 0, with_case<Case::upper>},
        {"zfill", "width", 1, zero_fill},
    };
    for (const Builtin& method : kMethods) {
        if (method.name == name) return &method;
    }
    return nullptr;
}

}  // namespace sluice::chat::jinja
