// `sluice chat`: a conversation in the terminal, with the engine in this process or with a server. Answers go
// to standard output, all else to standard error.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/commands/answer.h"
#include "net/commands/commands.h"
#include "net/commands/engine_answerer.h"
#include "net/repl/assembler.h"
#include "net/repl/command.h"
#include "net/repl/files.h"
#include "net/repl/line_reader.h"
#include "net/repl/screen.h"
#include "net/repl/settings.h"
#include "net/repl/transcript.h"

namespace sluice::net {
namespace {

using namespace repl;

constexpr size_t kConversationBytes = 64 << 20;  // of a file of /load

std::string figures_text(const Figures& f) {
    std::string out;
    if (f.prompt_tokens) {
        out += fmt::format("  prompt  {} tokens", *f.prompt_tokens);
        if (f.cached_tokens) out += fmt::format(", {} of them from the cache", *f.cached_tokens);
        out += '\n';
    }
    out += fmt::format("  answer  {}{} tokens in {:.2f} s", f.estimated ? "about " : "", f.tokens, f.seconds);
    if (f.to_first) {
        const double rest = f.seconds - *f.to_first;
        out += fmt::format(", the first after {:.2f} s", *f.to_first);
        if (f.tokens > 1 && rest > 0)
            out += fmt::format(", then {:.1f} tokens/s", static_cast<double>(f.tokens - 1) / rest);
    }
    return out + "\n";
}

class Conversation {
  public:
    struct Place {
        bool interactive = false;    // a person at a terminal, not a script
        std::FILE* screen = stderr;  // all that is no answer
        bool colour = false;
    };
    Conversation(Answerer& answerer, Settings settings, Signals& signals, const Place& place)
        : answerer_(answerer),
          settings_(std::move(settings)),
          signals_(signals),
          place_(place),
          printer_(stdout, isatty(STDOUT_FILENO) != 0, place.colour) {}

    void set_system(const std::string& text) { transcript_.set_system(text); }

