// The conversation between a person and whoever answers: takes lines, obeys commands, shows answers. Answers
// go to standard output, all else to a screen. One thread.
#pragma once
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "net/repl/answerer.h"
#include "net/repl/assembler.h"
#include "net/repl/command.h"
#include "net/repl/line_reader.h"
#include "net/repl/screen.h"
#include "net/repl/settings.h"
#include "net/repl/transcript.h"

namespace sluice::net::repl {

struct Place {
    bool interactive = false;    // a person at a terminal, not a script
    std::FILE* screen = stderr;  // for all that is no answer
    bool colour = false;
};

class Conversation {
  public:
    // What it is given outlives it.
    Conversation(Answerer& answerer, Settings settings, Signals& signals, const Place& place);

    void set_system(const std::string& text) { transcript_.set_system(text); }

    // Until the end of input, /exit, or standard output takes no more. False when anything went wrong that a
    // script should know of.
    bool run(LineReader& reader);

  private:
    // What a line means, once it is complete.
    void take(const Input& input);
    void obey(const Command& command);
    void answer();
    void finished(Reply reply);

    void interrupted(bool nothing_typed);
    void set(const std::string& argument);
    void system(const std::string& text);
    void save(const std::string& file);
    void load(const std::string& file);
    void stats();

    void note(std::string_view text);    // something to know
    void print(std::string_view lines);  // something asked for
    void complain(const Error& error);

    Answerer& answerer_;
    Settings settings_;
    Signals& signals_;
    const Place place_;
    AnswerPrinter printer_;
    Assembler assembler_;
    Transcript transcript_;
    std::optional<Figures> last_;
    std::string file_;  // last saved or loaded
    int idle_interrupts_ = 0;
    bool leaving_ = false;
    bool well_ = true;
};

}  // namespace sluice::net::repl
