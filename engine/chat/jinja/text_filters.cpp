// Filters that give text.
#include <algorithm>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

TextPtr pad(Meter& meter, TextView text, int64_t width, TextView fill, Align align) {
    const int64_t missing = std::max<int64_t>(0, width - static_cast<int64_t>(length(text.bytes)));
    // As Python's str.center: the odd place goes to the left where the width is odd.
    const int64_t left = align == Align::left    ? 0
                         : align == Align::right ? missing
                                                 : missing / 2 + (missing & width & 1);
    TextBuilder out(meter);
    out.fill(fill, left);
    out.append(text);
    out.fill(fill, missing - left);
    return out.take();
}

static TextPtr self_text(const Call& c) {
    return soft_text(c.meter(), c.self);
}

static Value run_case(const Call& c, Case how) {
    return {change_case(c.meter(), self_text(c)->view(), how)};
}
static Value run_upper(const Call& c) {
    return run_case(c, Case::upper);
}
static Value run_lower(const Call& c) {
    return run_case(c, Case::lower);
}
static Value run_capitalize(const Call& c) {
    return run_case(c, Case::capitalize);
}

// Words start after blanks, hyphens and opening brackets, not after any letterless character.
static Value run_title(const Call& c) {
    const TextPtr text = self_text(c);
    TextBuilder out(c.meter());
    const auto splits = [](CodePoint p) {
        return is_space(p.value) ||
               (p.value < 0x80 &&
                std::string_view("-({[<").find(static_cast<char>(p.value)) != std::string_view::npos);
    };
    size_t start = 0;
    const auto flush = [&](size_t end) {
        if (end == start) return;
        const TextView word = text->view().substr(start, end - start);
        const size_t first = decode(word.bytes, 0).size;
        out.append(change_case(c.meter(), word.substr(0, first), Case::upper)->view());
        out.append(change_case(c.meter(), word.substr(first), Case::lower)->view());
    };
    for (size_t pos = 0; pos < text->bytes.size();) {
        const CodePoint p = decode(text->bytes, pos);
        if (splits(p)) {
            flush(pos);
            out.append(text->view().substr(pos, p.size));
            start = pos + p.size;
        }
        pos += p.size;
    }
    flush(text->bytes.size());
    return {out.take()};
}

static Value run_trim(const Call& c) {
    const TextPtr text = self_text(c);
    c.meter().read(text->bytes.size());
    return Value::string(
        strip(text->view(), Side::both, c.given(0) ? std::optional(c.text(0).bytes) : std::nullopt));
}

static Value run_replace(const Call& c) {
    const TextPtr text = self_text(c), old = soft_text(c.meter(), c[0]), with = soft_text(c.meter(), c[1]);
    return {replace(c.meter(), text->view(), old->bytes, with->view(), c.integer(2, -1))};
}

static Value run_escape(const Call& c) {
    const TextPtr text = self_text(c);
    c.meter().walk(text->bytes.size());
    return {html_escape(c.meter(), text->view())};
}

static Value run_join(const Call& c) {
    const SequencePtr items = c.in.iterate(c.self);
    std::vector<TextPtr> texts;
    for (const Value& item : items->items) {
        c.meter().charge(1);
        texts.push_back(to_text(c.meter(), c.given(1) ? c.in.item(item, c[1]) : item));
    }
    std::vector<TextView> parts;
    for (const TextPtr& text : texts) parts.push_back(text->view());
    const TextPtr separator = c.has(0) ? to_text(c.meter(), c[0]) : Text::of("");
    return {join(c.meter(), separator->view(), parts)};
}

static Value run_indent(const Call& c) {
    if (c.self.text() == nullptr) throw Failure("cannot indent '" + type_name(c.self) + "'");
    const TextPtr text = *c.self.as<TextPtr>();
    const TextPtr by = c.has(0) && c[0].text() ? *c[0].as<TextPtr>()
                                               : pad(c.meter(), {}, c.integer(0, 4), {" "}, Align::left);
    const bool first = c.flag(1), blank = c.flag(2);
    TextBuilder out(c.meter());
    TextBuilder with_end(c.meter());
    with_end.append(text->view());
    with_end.append("\n");
    const TextPtr whole = with_end.take();  // the newline keeps an empty last line
    bool at_first = true;
    for (TextView line : split_lines(whole->view(), false)) {
        if (!at_first) out.append("\n");
        if ((at_first && first) || (!at_first && (blank || !line.empty()))) out.append(by->view());
        out.append(line);
        at_first = false;
    }
    return {out.take()};
}

