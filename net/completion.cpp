// Scripts for bash, zsh and fish. Words of the table go into single quotes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "net/option_table.h"

namespace sluice::net {
namespace {

// What a flag is for, in a few words: up to the first semicolon.
std::string brief(const std::string& text) {
    return text.substr(0, text.find(';'));
}

// As one word of a shell.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string with_backslashes(const std::string& text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::vector<std::string> names(const OptionTable& table) {
    std::vector<std::string> out;
    for (const CommandRow& command : table.commands) out.push_back(command.name);
    return out;
}

// One branch of bash's case: what follows each flag that takes something, and what stands without one.
std::string bash_command(const CommandRow& command) {
    std::vector<std::string> flags, files, texts;
    std::string lists, others = "words=$flags";
    for (const OptionRow& option : command.options) {
        flags.insert(flags.end(), option.flags.begin(), option.flags.end());
        const std::string given =
            !option.choices.empty() ? fmt::format("words='{}'", fmt::join(option.choices, " ")) : "files=1";
        const bool listed = !option.choices.empty() || option.value == "FILE";
        if (!option.position.empty() && listed)
            others = fmt::format("if [[ $word == -* ]]; then words=$flags; else {}; fi", given);
        if (option.flags.empty() || option.value.empty()) continue;
        if (!option.choices.empty()) {
            lists += fmt::format("        {}) {} ;;\n", fmt::join(option.flags, "|"), given);
        } else {
            auto& kind = option.value == "FILE" ? files : texts;
            kind.insert(kind.end(), option.flags.begin(), option.flags.end());
        }
    }
    std::string out = fmt::format("    {})\n        flags='{}'\n        case $before in\n", command.name,
                                  fmt::join(flags, " "));
    out += lists;
    if (!files.empty()) out += fmt::format("        {}) files=1 ;;\n", fmt::join(files, "|"));
    if (!texts.empty()) out += fmt::format("        {}) return ;;\n", fmt::join(texts, "|"));
    return out + fmt::format("        *) {} ;;\n        esac ;;\n", others);
}

std::string bash(const OptionTable& table) {
    std::string out =
        R"(# Completion of sluice for bash, made by `sluice completion bash`.
_sluice() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= each
    local flags= words= files=
    COMPREPLY=()
    # --flag=value comes as three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $each != -* ]]; then command=$each; break; fi
    done
    case $command in
)";
    out += fmt::format("    '') words='{} -h --help' ;;\n", fmt::join(names(table), " "));
    for (const CommandRow& command : table.commands) out += bash_command(command);
    return out + R"(    esac
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    fi
}
complete -F _sluice sluice
)";
}

// A text within what _describe and _arguments are told.
std::string zsh_text(const std::string& text) {
    return with_backslashes(brief(text), "[]:\\");
}

// A value: what it is called, and how to complete it. A space for "not at all" would keep zsh from completing
// a flag in its place.
std::string zsh_value(const std::string& name, const OptionRow& option) {
    if (option.value == "FILE") return fmt::format(":{}:_files", name);
    return fmt::format(":{}:({})", name, fmt::join(option.choices, " "));
}

std::string zsh_arguments(const OptionRow& option) {
    std::vector<std::string> out;
    for (const std::string& flag : option.flags) {
        std::string spec = option.repeats ? "*" + flag : flag;
        spec += (option.value.empty() ? "[" : "=[") + zsh_text(option.text) + "]";
        if (!option.value.empty()) spec += zsh_value(option.value, option);
        out.push_back(quoted(spec));
    }
    if (!option.position.empty())
        out.push_back(quoted((option.required ? "" : ":") + zsh_value(option.position, option)));
    std::string text;
    for (const std::string& spec : out) text += " \\\n        " + spec;
    return text;
}

std::string zsh(const OptionTable& table) {
    std::string commands, branches;
    for (const CommandRow& command : table.commands) {
        commands += fmt::format("        {}\n", quoted(command.name + ":" + zsh_text(command.text)));
        branches += fmt::format("    {}) _arguments", command.name);
        for (const OptionRow& option : command.options) branches += zsh_arguments(option);
        branches += " ;;\n";
    }
    return fmt::format(R"(#compdef sluice
# Completion of sluice for zsh, made by `sluice completion zsh`: a file _sluice in $fpath, or to be sourced.
_sluice() {{
    local -a commands=(
{}    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{}    esac
}}
if [[ $funcstack[1] == _sluice ]]; then _sluice "$@"; else compdef _sluice sluice; fi
)",
                       commands, branches);
}

std::string fish_quoted(const std::string& text) {
    return quoted(with_backslashes(text, "\\"));
}

// How fish completes what stands after a flag (or without one).
std::string fish_value(const OptionRow& option) {
    if (!option.choices.empty())
        return fmt::format(" -x -a {}", fish_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    if (option.value == "FILE") return " -r -F";
    return option.value.empty() ? "" : " -x";
}

std::string fish(const OptionTable& table) {
    std::string out =
        "# Completion of sluice for fish, made by `sluice completion fish`.\ncomplete -c sluice -f\n";
    const std::string none = fmt::format("not __fish_seen_subcommand_from {}", fmt::join(names(table), " "));
    out += fmt::format("complete -c sluice -n '{}' -s h -l help -d 'Print the commands'\n", none);
    for (const CommandRow& command : table.commands) {
        out += fmt::format("complete -c sluice -n '{}' -a {} -d {}\n", none, command.name,
                           fish_quoted(brief(command.text)));
        const std::string here =
            fmt::format("complete -c sluice -n '__fish_seen_subcommand_from {}'", command.name);
        for (const OptionRow& option : command.options) {
            if (!option.position.empty() && !fish_value(option).ends_with(" -x"))
                out += here + (option.value == "FILE" ? " -F" : fish_value(option)) + "\n";
            if (option.flags.empty()) continue;
            out += here;
            for (const std::string& flag : option.flags)
                out += flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1);
            out += fmt::format("{} -d {}\n", fish_value(option), fish_quoted(brief(option.text)));
        }
    }
    return out;
}

}  // namespace

std::string completion_script(const OptionTable& table, const std::string& shell) {
    return shell == "bash" ? bash(table) : shell == "zsh" ? zsh(table) : fish(table);
}

}  // namespace sluice::net
