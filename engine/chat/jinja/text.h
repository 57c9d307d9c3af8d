// Strings that remember, for each byte, whether a client wrote it. Every operation on strings is here, so
// that the marks cannot get lost elsewhere. Positions and lengths in bytes, unless named code points.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/jinja/meter.h"

namespace sluice::chat::jinja {

struct TextView {
    std::string_view bytes;
    std::string_view marks = {};  // [bytes.size()] 1: from the client; empty: all from the template

    size_t size() const { return bytes.size(); }
    bool empty() const { return bytes.empty(); }
    bool from_client() const { return marks.find('\1') != marks.npos; }
    TextView substr(size_t pos, size_t count = std::string_view::npos) const {
        return {bytes.substr(pos, count), marks.empty() ? marks : marks.substr(pos, count)};
    }
};

struct Text {
    std::string bytes;
    std::string marks = {};  // as in TextView

    TextView view() const { return {bytes, marks}; }
    static std::shared_ptr<const Text> of(std::string_view bytes, bool client = false);
};
using TextPtr = std::shared_ptr<const Text>;

// The only way to make a long string: each append is paid for before it is made.
class TextBuilder {
  public:
    explicit TextBuilder(Meter& meter) : meter_(meter) {}
    void append(TextView piece);
    void append(std::string_view piece, bool client = false);
    void append_code_point(uint32_t code_point, bool client);
    void fill(TextView piece, int64_t times);
    size_t size() const { return text_.bytes.size(); }
    char back() const { return text_.bytes.empty() ? '\0' : text_.bytes.back(); }
    TextPtr take() { return std::make_shared<const Text>(std::move(text_)); }

  private:
    Meter& meter_;
    Text text_;
};

struct CodePoint {
    uint32_t value;
    size_t size;  // bytes; a byte that is no UTF-8 stands for itself
};
CodePoint decode(std::string_view bytes, size_t pos);
std::string encode(uint32_t code_point);
size_t length(std::string_view bytes);                           // in code points
size_t byte_offset(std::string_view bytes, size_t code_points);  // clamped to the end

bool is_space(uint32_t code_point);  // as Python's str.isspace
bool is_printable(uint32_t code_point);

enum class Side { left, right, both };
TextView strip(TextView text, Side side, std::optional<std::string_view> chars = {});
// At most max_split cuts (-1: all); no separator: runs of white space, ends ignored.
std::vector<TextView> split(TextView text, std::optional<std::string_view> separator, int64_t max_split);
std::vector<TextView> split_right(TextView text, std::optional<std::string_view> separator,
                                  int64_t max_split);
std::vector<TextView> split_lines(TextView text, bool keep_ends);
std::vector<TextView> code_points(TextView text);
TextPtr replace(Meter& meter, TextView text, std::string_view old, TextView with, int64_t count);
TextPtr join(Meter& meter, TextView separator, const std::vector<TextView>& parts);
TextPtr html_escape(Meter& meter, TextView text);

enum class Case { upper, lower, title, capitalize, swap };
TextPtr change_case(Meter& meter, TextView text, Case how);
enum class Class { alpha, decimal, digit, numeric, alnum, lower, upper, space };  // str.isalpha and so on
bool is_class(std::string_view text, Class which);
bool is_title_case(std::string_view text);

}  // namespace sluice::chat::jinja
