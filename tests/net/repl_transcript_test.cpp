// The conversation: nothing is lost by errors, files are checked, the history keeps to itself.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/repl/files.h"
#include "net/repl/history.h"
#include "net/repl/transcript.h"

namespace sluice::net::repl {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// "user: hi | assistant: hello"
std::string said(const Transcript& transcript) {
    std::string out;
    for (const json::value& message : transcript.messages()) {
        if (!out.empty()) out += " | ";
        out += std::string(message.at("role").as_string()) + ": " +
               std::string(message.at("content").as_string());
    }
    return out;
}

Transcript talk() {
    Transcript transcript;
    transcript.set_system("Be brief.");
    transcript.ask("one");
    transcript.answered("1");
    transcript.ask("two");
    transcript.answered("2");
    return transcript;
}

TEST(ReplTranscript, QuestionsAndAnswers) {
    Transcript transcript = talk();
    EXPECT_EQ(said(transcript), "system: Be brief. | user: one | assistant: 1 | user: two | assistant: 2");
    EXPECT_TRUE(transcript.undo());
    EXPECT_EQ(said(transcript), "system: Be brief. | user: one | assistant: 1");
    transcript.set_system("");
    EXPECT_EQ(transcript.system(), "");
    transcript.set_system("Other.");
    EXPECT_EQ(transcript.system(), "Other.");
    transcript.clear();
    EXPECT_EQ(said(transcript), "system: Other.");
    EXPECT_FALSE(transcript.undo());
    EXPECT_FALSE(transcript.retry());
    transcript.ask("not \xff UTF-8");
    EXPECT_EQ(said(transcript), "system: Other. | user: not \xef\xbf\xbd UTF-8");
}

TEST(ReplTranscript, AFailedQuestionIsSetAside) {
    Transcript transcript = talk();
    const std::string before = said(transcript);
    transcript.ask("three");
    transcript.failed();
    EXPECT_EQ(said(transcript), before);
    EXPECT_TRUE(transcript.has_open_question());
    EXPECT_TRUE(transcript.retry());
    EXPECT_EQ(said(transcript), before + " | user: three");
    transcript.failed();
    EXPECT_TRUE(transcript.retry()) << "as often as one likes";
    transcript.answered("3");
    EXPECT_EQ(said(transcript), before + " | user: three | assistant: 3");
    transcript.ask("four");
    transcript.failed();
    EXPECT_TRUE(transcript.undo()) << "takes the failed question, not the answered one";
    EXPECT_EQ(said(transcript), before + " | user: three | assistant: 3");
}

TEST(ReplTranscript, AnAnswerStaysWhenAnotherOneFails) {
    Transcript transcript = talk();
    const std::string before = said(transcript);
    EXPECT_TRUE(transcript.retry());
    EXPECT_TRUE(said(transcript).ends_with("user: two"));
    transcript.failed();
    EXPECT_EQ(said(transcript), before);
    EXPECT_TRUE(transcript.retry());
    transcript.answered("zwei");
    EXPECT_TRUE(said(transcript).ends_with("user: two | assistant: zwei"));
    transcript.ask("three");
    transcript.failed();
    EXPECT_TRUE(said(transcript).ends_with("assistant: zwei")) << "nothing of the replaced answer comes back";
}

TEST(ReplTranscript, WhatIsSavedIsLoaded) {
    Transcript before = talk();
    before.ask("open\n\"quoted\"");
    before.failed();
    const auto saved = json::parse(before.save());
    EXPECT_EQ(saved.at("messages").as_array().size(), 6u);
    Transcript after;
    ASSERT_TRUE(after.load(before.save()).has_value());
    EXPECT_EQ(said(after), said(before));
    EXPECT_EQ(after.system(), "Be brief.");
    EXPECT_TRUE(after.has_open_question());
    EXPECT_EQ(after.save(), before.save());
}

TEST(ReplTranscript, LoadTakesOpenAisFormsAndKeepsThem) {
    Transcript transcript;
    const std::string list =
        R"([{"role":"developer","content":[{"type":"text","text":"Be kind."}]},
            {"role":"user","content":"weather?"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function",
             "function":{"name":"look","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"a","content":"rain"},
            {"role":"assistant","content":"Rain."}])";
    ASSERT_TRUE(transcript.load(list).has_value());
    EXPECT_EQ(transcript.system(), "Be kind.");
    EXPECT_EQ(transcript.messages()[2].at("tool_calls").at(0).at("function").at("arguments"), "{}");
    EXPECT_TRUE(transcript.retry());
    EXPECT_EQ(transcript.messages().size(), 2u) << "the calls belong to the answer";
}

TEST(ReplTranscript, WhatCannotBeLoadedChangesNothing) {
    const std::pair<const char*, const char*> rows[] = {
        {"", "not valid JSON"},
        {"{\"messages\": [", "not valid JSON"},
        {"[]", "`messages` must be a list of 1 to"},
        {"{}", "`messages` must be a list of 1 to"},
        {"7", "`messages` must be a list of 1 to"},
        {R"([{"role":"user","content":"a"},{"role":"robot","content":"b"}])", "`messages[1].role`"},
        {R"([{"role":"user","content":7}])", "`messages[0].content`"},
        {R"([{"role":"user"}])", "`messages[0].content`"},
    };
    Transcript transcript = talk();
    const std::string before = said(transcript);
    for (const auto& [text, words] : rows) {
        const auto loaded = transcript.load(text);
        ASSERT_FALSE(loaded.has_value()) << text;
        EXPECT_NE(loaded.error().message.find(words), std::string::npos) << loaded.error().message;
        EXPECT_EQ(loaded.error().message.find("the body"), std::string::npos) << loaded.error().message;
        EXPECT_EQ(said(transcript), before);
    }
}

class Folder {
  public:
    Folder() : path(fs::path(testing::TempDir()) / ("sluice-repl-" + std::to_string(::getpid()))) {
        fs::create_directories(path);
    }
    ~Folder() { fs::remove_all(path); }
    Folder(const Folder&) = delete;

