#include "net/repl/conversation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "net/repl/files.h"

namespace sluice::net::repl {
namespace {

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

}  // namespace

Conversation::Conversation(Answerer& answerer, Settings settings, Signals& signals, const Place& place)
    : answerer_(answerer),
      settings_(std::move(settings)),
      signals_(signals),
      place_(place),
      printer_(stdout, isatty(STDOUT_FILENO) != 0, place.colour) {}

bool Conversation::run(LineReader& reader) {
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
    return well_;
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
    well_ = place_.interactive;
    note((place_.interactive ? "" : "sluice: ") + error.message);
}

}  // namespace sluice::net::repl
