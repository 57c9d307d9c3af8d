// Lines from a pipe or a file.
#include "net/repl/assembler.h"
#include "net/repl/line_reader.h"

namespace sluice::net::repl {
namespace {

class PlainReader final : public LineReader {
  public:
    explicit PlainReader(std::FILE* in) : in_(in) {}

    Got read(const char*, std::string& line) override {
        line.clear();
        bool any = false, long_one = false;
        for (int c; (c = std::getc(in_)) != EOF;) {
            any = true;
            if (c == '\n') break;
            if (line.size() < kInputBytes) {
                line += static_cast<char>(c);
            } else {
                long_one = true;
            }
        }
        if (!any) return Got::end;
        if (line.ends_with('\r')) line.pop_back();
        return long_one ? Got::too_long : Got::line;
    }

  private:
    std::FILE* const in_;
};

}  // namespace

std::unique_ptr<LineReader> make_plain_reader(std::FILE* in) {
    return std::make_unique<PlainReader>(in);
}

}  // namespace sluice::net::repl
