// Line editing on a terminal with libedit: history, bracketed paste, Ctrl-C. libedit asks for each character
// here, so that signals are noticed between two.
#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <cwchar>
#include <string>
#include <string_view>

#include "kernels/check.h"
#include "net/json.h"
#include "net/repl/assembler.h"
#include "net/repl/command.h"
#include "net/repl/history.h"
#include "net/repl/line_reader.h"

namespace sluice::net::repl {
namespace {

constexpr int kPatience = 50;  // milliseconds between two looks at the flags
constexpr std::string_view kPasteEnd = "\x1b[201~";

// The locale of the characters that libedit shows: the person's, or one that knows UTF-8.
void use_utf8() {
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

// Pasted text as it may stand in a line: no control characters but line feeds and tabs.
std::string pasted_text(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        if (c == '\r') {
            out += '\n';  // what the key Enter sends
        } else if (c == '\n' || c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) {
            out += c;
        }
    }
    return valid_utf8(out);
}

class Editor final : public LineReader {
  public:
    Editor(const Terminal& terminal, Signals& signals)
        : screen_(terminal.screen), dumb_(terminal.dumb), signals_(signals), history_(terminal.history_file) {
        use_utf8();
        edit_ = el_init("sluice", stdin, screen_, screen_);
        SLUICE_CHECK(edit_ != nullptr);
        el_set(edit_, EL_CLIENTDATA, this);
        el_set(
            edit_, EL_PROMPT, +[](EditLine* edit) { return const_cast<char*>(self(edit).prompt_); });
        el_set(edit_, EL_EDITOR, "emacs");
        el_set(edit_, EL_HIST, history, history_.get());
        el_set(
            edit_, EL_GETCFN, +[](EditLine* edit, wchar_t* out) { return self(edit).next(*out); });
        el_set(
            edit_, EL_ADDFN, "sluice-paste", "Insert pasted text",
            +[](EditLine* edit, int) { return self(edit).paste(); });
        el_set(
            edit_, EL_ADDFN, "sluice-complete", "Complete a command",
            +[](EditLine* edit, int) { return self(edit).complete(); });
        el_set(edit_, EL_BIND, "\\e[200~", "sluice-paste", nullptr);
        el_set(edit_, EL_BIND, "^I", "sluice-complete", nullptr);
        el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
        el_source(edit_, nullptr);
    }
    ~Editor() override { el_end(edit_); }
    Editor(const Editor&) = delete;
    Editor& operator=(const Editor&) = delete;

    Got read(const char* prompt, std::string& line) override {
        prompt_ = prompt;
        line.clear();
        too_long_ = false;
        el_set(edit_, EL_PREP_TERM, 1);  // before the prompt, so that no key is echoed twice
        show("\x1b[?2004h");
        int count = 0;
        const char* got = el_gets(edit_, &count);
        if (got && count > 0) line.assign(got, static_cast<size_t>(count));
        show("\x1b[?2004l");
        if (signals_.ended) return Got::end;
        if (signals_.interrupted.exchange(false)) {
            const LineInfo* typed = el_line(edit_);
            line.assign(typed->buffer, static_cast<size_t>(typed->lastchar - typed->buffer));
            std::fputs("^C\n", screen_);
            return Got::interrupted;
        }
        if (!got || count <= 0) return Got::end;
        if (line.ends_with('\n')) line.pop_back();
        return too_long_ || line.size() > kInputBytes ? Got::too_long : Got::line;
    }

    void remember(const std::string& input) override { history_.add(input); }

  private:
    static Editor& self(EditLine* edit) {
        void* out = nullptr;
        el_get(edit, EL_CLIENTDATA, &out);
        return *static_cast<Editor*>(out);
    }

    void show(const char* sequence) {
        if (!dumb_) std::fputs(sequence, screen_);
        std::fflush(screen_);
    }

    // The next byte: -1 when a signal wants attention, 0 at the end of input.
    int next_byte(char& out) {
        for (;;) {
            if (signals_.ended || signals_.interrupted) return -1;
            if (signals_.resized.exchange(false)) el_resize(edit_);
            if (signals_.resumed.exchange(false)) {
                el_set(edit_, EL_PREP_TERM, 0);  // it does nothing for a mode that it believes to be set
                el_set(edit_, EL_PREP_TERM, 1);
                el_set(edit_, EL_REFRESH);
            }
            pollfd in{STDIN_FILENO, POLLIN, 0};
            if (::poll(&in, 1, kPatience) <= 0) continue;
            const ssize_t got = ::read(STDIN_FILENO, &out, 1);
            if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(got);
        }
    }

    int next(wchar_t& out) {
        std::mbstate_t state{};
        for (;;) {
            char byte = 0;
            const int got = next_byte(byte);
            if (got <= 0) return got;
            const size_t used = std::mbrtowc(&out, &byte, 1, &state);
            if (used <= 1) return 1;  // also NUL
            if (used == static_cast<size_t>(-1)) {
                out = L'\xfffd';
                return 1;
            }
        }
    }

    unsigned char paste() {
        std::string bytes;
        while (!bytes.ends_with(kPasteEnd)) {
            char byte = 0;
            if (next_byte(byte) <= 0) return CC_EOF;
            if (bytes.size() < kInputBytes + kPasteEnd.size()) {
                bytes += byte;
            } else {  // goes on to the end of the paste, but keeps only what tells that
                too_long_ = true;
                bytes.erase(0, bytes.size() - kPasteEnd.size());
                bytes += byte;
            }
        }
        if (too_long_) return CC_NEWLINE;
        bytes.resize(bytes.size() - kPasteEnd.size());
        const std::string text = pasted_text(bytes);
        if (text.empty()) return CC_NORM;
        return el_insertstr(edit_, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }

    // A tab: the rest of a command's or a setting's name, where there is only one.
    unsigned char complete() {
        const LineInfo* line = el_line(edit_);
        const std::string rest =
            completion(std::string_view(line->buffer, static_cast<size_t>(line->cursor - line->buffer)));
        return !rest.empty() && el_insertstr(edit_, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }

    std::FILE* const screen_;
    const bool dumb_;
    Signals& signals_;
    HistoryFile history_;
    EditLine* edit_ = nullptr;
    const char* prompt_ = "";
    bool too_long_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_editor(const Terminal& terminal, Signals& signals) {
    return std::make_unique<Editor>(terminal, signals);
}

}  // namespace sluice::net::repl