static Value run_truncate(const Call& c) {
    const int64_t limit = c.integer(0, 255), leeway = c.integer(3, 5);
    const TextView end = c.text(2, "...");
    const auto end_length = static_cast<int64_t>(length(end.bytes));
    if (limit < end_length) throw Failure("expected length >= " + std::to_string(end_length));
    if (leeway < 0) throw Failure("expected leeway >= 0");
    const Value size = c.in.filter("length", c.self, {});
    if (*size.integer() <= limit + leeway) return c.self;
    if (c.self.text() == nullptr) throw Failure("cannot truncate '" + type_name(c.self) + "'");
    const TextPtr text = *c.self.as<TextPtr>();
    TextView head = text->view().substr(0, byte_offset(text->bytes, static_cast<size_t>(limit - end_length)));
    if (!c.flag(1)) head = head.substr(0, head.bytes.rfind(' '));
    return {join(c.meter(), {}, {head, end})};
}

static Value run_center(const Call& c) {
    return {pad(c.meter(), self_text(c)->view(), c.integer(0, 80), {" "}, Align::center)};
}

// Runs of letters, digits and underscores.
static Value run_wordcount(const Call& c) {
    const TextPtr text = self_text(c);
    c.meter().walk(text->bytes.size());
    int64_t count = 0;
    bool inside = false;
    for (size_t pos = 0, size = 0; pos < text->bytes.size(); pos += size) {
        size = decode(text->bytes, pos).size;
        const std::string_view piece = text->view().bytes.substr(pos, size);
        const bool letter = piece == "_" || is_class(piece, Class::alnum);
        count += letter && !inside ? 1 : 0;
        inside = letter;
    }
    return {count};
}

static Value run_format(const Call& c) {
    const auto& [positional, named, client_names] = c.more;
    if (!positional.empty() && !named.empty())
        throw Failure("can't handle positional and keyword arguments at the same time");
    if (named.empty())
        return {format_percent(c.meter(), self_text(c)->view(),
                               make_sequence(c.meter(), positional, Kind::tuple))};
    std::vector<std::pair<Value, Value>> entries;
    for (const auto& [name, value] : named) entries.emplace_back(Value{Text::of(name, client_names)}, value);
    return {format_percent(c.meter(), self_text(c)->view(), make_dict(c.meter(), std::move(entries)))};
}

static void append_url(TextBuilder& out, TextView text, bool in_query) {
    for (size_t i = 0; i < text.size(); ++i) {
        const TextView byte = text.substr(i, 1);
        const char b = byte.bytes[0];
        const bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
                           std::string_view(in_query ? "_.-~" : "_.-~/").find(b) != std::string_view::npos;
        char escaped[4];
        std::snprintf(escaped, sizeof escaped, "%%%02X", static_cast<unsigned>(static_cast<uint8_t>(b)));
        plain ? out.append(byte) : out.append(in_query && b == ' ' ? "+" : escaped, byte.from_client());
    }
}

// Text as part of a path; a mapping or pairs as a query.
static Value run_urlencode(const Call& c) {
    TextBuilder out(c.meter());
    if (c.self.dict() == nullptr && c.self.sequence() == nullptr) {
        const TextPtr text = self_text(c);
        c.meter().walk(text->bytes.size() * 4);
        append_url(out, text->view(), false);
        return {out.take()};
    }
    const SequencePtr pairs =
        c.in.iterate(c.self.dict() != nullptr ? c.in.filter("items", c.self, {}) : c.self);
    for (const Value& each : pairs->items) {
        const SequencePtr pair = c.in.iterate(each);
        if (pair->items.size() != 2) throw Failure("urlencode needs pairs of name and value");
        if (out.size() > 0) out.append("&");
        const TextPtr name = to_text(c.meter(), pair->items[0]), value = to_text(c.meter(), pair->items[1]);
        c.meter().walk((name->bytes.size() + value->bytes.size()) * 4);
        append_url(out, name->view(), true);
        out.append("=");
        append_url(out, value->view(), true);
    }
    return {out.take()};
}

const Builtin* find_text_filter(std::string_view name) {
    static constexpr Builtin kFilters[] = {
        {"capitalize", "", 0, run_capitalize},
        {"center", "width", 0, run_center},
        {"e", "", 0, run_escape},
        {"escape", "", 0, run_escape},
        {"forceescape", "", 0, run_escape},
        {"format", "*", 0, run_format},
        {"indent", "width first blank", 0, run_indent},
        {"join", "d attribute", 0, run_join},
        {"lower", "", 0, run_lower},
        {"replace", "old new count", 2, run_replace},
        {"title", "", 0, run_title},
        {"trim", "chars", 0, run_trim},
        {"truncate", "length killwords end leeway", 0, run_truncate},
        {"upper", "", 0, run_upper},
        {"urlencode", "", 0, run_urlencode},
        {"wordcount", "", 0, run_wordcount},
    };
    for (const Builtin& filter : kFilters) {
        if (filter.name == name) return &filter;
    }
    return nullptr;
}

}  // namespace sluice::chat::jinja
