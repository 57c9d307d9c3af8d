#include "engine/chat/jinja/text.h"

#include <algorithm>

namespace sluice::chat::jinja {

TextPtr Text::of(std::string_view bytes, bool client) {
    return std::make_shared<const Text>(
        Text{std::string(bytes), client ? std::string(bytes.size(), '\1') : std::string()});
}

void TextBuilder::append(TextView piece) {
    meter_.grow(text_.bytes.size(), piece.size());
    if (!piece.marks.empty() && text_.marks.empty()) text_.marks.assign(text_.bytes.size(), '\0');
    if (!piece.marks.empty()) text_.marks.append(piece.marks);
    text_.bytes.append(piece.bytes);
    if (!text_.marks.empty()) text_.marks.resize(text_.bytes.size(), '\0');
}

void TextBuilder::append(std::string_view piece, bool client) {
    append(TextView{piece});
    if (!client || piece.empty()) return;
    text_.marks.resize(text_.bytes.size(), '\0');
    std::fill(text_.marks.end() - static_cast<ptrdiff_t>(piece.size()), text_.marks.end(), '\1');
}

void TextBuilder::append_code_point(uint32_t code_point, bool client) {
    append(encode(code_point), client);
}

void TextBuilder::fill(TextView piece, int64_t times) {
    for (int64_t i = 0; i < times; ++i) append(piece);
}

CodePoint decode(std::string_view bytes, size_t pos) {
    const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    const uint8_t first = at(pos);
    const size_t size = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
    if (size <= 1 || pos + size > bytes.size()) return {first, 1};
    uint32_t value = first & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
        if ((at(pos + i) & 0xC0) != 0x80) return {first, 1};
        value = value << 6 | (at(pos + i) & 0x3Fu);
    }
    return {value, size};
}

std::string encode(uint32_t c) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) return {static_cast<char>(c)};
    if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
    if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
    return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

size_t length(std::string_view bytes) {
    size_t count = 0;
    for (size_t pos = 0; pos < bytes.size(); pos += decode(bytes, pos).size) ++count;
    return count;
}

size_t byte_offset(std::string_view bytes, size_t wanted) {
    size_t pos = 0;
    while (wanted-- > 0 && pos < bytes.size()) pos += decode(bytes, pos).size;
    return pos;
}

TextView strip(TextView text, Side side, std::optional<std::string_view> chars) {
    const auto goes = [&](CodePoint c, std::string_view spelling) {
        return chars ? chars->find(spelling) != chars->npos : is_space(c.value);
    };
    size_t begin = 0, end = text.size();
    if (side != Side::right) {
        while (begin < end) {
            const CodePoint c = decode(text.bytes, begin);
            if (!goes(c, text.bytes.substr(begin, c.size))) break;
            begin += c.size;
        }
    }
    if (side != Side::left) {
        while (end > begin) {
            size_t start = end - 1;
            while (start > begin && (text.bytes[start] & 0xC0) == 0x80) --start;
            CodePoint c = decode(text.bytes, start);
            if (start + c.size != end) c = {static_cast<uint8_t>(text.bytes[start = end - 1]), 1};
            if (!goes(c, text.bytes.substr(start, c.size))) break;
            end = start;
        }
    }
    return text.substr(begin, end - begin);
}

static std::vector<TextView> split_words(TextView text, int64_t max_split) {
    std::vector<TextView> parts;
    for (text = strip(text, Side::left); !text.empty(); text = strip(text, Side::left)) {
        if (max_split >= 0 && static_cast<int64_t>(parts.size()) == max_split) {
            parts.push_back(strip(text, Side::right));
            break;
        }
        size_t end = 0;
        while (end < text.size() && !is_space(decode(text.bytes, end).value))
            end += decode(text.bytes, end).size;
        parts.push_back(text.substr(0, end));
        text = text.substr(end);
    }
    return parts;
}

