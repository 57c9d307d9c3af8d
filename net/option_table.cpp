#include "net/option_table.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace sluice::net {
namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> out;
    std::istringstream rest(text);
    for (std::string part; std::getline(rest, part, at);) out.push_back(part);
    return out;
}

// What is between the first of `open` and the next `close`; empty when there is no such thing.
std::string between(const std::string& text, const std::string& open, char close) {
    const size_t from = text.find(open);
    if (from == std::string::npos) return {};
    const size_t begin = from + open.size();
    const size_t end = text.find(close, begin);
    return end == std::string::npos ? std::string() : text.substr(begin, end - begin);
}

// CLI11's name of a type goes on with those of the checks: "UINT:INT in [0 - 65535]", "ENUM:{f16,f32}".
void add_type(OptionRow& row, const std::string& type) {
    row.choices = split(between(type, "{", '}'), ',');
    if (type == "BOOLEAN") row.choices = {"true", "false"};
    row.value = row.choices.empty() ? type.substr(0, type.find(':')) : "VALUE";
    if (row.value == "UINT") row.value = type.ends_with(":SIZE") ? "SIZE" : "INT";
    const std::string range = between(type, "[", ']');
    if (const size_t to = range.find(" - "); to != std::string::npos && row.value != "TIME")
        row.range = range.substr(0, to) + " to " + range.substr(to + 3);
}

OptionRow option_row(const CLI::Option& option) {
    OptionRow row;
    for (const std::string& name : option.get_snames()) row.flags.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) row.flags.push_back("--" + name);
    if (option.get_positional()) row.position = option.get_name(true);
    if (option.get_items_expected_max() > 0) add_type(row, option.get_type_name());
    row.text = option.get_description();
    row.environment = option.get_envname();
    row.usual = option.get_default_str();
    row.required = option.get_required();
    row.repeats = option.get_items_expected_max() > 1;
    return row;
}

}  // namespace

OptionTable option_table(const CLI::App& app) {
    OptionTable table;
    table.text = app.get_description();
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        CommandRow row{command->get_name(), command->get_description(), {}};
        for (const CLI::Option* option : command->get_options()) row.options.push_back(option_row(*option));
        table.commands.push_back(std::move(row));
    }
    return table;
}

}  // namespace sluice::net
