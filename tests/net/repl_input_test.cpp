// What a person types: lines that belong together, commands, settings, tabs.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "net/openai/fields.h"
#include "net/repl/assembler.h"
#include "net/repl/command.h"
#include "net/repl/settings.h"

namespace sluice::net::repl {
namespace {

namespace json = boost::json;

// Every input that the lines make; quoted ones begin with a Q. The end of input follows.
std::vector<std::string> inputs(const std::vector<std::string>& lines) {
    Assembler assembler;
    std::vector<std::string> out;
    const auto add = [&out](const std::optional<Input>& input) {
        if (input) out.push_back((input->quoted ? "Q" : "") + input->text);
    };
    for (const std::string& line : lines) {
        const auto pushed = assembler.push(line);
        EXPECT_TRUE(pushed.has_value());
        if (pushed) add(*pushed);
    }
    add(assembler.finish());
    EXPECT_FALSE(assembler.open());
    return out;
}

TEST(ReplInput, LinesThatBelongTogether) {
    using Lines = std::vector<std::string>;
    const std::pair<Lines, Lines> rows[] = {
        {{"one", "two"}, {"one", "two"}},
        {{"one\\", "two\\", "three"}, {"one\ntwo\nthree"}},
        {{"one\\"}, {"one\n"}},  // the end of input ends it
        {{"\"\"\"one", "", "two\"\"\"", "three"}, {"Qone\n\ntwo", "three"}},
        {{"\"\"\"", "one", "two", "\"\"\""}, {"Qone\ntwo"}},
        {{"\"\"\"one\"\"\""}, {"Qone"}},
        {{"\"\"\"", "ends in \\", "/exit", "\"\"\""}, {"Qends in \\\n/exit"}},
        {{"\"\"\"", "open"}, {"Qopen\n"}},
        {{"\"\"\"", "\"\"\""}, {"Q"}},
        {{"/system \"\"\"", "Be brief.", "Be kind.\"\"\""}, {"/system Be brief.\nBe kind."}},
        {{"say \"\"\" aloud"}, {"say \"\"\" aloud"}},
        {{"pasted\nlines"}, {"pasted\nlines"}},
    };
    for (const auto& [lines, expected] : rows) EXPECT_EQ(inputs(lines), expected) << lines[0];
}

TEST(ReplInput, AnInputHasABound) {
    Assembler assembler;
    EXPECT_TRUE(assembler.push("\"\"\"").has_value());
    EXPECT_TRUE(assembler.push(std::string(kInputBytes / 2, 'x')).has_value());
    const auto refused = assembler.push(std::string(kInputBytes / 2, 'x'));
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().message.find("1 MiB"), std::string::npos);
    EXPECT_FALSE(assembler.open()) << "what was dropped is gone, and the next line stands alone";
    EXPECT_EQ((*assembler.push("next"))->text, "next");
}

TEST(ReplInput, CommandsAndMessages) {
    const std::pair<const char*, const char*> messages[] = {
        {"hello", "hello"},
        {" /help", " /help"},
        {"//help", "/help"},
        {"/usr/bin is where?", "/usr/bin is where?"},
        {"/* a comment */", "/* a comment */"},
        {"/", "/"},
        {"/2 of it", "/2 of it"},
        {"say /exit", "say /exit"},
    };
    for (const auto& [typed, text] : messages) {
        const auto read = read_typed(typed);
        ASSERT_TRUE(read.has_value()) << typed;
        ASSERT_TRUE(std::holds_alternative<Message>(*read)) << typed;
        EXPECT_EQ(std::get<Message>(*read).text, text);
    }
    const std::tuple<const char*, Verb, const char*> orders[] = {
        {"/help", Verb::help, ""},
        {"/set", Verb::set, ""},
        {"/set  temperature   0.5 ", Verb::set, "temperature   0.5"},
        {"/system Be brief.\nBe kind.", Verb::system, "Be brief.\nBe kind."},
        {"/save\ta file.json", Verb::save, "a file.json"},
        {"/exit ", Verb::exit, ""},
        {"/bye", Verb::exit, ""},
    };
    for (const auto& [typed, verb, argument] : orders) {
        const auto read = read_typed(typed);
        ASSERT_TRUE(read.has_value()) << typed;
        ASSERT_TRUE(std::holds_alternative<Command>(*read)) << typed;
        EXPECT_EQ(std::get<Command>(*read).verb, verb);
        EXPECT_EQ(std::get<Command>(*read).argument, argument);
    }
    const std::pair<const char*, const char*> wrong[] = {
        {"/sing", "no command /sing"},        {"/Help", "no command /Help"},
        {"/exit now", "/exit takes nothing"}, {"/save", "/save needs the name"},
        {"/load  ", "/load needs the name"},
    };
    for (const auto& [typed, words] : wrong) {
        const auto read = read_typed(typed);
        ASSERT_FALSE(read.has_value()) << typed;
        EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
    }
}

TEST(ReplInput, HelpNamesEveryCommandOnce) {
    const std::string help = help_text();
    for (const CommandEntry& entry : commands()) {
        const std::string line = "\n  /" + std::string(entry.name) + " ";
        EXPECT_EQ(("\n" + help).find(line) != std::string::npos, !entry.note.empty()) << entry.name;
    }
}

TEST(ReplInput, TabCompletesWhatCanBeOneThingOnly) {
    EXPECT_EQ(completion("/h"), "elp ");
    EXPECT_EQ(completion("/help"), " ");
    EXPECT_EQ(completion("/s"), "");
    EXPECT_EQ(completion("/set te"), "mperature ");
    EXPECT_EQ(completion("/set top_"), "");
    EXPECT_EQ(completion("/nothing"), "");
    EXPECT_EQ(completion("h"), "");
    EXPECT_EQ(completion(""), "");
}

std::string set(Settings& settings, std::string_view name, std::string_view value) {
    const auto done = settings.set(name, value);
    return done ? "" : done.error().message;
}

TEST(ReplSettings, OnlyWhatWasSetIsSent) {
    Settings settings;
    EXPECT_EQ(json::serialize(settings.fields()), "{}");
    EXPECT_EQ(set(settings, "temperature", "0.5"), "");
    EXPECT_EQ(set(settings, "max-tokens", "7"), "");
    EXPECT_EQ(set(settings, "seed", "-3"), "");
    EXPECT_EQ(set(settings, "enable_thinking", "false"), "");
    EXPECT_EQ(set(settings, "reasoning_effort", "none"), "");
    EXPECT_EQ(json::serialize(settings.fields()),
              R"({"temperature":5E-1,"max_tokens":7,"seed":-3,"enable_thinking":false,)"
              R"("reasoning_effort":"none"})");
    EXPECT_EQ(set(settings, "temperature", "default"), "");
    EXPECT_EQ(set(settings, "seed", "null"), "");
    EXPECT_FALSE(settings.fields().contains("temperature"));
    EXPECT_FALSE(settings.fields().contains("seed"));
    EXPECT_EQ(settings.fields().size(), 3u);
}

TEST(ReplSettings, ErrorsAreTheServers) {
    Settings settings;
    const std::pair<const char*, const char*> rows[] = {
        {"temperature", "3"},      {"temperature", "warm"},
        {"temperature", "true"},   {"top_p", "0"},
        {"top_k", "1.5"},          {"min_p", "-1"},
        {"max_tokens", "0"},       {"seed", "99999999999999999999"},
        {"seed", "[1]"},           {"seed", "1 2"},
        {"enable_thinking", "no"},
    };
    for (const auto& [name, value] : rows) {
        const std::string said = set(settings, name, value);
        EXPECT_TRUE(said.starts_with("`" + std::string(name) + "` must be ")) << name << " " << value << said;
        json::object body{{"model", "m"}, {"messages", json::array()}, {name, json::string(value)}};
        const auto server = openai::read_values(body, openai::Dialect::chat);
        ASSERT_FALSE(server.has_value());
        EXPECT_EQ(said, server.error().message);
    }
    EXPECT_TRUE(settings.fields().empty()) << "what was refused is not set";
    for (const char* name : {"colour", "model", "messages", "stream", "n", ""})
        EXPECT_NE(set(settings, name, "1").find("no setting"), std::string::npos) << name;
}

TEST(ReplSettings, TheListHasEveryNameAndItsValue) {
    Settings settings;
    EXPECT_EQ(set(settings, "top_k", "40"), "");
    const std::string list = settings.list();
    for (const std::string_view name : setting_names())
        EXPECT_NE(list.find("  " + std::string(name) + " "), std::string::npos) << name;
    EXPECT_TRUE(settings.describe("top_k")->starts_with("  top_k               40 "));
    EXPECT_TRUE(settings.describe("top-p")->starts_with("  top_p               default "));
    EXPECT_FALSE(settings.describe("colour").has_value());
}

}  // namespace
}  // namespace sluice::net::repl
