// "%5.2f" % value and "{:>8}".format(value): the parts of Python's formatting that templates use.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/chat/jinja/builtins.h"

namespace sluice::chat::jinja {

namespace {

struct Spec {
    Text fill{" "};
    char align = '\0';  // < > ^ =
    char sign = '\0';
    bool alternate = false, thousands = false, zero = false;
    int64_t width = 0, precision = -1;
    char type = '\0';
};

int64_t read_number(std::string_view text, size_t& pos) {
    int64_t value = 0;
    for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos) {
        value = value * 10 + (text[pos] - '0');
        if (value > 1'000'000) throw Failure("a width or precision is too large");
    }
    return value;
}

std::string group_thousands(std::string digits) {
    const size_t whole = std::min(digits.find('.'), digits.size());
    for (size_t i = whole; i > 3; i -= 3) digits.insert(i - 3, ",");
    return digits;
}

std::string digits_in_base(uint64_t value, int base, bool upper) {
    char buffer[64];
    char* const end = std::to_chars(buffer, buffer + sizeof buffer, value, base).ptr;
    if (upper) std::for_each(buffer, end, [](char& c) { c = c >= 'a' ? static_cast<char>(c - 32) : c; });
    return {buffer, end};
}

std::string print_real(double value, char type, int64_t precision, bool alternate) {
    if (precision > 400) throw Failure("a precision is too large");
    const std::string format = std::string("%") + (alternate ? "#" : "") + ".*" + (type == '%' ? 'f' : type);
    char buffer[1024];
    std::snprintf(buffer, sizeof buffer, format.c_str(), static_cast<int>(precision < 0 ? 6 : precision),
                  type == '%' ? value * 100 : value);
    return std::string(buffer) + (type == '%' ? "%" : "");
}

bool is_real(char type) {
    return std::string_view("eEfFgG%").find(type) != std::string_view::npos;
}

// The magnitude of a number without its sign.
std::string magnitude(const Value& value, const Spec& spec) {
    if (value.integer() && !is_real(spec.type)) {
        const int64_t i = *value.integer();
        const uint64_t size = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
        const bool hex = spec.type == 'x' || spec.type == 'X';
        const int base = hex ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
        std::string digits = digits_in_base(size, base, spec.type == 'X');
        if (spec.precision > static_cast<int64_t>(digits.size()))
            digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
        return (spec.alternate && base != 10 ? std::string("0") + spec.type : "") + digits;
    }
    const double real = std::fabs(*value.number());
    if (is_real(spec.type)) return print_real(real, spec.type, spec.precision, spec.alternate);
    if (spec.precision >= 0) throw Failure("a precision without a type such as 'f' is not supported");
    return print_float(real);
}

// A number or a text, aligned.
void append_formatted(TextBuilder& out, Meter& meter, const Value& value, const Spec& spec, bool as_text) {
    TextPtr text;
    std::string sign;
    if (as_text) {
        const TextPtr whole = to_text(meter, value);
        const size_t end = spec.precision < 0
                               ? whole->bytes.size()
                               : byte_offset(whole->bytes, static_cast<size_t>(spec.precision));
        text = *Value::string(whole->view().substr(0, end)).as<TextPtr>();
    } else {
        const bool minus = value.integer() ? *value.integer() < 0 : std::signbit(*value.number());
        sign = minus ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
        std::string digits = magnitude(value, spec);
        text = Text::of(spec.thousands ? group_thousands(digits) : digits, value.client);
    }
    const char align = spec.align != '\0' ? spec.align : as_text ? '<' : spec.zero ? '=' : '>';
    if (align == '=') out.append(sign);
    TextBuilder body(meter);
    if (align != '=') body.append(sign);
    body.append(text->view());
    const int64_t width = spec.width - (align == '=' ? static_cast<int64_t>(sign.size()) : 0);
    const TextPtr content = body.take();
    if (align == '^') {
        const int64_t missing = std::max<int64_t>(0, width - static_cast<int64_t>(length(content->bytes)));
        out.fill(spec.fill.view(), missing / 2);
        out.append(content->view());
        return out.fill(spec.fill.view(), missing - missing / 2);
    }
    out.append(pad(meter, content->view(), width, spec.fill.view(), align == '<' ? Align::left : Align::right)
                   ->view());
}

Spec read_spec(TextView given) {
    const std::string_view text = given.bytes;
    Spec spec;
    size_t pos = 0;
    const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
    const size_t first = text.empty() ? 0 : decode(text, 0).size;
    const size_t fill = first < text.size() && is_align(text[first]) ? first : 0;
    if (fill > 0)
        spec.fill = *Value::string(given.substr(0, fill)).text(), spec.align = text[fill], pos = fill + 1;
    else if (!text.empty() && is_align(text[0]))
        spec.align = text[0], pos = 1;
    const auto at = [&](std::string_view options) {
        return pos < text.size() && options.find(text[pos]) != options.npos;
    };
    if (at("+- ")) spec.sign = text[pos++];
    if (at("#")) spec.alternate = true, ++pos;
    if (at("0")) {
        ++pos;
        if (fill == 0) spec.fill = {"0"};
        spec.zero = spec.align == '\0';
    }
    spec.width = read_number(text, pos);
    if (at(",")) spec.thousands = true, ++pos;
    if (at(".")) {
        const size_t digits = ++pos;
        spec.precision = read_number(text, pos);
        if (pos == digits) throw Failure("format specifier missing precision");
    }
    if (pos < text.size()) spec.type = text[pos++];
    if (pos < text.size() ||
        (spec.type != '\0' && std::string_view("sdxXobeEfFgG%").find(spec.type) == std::string_view::npos))
        throw Failure("invalid format specifier");
    return spec;
}

// What is right of "%": a tuple is taken item by item, a mapping by key, anything else once.
class PercentArguments {
  public:
    explicit PercentArguments(const Value& given) : given_(&given) {
        const Sequence* list = given.sequence();
        if (list != nullptr && list->kind == Kind::tuple)
            tuple_ = list;
        else
            mapping_ = given.is<Undefined>() || given.dict() != nullptr ||
                       (list != nullptr && (list->kind == Kind::list || list->kind == Kind::range));
    }

