#include "net/repl/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/repl/settings.h"

namespace sluice::net::repl {
namespace {

constexpr CommandEntry kCommands[] = {
    {"help", Verb::help, "", "this list"},
    {"set", Verb::set, "[NAME [VALUE]]", "how answers are made; VALUE `default` forgets what was set"},
    {"system", Verb::system, "[TEXT]", "the system message; TEXT `none` removes it"},
    {"clear", Verb::clear, "", "a new conversation, with the same system message"},
    {"retry", Verb::retry, "", "answer the last question again"},
    {"undo", Verb::undo, "", "take the last question and its answer back"},
    {"save", Verb::save, "FILE", "write the conversation, as JSON"},
    {"load", Verb::load, "FILE", "go on with a conversation from such a file"},
    {"stats", Verb::stats, "", "tokens and times of the last answer"},
    {"exit", Verb::exit, "", "leave, as Ctrl-D does"},
    {"quit", Verb::exit, "", ""},
    {"bye", Verb::exit, "", ""},
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The word of a command, empty when the text is none: a path or a comment also begins with a slash.
std::string_view command_word(std::string_view text) {
    if (!text.starts_with('/')) return {};
    const std::string_view word = text.substr(1, text.find_first_of(" \t\r\n", 1) - 1);
    return std::ranges::all_of(word, is_letter) ? word : std::string_view();
}

}  // namespace

std::span<const CommandEntry> commands() {
    return kCommands;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<Typed> read_typed(std::string_view text) {
    const std::string_view word = command_word(text);
    if (word.empty()) return Typed(Message{std::string(text.substr(text.starts_with("//") ? 1 : 0))});
    const auto* entry = std::ranges::find(kCommands, word, &CommandEntry::name);
    if (entry == std::end(kCommands)) {
        return Error{ErrorKind::invalid_request,
                     fmt::format("there is no command /{0}; /help lists them, //{0} sends it as text", word)};
    }
    Command command{entry->verb, std::string(trim(text.substr(1 + word.size())))};
    if (!command.argument.empty() && entry->argument.empty())
        return Error{ErrorKind::invalid_request, fmt::format("/{} takes nothing after it", word)};
    if (command.argument.empty() && entry->argument == "FILE")
        return Error{ErrorKind::invalid_request, fmt::format("/{} needs the name of a file", word)};
    return Typed(std::move(command));
}

std::string completion(std::string_view typed) {
    constexpr std::string_view kSet = "/set ";
    const bool setting = typed.starts_with(kSet);
    if (!typed.starts_with('/')) return {};
    const std::string_view begun = typed.substr(setting ? kSet.size() : 1);
    std::string out;
    int found = 0;
    const auto try_name = [&](std::string_view name) {
        if (!name.starts_with(begun)) return;
        ++found;
        out = std::string(name.substr(begun.size())) + ' ';
    };
    if (setting) {
        for (const std::string_view name : setting_names()) try_name(name);
    } else {
        for (const CommandEntry& entry : kCommands) try_name(entry.name);
    }
    return found == 1 ? out : "";
}

std::string help_text() {
    std::string out;
    for (const CommandEntry& entry : kCommands) {
        if (entry.note.empty()) continue;
        out += fmt::format("  {:<22}{}\n", fmt::format("/{} {}", entry.name, entry.argument), entry.note);
    }
    return out +
           "  \"\"\" begins a message of several lines, and ends it; or end a line with \\\n"
           "  //...                 a message that begins with a slash\n"
           "  Ctrl-C stops an answer or clears the line, Ctrl-D leaves\n";
}

}  // namespace sluice::net::repl