std::vector<TextView> split(TextView text, std::optional<std::string_view> separator, int64_t max_split) {
    if (!separator) return split_words(text, max_split);
    if (separator->empty()) throw Failure("empty separator");
    std::vector<TextView> parts;
    while (max_split < 0 || static_cast<int64_t>(parts.size()) < max_split) {
        const size_t at = text.bytes.find(*separator);
        if (at == std::string_view::npos) break;
        parts.push_back(text.substr(0, at));
        text = text.substr(at + separator->size());
    }
    parts.push_back(text);
    return parts;
}

static std::vector<TextView> split_words_right(TextView text, int64_t max_split) {
    std::vector<TextView> parts = split_words(text, -1);
    if (max_split < 0 || static_cast<int64_t>(parts.size()) <= max_split) return parts;
    const size_t joined = parts.size() - static_cast<size_t>(max_split);
    const TextView head = strip(text, Side::left);
    const size_t size = static_cast<size_t>(parts[joined - 1].bytes.end() - head.bytes.begin());
    parts.erase(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(joined));
    parts.insert(parts.begin(), head.substr(0, size));
    return parts;
}

std::vector<TextView> split_right(TextView text, std::optional<std::string_view> separator,
                                  int64_t max_split) {
    if (!separator) return split_words_right(text, max_split);
    if (separator->empty()) throw Failure("empty separator");
    std::vector<TextView> parts;
    while (max_split < 0 || static_cast<int64_t>(parts.size()) < max_split) {
        const size_t at = text.bytes.rfind(*separator);
        if (at == std::string_view::npos) break;
        parts.push_back(text.substr(at + separator->size()));
        text = text.substr(0, at);
    }
    parts.push_back(text);
    std::reverse(parts.begin(), parts.end());
    return parts;
}

std::vector<TextView> split_lines(TextView text, bool keep_ends) {
    const auto ends_line = [](uint32_t c) {
        return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
               c == 0x2029;
    };
    std::vector<TextView> lines;
    size_t start = 0;
    for (size_t pos = 0; pos < text.size();) {
        const CodePoint c = decode(text.bytes, pos);
        size_t next = pos + c.size;
        if (ends_line(c.value)) {
            if (c.value == '\r' && next < text.size() && text.bytes[next] == '\n') ++next;
            lines.push_back(text.substr(start, (keep_ends ? next : pos) - start));
            start = next;
        }
        pos = next;
    }
    if (start < text.size()) lines.push_back(text.substr(start));
    return lines;
}

std::vector<TextView> code_points(TextView text) {
    std::vector<TextView> out;
    for (size_t pos = 0; pos < text.size(); pos += out.back().size())
        out.push_back(text.substr(pos, decode(text.bytes, pos).size));
    return out;
}

TextPtr replace(Meter& meter, TextView text, std::string_view old, TextView with, int64_t count) {
    meter.read(text.size());
    TextBuilder out(meter);
    if (old.empty()) {  // Python puts the new text between all code points
        for (TextView piece : code_points(text)) {
            if (count != 0) out.append(with);
            if (count > 0) --count;
            out.append(piece);
        }
        if (count != 0) out.append(with);
        return out.take();
    }
    for (size_t at; count != 0 && (at = text.bytes.find(old)) != std::string_view::npos; --count) {
        out.append(text.substr(0, at));
        out.append(with);
        text = text.substr(at + old.size());
    }
    out.append(text);
    return out.take();
}

TextPtr join(Meter& meter, TextView separator, const std::vector<TextView>& parts) {
    TextBuilder out(meter);
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out.append(separator);
        out.append(parts[i]);
    }
    return out.take();
}

TextPtr html_escape(Meter& meter, TextView text) {
    TextBuilder out(meter);
    for (size_t i = 0; i < text.size(); ++i) {
        const TextView c = text.substr(i, 1);
        const std::string_view entity = c.bytes == "&"    ? "&amp;"
                                        : c.bytes == "<"  ? "&lt;"
                                        : c.bytes == ">"  ? "&gt;"
                                        : c.bytes == "'"  ? "&#39;"
                                        : c.bytes == "\"" ? "&#34;"
                                                          : "";
        entity.empty() ? out.append(c) : out.append(entity, c.from_client());
    }
    return out.take();
}

}  // namespace sluice::chat::jinja