    const Value& next() {
        const size_t count = tuple_ != nullptr ? tuple_->items.size() : 1;
        if (used_ >= count) throw Failure("not enough arguments for format string");
        return tuple_ != nullptr ? tuple_->items[used_++] : (++used_, *given_);
    }
    void choose(Meter& meter, TextView key) {
        const Dict* dict = whole_ != nullptr ? whole_ : given_->dict();
        if (dict == nullptr) throw Failure("format requires a mapping");
        const Value* found = dict->find(meter, Value::string(key));
        if (found == nullptr) throw Failure("format key '" + std::string(key.bytes) + "' is missing");
        whole_ = dict, given_ = found, used_ = 0;
    }
    void check_all_used() const {
        if (!mapping_ && used_ < (tuple_ != nullptr ? tuple_->items.size() : 1))
            throw Failure("not all arguments converted during string formatting");
    }

  private:
    const Value* given_;
    const Sequence* tuple_ = nullptr;
    const Dict* whole_ = nullptr;  // once a key was taken
    bool mapping_ = false;
    size_t used_ = 0;
};

// After "%(": the key, whose brackets are paired.
TextView read_key(TextView format, size_t& pos) {
    const size_t start = pos;
    for (int open = 1; pos < format.size(); ++pos) {
        open += format.bytes[pos] == '(' ? 1 : format.bytes[pos] == ')' ? -1 : 0;
        if (open == 0) return format.substr(start, pos++ - start);
    }
    throw Failure("incomplete format key");
}

// Flags, width, precision and the letter.
Spec read_percent_spec(std::string_view format, size_t& pos) {
    Spec spec;
    bool left = false, zero = false;
    for (; pos < format.size(); ++pos) {
        const char flag = format[pos];
        if (std::string_view("-+ #0").find(flag) == std::string_view::npos) break;
        left |= flag == '-';
        zero |= flag == '0';
        spec.alternate |= flag == '#';
        if (flag == '+' || (flag == ' ' && spec.sign != '+')) spec.sign = flag;
    }
    spec.width = read_number(format, pos);
    if (pos < format.size() && format[pos] == '.') spec.precision = read_number(format, ++pos);
    if (pos >= format.size()) throw Failure("incomplete format");
    spec.type = format[pos++];
    if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
    const bool text = spec.type == 's' || spec.type == 'r';
    spec.align = left ? '<' : zero && !text ? '=' : '>';
    if (spec.align == '=') spec.fill = {"0"};
    return spec;
}

void append_percent(TextBuilder& out, Meter& meter, const Value& value, const Spec& spec) {
    if (spec.type == 's') return append_formatted(out, meter, value, spec, true);
    if (spec.type == 'r') return append_formatted(out, meter, {repr(meter, value)}, spec, true);
    if (std::string_view("dxXoeEfFgG").find(spec.type) == std::string_view::npos)
        throw Failure("unsupported format character '" + std::string(1, spec.type) + "'");
    if (!value.number())
        throw Failure("%" + std::string(1, spec.type) + " format: a number is required, not " +
                      type_name(value));
    if (!value.integer() && std::string_view("xXo").find(spec.type) != std::string_view::npos)
        throw Failure("%" + std::string(1, spec.type) + " format: an integer is required, not float");
    if (spec.type != 'd' || value.integer()) return append_formatted(out, meter, value, spec, false);
    const double real = *value.number();
    if (!(std::fabs(real) < 9.2e18)) throw Failure("cannot convert a float this large to integer");
    append_formatted(out, meter, {static_cast<int64_t>(real), value.client}, spec, false);
}

}  // namespace

