// The command line as plain data: what completion scripts and the man page are made of. Comes from the parser
// itself, so that they cannot say anything else than it does. Pure; any thread.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::net {

struct OptionRow {
    std::vector<std::string> flags;    // -h, --help; none: it has a position only
    std::string position;              // its name where it stands without a flag; may be empty
    std::string value;                 // what it takes, such as FILE or INT; empty: nothing
    std::vector<std::string> choices;  // the values there are, where they can be listed
    std::string range;                 // "0 to 65535"; may be empty
    std::string text;
    std::string environment;  // variable; may be empty
    std::string usual;        // value when nothing is said; may be empty
    bool repeats = false;     // may be given several times
    bool required = false;

    bool operator==(const OptionRow&) const = default;
};

struct CommandRow {
    std::string name, text;
    std::vector<OptionRow> options;
};

struct OptionTable {
    std::string text;  // what the program is
    std::vector<CommandRow> commands;
};

OptionTable option_table(const CLI::App& app);

// A script that completes commands, flags and values; `shell` is bash, zsh or fish.
std::string completion_script(const OptionTable& table, const std::string& shell);

// The manual page, for man(1).
std::string man_page(const OptionTable& table, const std::string& version);

}  // namespace sluice::net