    std::string file(const char* name) const { return (path / name).string(); }

    const fs::path path;
};

unsigned mode(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777u : 0;
}

std::string content(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

TEST(ReplFiles, AreWrittenWholeForTheirOwner) {
    const Folder folder;
    const std::string file = folder.file("a.json");
    ASSERT_TRUE(write_file(file, "one", false).has_value());
    EXPECT_EQ(mode(file), 0600u);
    const auto refused = write_file(file, "two", false);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().message.find("is there already"), std::string::npos);
    EXPECT_EQ(content(file), "one");
    ASSERT_TRUE(write_file(file, "two", true).has_value());
    EXPECT_EQ(*read_file(file, 3), "two");
    EXPECT_NE(read_file(file, 2).error().message.find("more than"), std::string::npos);
    EXPECT_NE(read_file(folder.file("no"), 9).error().message.find("cannot be read"), std::string::npos);
    EXPECT_NE(read_file(folder.path.string(), 9).error().message.find("is no file"), std::string::npos);
    EXPECT_NE(write_file(folder.file("no/b"), "x", true).error().message.find("cannot be written"),
              std::string::npos);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()), 1)
        << "nothing is left beside it";
}

TEST(ReplHistory, IsKeptForTheOwnerAndWithinBounds) {
    const Folder folder;
    const std::string file = folder.file("state/sluice/history");
    {
        HistoryFile history(file);
        history.add("first");
        history.add("two\nlines");
        history.add(std::string(HistoryFile::kEntryBytes + 1, 'x'));
    }
    EXPECT_EQ(mode(file), 0600u);
    EXPECT_EQ(mode(folder.file("state/sluice")), 0700u);
    HistEvent event{};
    {
        HistoryFile history(file);
        ASSERT_GE(::history(history.get(), &event, H_FIRST), 0);
        EXPECT_STREQ(event.str, "two\nlines");
        ASSERT_GE(::history(history.get(), &event, H_NEXT), 0);
        EXPECT_STREQ(event.str, "first");
        EXPECT_LT(::history(history.get(), &event, H_NEXT), 0) << "the long one was kept";
        for (int i = 0; i < HistoryFile::kEntries; ++i) history.add("entry " + std::to_string(i));
    }
    HistoryFile history(file);
    ::history(history.get(), &event, H_GETSIZE);
    EXPECT_EQ(event.num, HistoryFile::kEntries);
    EXPECT_EQ(content(file).find("first"), std::string::npos) << "the oldest go";
}

TEST(ReplHistory, TwoConversationsShareTheFile) {
    const Folder folder;
    HistoryFile one(folder.file("history")), two(folder.file("history"));
    one.add("of one");
    two.add("of two");
    one.add("of one again");
    HistoryFile later(folder.file("history"));
    HistEvent event{};
    ASSERT_GE(::history(later.get(), &event, H_FIRST), 0);
    for (const char* expected : {"of one again", "of two", "of one"}) {
        EXPECT_STREQ(event.str, expected);
        ::history(later.get(), &event, H_NEXT);
    }
    ASSERT_GE(::history(two.get(), &event, H_FIRST), 0);
    EXPECT_STREQ(event.str, "of two") << "each goes back through its own";
}

TEST(ReplHistory, NoFileIsNoTrouble) {
    const Folder folder;
    std::ofstream(folder.file("file")) << "not a folder";
    std::ofstream(folder.file("garbage")) << std::string(1000, '\xff');
    for (const std::string& path : {std::string(), folder.file("file/history"), folder.path.string(),
                                    std::string("/proc/no/history"), folder.file("garbage")}) {
        HistoryFile history(path);
        history.add("a");
        HistEvent event{};
        ASSERT_GE(::history(history.get(), &event, H_FIRST), 0) << path;
        EXPECT_STREQ(event.str, "a");
    }
}

}  // namespace
}  // namespace sluice::net::repl