    // Until the end of input or /exit; the exit status.
    int run(LineReader& reader);

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
    int status_ = exit_status::done;
};

int Conversation::run(LineReader& reader) {
    std::string line;
    while (!leaving_ && !signals_.ended && !std::ferror(stdout)) {
        const Got got = reader.read(assembler_.open() ? ". " : "> ", line);
        if (got == Got::interrupted) {
            interrupted(line.empty() && !assembler_.open());
            continue;
        }
        idle_interrupts_ = 0;
        std::optional<Input> input;
        if (got == Got::end) {
            if (place_.interactive) std::fputc('\n', place_.screen);
            leaving_ = true;
            input = assembler_.finish();
        } else {
            auto pushed = got == Got::line ? assembler_.push(line) : assembler_.refuse();
            if (!pushed) complain(pushed.error());
            if (pushed) input = std::move(*pushed);
        }
        if (!input || trim(input->text).empty() || signals_.ended) continue;
        reader.remember(input->quoted ? "\"\"\"" + input->text + "\"\"\"" : input->text);
        take(*input);
    }
    if (std::ferror(stdout)) return report({ErrorKind::io, "standard output takes no more"});
    return status_;
}

void Conversation::take(const Input& input) {
    const auto typed = input.quoted ? Result<Typed>(Message{input.text}) : read_typed(input.text);
    if (!typed) return complain(typed.error());
    if (const auto* command = std::get_if<Command>(&*typed)) return obey(*command);
    transcript_.ask(std::get<Message>(*typed).text);
    answer();
}

void Conversation::obey(const Command& command) {
    switch (command.verb) {
        case Verb::help:
            return print(help_text());
        case Verb::set:
            return set(command.argument);
        case Verb::system:
            return system(command.argument);
        case Verb::clear:
            transcript_.clear();
            return note("a new conversation");
        case Verb::retry:
            return transcript_.retry() ? answer() : note("there is no question yet");
        case Verb::undo:
            return note(transcript_.undo()
                            ? fmt::format("taken back; {} questions remain", transcript_.questions())
                            : "there is no question to take back");
        case Verb::save:
            return save(command.argument);
        case Verb::load:
            return load(command.argument);
        case Verb::stats:
            return stats();
        case Verb::exit:
            leaving_ = true;
    }
}

void Conversation::answer() {
    boost::json::object body = settings_.fields();
    body["messages"] = transcript_.messages();
    bool begun = false;
    const auto on_text = [&](std::string_view text, bool thought) {
        begun = true;
        printer_.show(text, thought);
    };
    signals_.interrupted = signals_.ended.load();
    auto reply = answerer_.answer(std::move(body), on_text, signals_.interrupted);
    signals_.interrupted = false;
    if (begun || reply) printer_.end();
    if (reply) return finished(std::move(*reply));
    transcript_.failed();
    complain(reply.error());
    if (!place_.interactive) return;
    note(reply.error().kind == ErrorKind::context_length_exceeded
             ? "/undo and /clear make room; /retry asks again"
             : "/retry asks again");
}

void Conversation::finished(Reply reply) {
    last_ = reply.figures;
    if (reply.stopped && reply.content.empty()) {
        transcript_.failed();
        return note("stopped before an answer; /retry asks again");
    }
    transcript_.answered(reply.content);
    if (!place_.interactive) return;
    if (reply.stopped) note("stopped");
    if (reply.finish == "length") note("the answer was cut off: by max_tokens, or by the end of the context");
}

void Conversation::interrupted(bool nothing_typed) {
    assembler_.drop();
    idle_interrupts_ = nothing_typed ? idle_interrupts_ + 1 : 0;
    if (idle_interrupts_ == 2) note("Ctrl-D or /exit leaves");
}

void Conversation::set(const std::string& argument) {
    if (argument.empty()) return print(settings_.list());
    const std::string name = argument.substr(0, argument.find_first_of(" \t\n"));
    const std::string_view value = trim(std::string_view(argument).substr(name.size()));
    if (!value.empty()) {
        if (auto ok = settings_.set(name, value); !ok) return complain(ok.error());
    }
    const auto line = settings_.describe(name);
    if (!line) return complain(line.error());
    print(*line);
}

void Conversation::system(const std::string& text) {
    if (!text.empty()) return transcript_.set_system(text == "none" ? "" : text);
    const std::string now = transcript_.system();
    note(now.empty() ? "there is no system message" : now);
}

void Conversation::save(const std::string& file) {
    if (auto ok = write_file(file, transcript_.save(), file == file_); !ok) return complain(ok.error());
    file_ = file;
    note("saved");
}

void Conversation::load(const std::string& file) {
    const auto text = read_file(file, kConversationBytes);
    if (!text) return complain(text.error());
    if (const auto ok = transcript_.load(*text); !ok)
        return complain({ok.error().kind, file + ": " + ok.error().message});
    file_ = file;
    last_.reset();
    note(fmt::format("{} messages{}", transcript_.messages().size(),
                     transcript_.has_open_question() ? ", and a question that /retry asks" : ""));
}

void Conversation::stats() {
    last_ ? print(figures_text(*last_)) : note("there is no answer yet");
}

void Conversation::note(std::string_view text) {
    print(std::string(text) + '\n');
}

void Conversation::print(std::string_view lines) {
    std::fputs(printable(lines).c_str(), place_.screen);
    std::fflush(place_.screen);
}

void Conversation::complain(const Error& error) {
    status_ = place_.interactive ? exit_status::done : exit_status::failed;
    note((place_.interactive ? "" : "sluice: ") + error.message);
}

// The engine is loaded, or the server found, before anything is asked. Errors with the status to end with.
std::unique_ptr<Answerer> find_answerer(const ChatCommand& command, int& status) {
    if (!command.url.empty()) {
        auto found = make_server_answerer({command.url, command.api_key, command.engine.model_name});
        if (found) return std::move(*found);
        const bool usage = found.error().kind == ErrorKind::invalid_request;
        status = report(found.error(), usage ? exit_status::usage : exit_status::failed);
        return nullptr;
    }
    auto engine =
        engine::Engine::load(command.engine, isatty(STDERR_FILENO) ? progress_bar() : engine::LoadProgress{});
    if (engine) return make_engine_answerer(std::move(*engine));
    status = report(engine.error(), load_status(engine.error()));
    return nullptr;
}

}  // namespace

int run_chat(const ChatCommand& command) {
    Settings settings;
    for (const auto& [name, value] : command.settings) {
        if (auto ok = settings.set(name, value); !ok) return report(ok.error(), exit_status::usage);
    }
    int status = exit_status::failed;
    const std::unique_ptr<Answerer> answerer = find_answerer(command, status);
    if (!answerer) return status;
    Conversation::Place place;
    place.interactive = isatty(STDIN_FILENO) && (isatty(STDERR_FILENO) || isatty(STDOUT_FILENO));
    if (place.interactive && !isatty(STDERR_FILENO)) place.screen = stdout;
    place.colour = command.colour && !command.dumb_terminal;
    Signals quiet;  // a script's signals do as usual
    Signals& signals = place.interactive ? catch_signals() : quiet;
    const std::unique_ptr<LineReader> reader =
        place.interactive ? make_editor({place.screen, command.dumb_terminal, command.history_file}, signals)
                          : make_plain_reader(stdin);
    if (place.interactive) {
        std::fprintf(place.screen, "%s. /help lists commands, Ctrl-C stops an answer, Ctrl-D leaves.\n",
                     printable(answerer->name()).c_str());
    }
    Conversation conversation(*answerer, std::move(settings), signals, place);
    conversation.set_system(command.answer.system);
    return conversation.run(*reader);
}

}  // namespace sluice::net