TextPtr format_percent(Meter& meter, TextView format, const Value& argument) {
    TextBuilder out(meter);
    PercentArguments arguments(argument);
    for (size_t pos = 0; pos < format.size();) {
        const size_t percent = std::min(format.bytes.find('%', pos), format.size());
        out.append(format.substr(pos, percent - pos));
        if (percent == format.size()) break;
        pos = percent + 1;
        if (pos < format.size() && format.bytes[pos] == '(') arguments.choose(meter, read_key(format, ++pos));
        const Spec spec = read_percent_spec(format.bytes, pos);
        if (spec.type == '%')
            out.append(format.substr(pos - 1, 1));
        else
            append_percent(out, meter, arguments.next(), spec);
    }
    arguments.check_all_used();
    return out.take();
}

namespace {

// The argument that "{}", "{2}" or "{name}" means; `next` counts the fields without a name.
const Value& find_field(std::string_view field, const Arguments& arguments, size_t& next) {
    if (field.find_first_not_of("0123456789") == std::string_view::npos) {
        size_t digits = 0;
        const size_t at = field.empty() ? next++ : static_cast<size_t>(read_number(field, digits));
        if (at < arguments.positional.size()) return arguments.positional[at];
    }
    for (const auto& [name, value] : arguments.named) {
        if (name == field) return value;
    }
    throw Failure("format() has no argument '" + std::string(field) + "'");
}

// What stands between braces: field, "!r" or "!s", ":" and the format.
void append_field(TextBuilder& out, Meter& meter, TextView inside, const Arguments& arguments, size_t& next) {
    const size_t field_size = inside.size(), colon = std::min(inside.bytes.find(':'), field_size);
    const Spec spec = read_spec(colon < field_size ? inside.substr(colon + 1) : TextView{});
    std::string_view field = inside.bytes.substr(0, colon);
    const bool as_repr = field.ends_with("!r"), as_text = field.ends_with("!s");
    if (as_repr || as_text) field.remove_suffix(2);
    const Value& found = find_field(field, arguments, next);
    const Value value = as_repr ? Value{repr(meter, found)} : as_text ? Value{to_text(meter, found)} : found;
    const bool plain = colon + 1 >= field_size;
    const bool number = value.number() && (!value.is<bool>() || !plain);
    if (!plain && !number && value.text() == nullptr)
        throw Failure("unsupported format string passed to " + type_name(value) + ".__format__");
    if (number && value.integer() && spec.precision >= 0 && !is_real(spec.type))
        throw Failure("precision not allowed in integer format specifier");
    if (number ? spec.type == 's' : spec.type != '\0' && spec.type != 's')
        throw Failure("unknown format code '" + std::string(1, spec.type) + "' for '" + type_name(value) +
                      "'");
    if (number && !value.integer() && std::string_view("dxXob").find(spec.type) != std::string_view::npos)
        throw Failure("unknown format code '" + std::string(1, spec.type) + "' for 'float'");
    if (!number && (spec.sign != '\0' || spec.alternate || spec.thousands || spec.align == '='))
        throw Failure("a format specifier of numbers is not allowed for strings");
    append_formatted(out, meter, value, spec, !number);
}

}  // namespace

TextPtr format_braces(Meter& meter, TextView format, const Arguments& arguments) {
    TextBuilder out(meter);
    size_t next = 0;
    for (size_t pos = 0; pos < format.size();) {
        const size_t brace = std::min(format.bytes.find_first_of("{}", pos), format.size());
        out.append(format.substr(pos, brace - pos));
        if (brace == format.size()) break;
        if (brace + 1 < format.size() && format.bytes[brace + 1] == format.bytes[brace]) {
            out.append(format.substr(brace, 1));
            pos = brace + 2;
            continue;
        }
        const size_t end = format.bytes.find('}', brace);
        if (format.bytes[brace] == '}' || end == std::string_view::npos)
            throw Failure("single '{' or '}' in format string");
        append_field(out, meter, format.substr(brace + 1, end - brace - 1), arguments, next);
        pos = end + 1;
    }
    return out.take();
}

}  // namespace sluice::chat::jinja
