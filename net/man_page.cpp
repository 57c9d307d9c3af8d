// The manual page in man(7)'s macros.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/exit_status.h"
#include "net/option_table.h"

namespace sluice::net {
namespace {

// Text as roff takes it: what stands in `backticks` becomes bold.
std::string escaped(std::string_view text) {
    std::string out;
    bool bold = false;
    for (const char c : text) {
        if (c == '`') {
            bold = !bold;
            out += bold ? "\\fB" : "\\fR";
        } else if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";  // the ASCII character, so that flags can be copied
        } else {
            out += c;
        }
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string bold(std::string_view text) {
    return "\\fB" + escaped(text) + "\\fR";
}
std::string italic(std::string_view text) {
    return "\\fI" + escaped(text) + "\\fR";
}

class Page {
  public:
    void section(std::string_view name) { out_ += fmt::format(".SH {}\n", name); }
    void subsection(std::string_view name) { out_ += fmt::format(".SS {}\n", name); }
    void line(std::string_view roff) { out_ += fmt::format("{}\n", roff); }
    void item(std::string_view tag, std::string_view roff) {
        out_ += fmt::format(".TP\n{}\n{}\n", tag, roff);
    }
    std::string text() { return std::move(out_); }

  private:
    std::string out_;
};

std::string listed(const std::vector<std::string>& choices) {
    return fmt::format("{}", fmt::join(choices, "|"));
}

// What stands without a flag: the values it may have, or its name.
std::string place(const OptionRow& option) {
    return option.choices.empty() ? italic(option.position) : bold(listed(option.choices));
}

std::string tag(const OptionRow& option) {
    std::vector<std::string> ways;
    const std::string value = option.choices.empty() ? italic(option.value) : bold(listed(option.choices));
    for (const std::string& flag : option.flags)
        ways.push_back(option.value.empty() ? bold(flag) : bold(flag) + " " + value);
    if (!option.position.empty()) ways.push_back(place(option));
    return fmt::format("{}", fmt::join(ways, ", "));
}

std::string meaning(const OptionRow& option) {
    std::string out = escaped(option.text) + ".";
    if (!option.range.empty()) out += "\nRange: " + escaped(option.range) + ".";
    if (!option.usual.empty()) out += "\nDefault: " + escaped(option.usual) + ".";
    if (!option.environment.empty()) out += "\nEnvironment: " + bold(option.environment) + ".";
    return out;
}

// Options that the same commands have, in the table's order.
struct Group {
    std::vector<std::string> commands;
    std::vector<const OptionRow*> options;
};

std::vector<Group> groups(const OptionTable& table) {
    std::vector<std::pair<const OptionRow*, std::vector<std::string>>> rows;
    for (const CommandRow& command : table.commands) {
        for (const OptionRow& option : command.options) {
            const auto same = [&](const auto& row) { return *row.first == option; };
            auto known = std::find_if(rows.begin(), rows.end(), same);
            if (known == rows.end()) known = rows.insert(known, {&option, {}});
            known->second.push_back(command.name);
        }
    }
    std::vector<Group> out;
    for (const auto& [option, commands] : rows) {
        const auto same = [&](const Group& group) { return group.commands == commands; };
        auto group = std::find_if(out.begin(), out.end(), same);
        if (group == out.end()) group = out.insert(group, {commands, {}});
        group->options.push_back(option);
    }
    return out;
}

std::string synopsis(const CommandRow& command) {
    std::string out = bold("sluice") + " " + bold(command.name) + " [" + italic("OPTION") + "]...";
    for (const OptionRow& option : command.options) {
        if (option.position.empty()) continue;
        out += option.required ? " " + place(option) : " [" + place(option) + "]";
    }
    return out;
}

void add_surroundings(Page& page) {
    page.section("ENVIRONMENT");
    page.line(
        escaped("Each option names its variable. A flag on the command line wins over the environment, "
                "that over the file of `--config`. `chat` also looks at these:"));
    page.item(bold("OPENAI_API_KEY"), escaped("The key for `--url` where no other is given."));
    page.item(bold("NO_COLOR"), escaped("Thoughts are not dimmed but stand between tags."));
    page.section("FILES");
    page.line(
        escaped("The file of `--config` is TOML: an option's name without its dashes, and its value, such "
                "as `kv-memory = \"4GiB\"`. One file may be for all commands."));
    page.item(bold("$XDG_STATE_HOME/sluice/chat_history"),
              escaped("What was typed in `chat`; else below `~/.local/state`."));
    page.section("EXIT STATUS");
    for (const ExitMeaning& one : kExitMeanings)
        page.item(bold(std::to_string(one.status)), escaped(one.meaning) + ".");
    page.line(".PP\nWhatever goes wrong is said in one line on standard error; 130 and 141 are quiet.");
    page.section("EXAMPLES");
    const std::pair<const char*, const char*> examples[] = {
        {"sluice serve --model model.gguf --port 8080", "Serves a model to this machine."},
        {"git log -5 | sluice run --model model.gguf -", "What another command says is the prompt."},
        {"sluice run --schema answer.json --json \"Name a river.\" | jq -r .text",
         "An answer that a program can read."},
        {"sluice inspect model.gguf --context 32768 --concurrency 8", "Says whether a model fits here."},
        {"source <(sluice completion bash)", "From now on this bash completes commands and flags."}};
    for (const auto& [command, what] : examples) page.item(bold(command), escaped(what));
}

}  // namespace

std::string man_page(const OptionTable& table, const std::string& version) {
    Page page;
    page.line(fmt::format(".TH SLUICE 1 \"\" \"{}\" \"User Commands\"", version));
    page.section("NAME");
    page.line("sluice \\- " + escaped(table.text.substr(table.text.find(": ") + 2)));
    page.section("SYNOPSIS");
    for (const CommandRow& command : table.commands)
        page.line((&command == &table.commands.front() ? "" : ".br\n") + synopsis(command));
    page.section("COMMANDS");
    for (const CommandRow& command : table.commands)
        page.item(bold(command.name), escaped(command.text) + ".");
    page.section("OPTIONS");
    for (const Group& group : groups(table)) {
        page.subsection(group.commands.size() == table.commands.size()
                            ? "all commands"
                            : fmt::format("{}", fmt::join(group.commands, ", ")));
        for (const OptionRow* option : group.options) page.item(tag(*option), meaning(*option));
    }
    add_surroundings(page);
    return page.text();
}

}  // namespace sluice::net
