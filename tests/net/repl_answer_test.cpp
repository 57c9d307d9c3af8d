// Streams of servers, good and bad, in any pieces; and what of it reaches a terminal.
#include <gtest/gtest.h>

#include <cstdio>

#include "net/repl/chat_stream.h"
#include "net/repl/http_client.h"
#include "net/repl/screen.h"

namespace sluice::net::repl {
namespace {

struct Told {
    std::string text, thoughts, error;
    Reply reply;
    bool done = false;
};

Told read(std::string_view stream, size_t cut = 1'000'000) {
    Told out;
    ChatStream reader(
        [&out](std::string_view text, bool thought) { (thought ? out.thoughts : out.text) += text; });
    for (size_t at = 0; at < stream.size() && out.error.empty(); at += cut) {
        if (auto ok = reader.push(stream.substr(at, cut)); !ok) out.error = ok.error().message;
    }
    if (out.error.empty()) {
        if (auto ok = reader.finish(); !ok) out.error = ok.error().message;
    }
    out.reply = reader.reply();
    out.done = reader.done();
    return out;
}

std::string delta(const std::string& fields, const std::string& reason = "null") {
    return "data: {\"choices\":[{\"index\":0,\"delta\":{" + fields + "},\"finish_reason\":" + reason +
           "}]}\n\n";
}

const std::string kEnd = delta("", "\"stop\"") + "data: [DONE]\n\n";

TEST(ReplStream, ReadsAnyPieces) {
    const std::string stream = ": keep-alive\r\n\r\n" + delta(R"("role":"assistant","content":"")") +
                               delta(R"("reasoning_content":"hm ")") + delta(R"("reasoning":"hm")") +
                               "event: message\n" + delta(R"("content":"Gr\u00fc")") + "\n" +
                               delta(R"("content":"ße\n","reasoning_content":null)") +
                               delta("", "\"length\"") +
                               R"(data:{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,)"
                               R"("prompt_tokens_details":{"cached_tokens":4}}})"
                               "\n\ndata: [DONE]\n\ndata: what comes after is nobody's\n\n";
    for (const size_t cut : {1, 2, 7, 64, 100'000}) {
        const Told told = read(stream, cut);
        EXPECT_EQ(told.error, "");
        EXPECT_EQ(told.text, "Grüße\n");
        EXPECT_EQ(told.thoughts, "hm hm");
        EXPECT_EQ(told.reply.content, "Grüße\n");
        EXPECT_EQ(told.reply.finish, "length");
        EXPECT_EQ(told.reply.figures.prompt_tokens, 5);
        EXPECT_EQ(told.reply.figures.cached_tokens, 4);
        EXPECT_EQ(told.reply.figures.tokens, 9);
        EXPECT_FALSE(told.reply.figures.estimated);
        EXPECT_TRUE(told.done);
    }
}

TEST(ReplStream, ThoughtsBetweenTagsAreThoughts) {
    const Told told =
        read(delta(R"("content":"<thi")") + delta(R"("content":"nk>hm</think>\n\nHello")") + kEnd);
    EXPECT_EQ(told.thoughts, "hm");
    EXPECT_EQ(told.text, "Hello");
    EXPECT_TRUE(told.reply.figures.estimated);
    EXPECT_EQ(told.reply.figures.tokens, 2);
}

TEST(ReplStream, AnEndWithoutDoneIsAnEndIfTheAnswerHasOne) {
    EXPECT_EQ(read(delta(R"("content":"a")") + delta("", "\"stop\"")).error, "");
    EXPECT_EQ(read(delta(R"("content":"a")") + "data: [DONE]").error, "");  // and without a line feed
    for (const std::string& cut :
         {std::string(), std::string(": keep-alive\n\n"), delta(R"("content":"a")")}) {
        EXPECT_EQ(read(cut).error, "the server broke the answer off") << cut;
    }
}

TEST(ReplStream, WhatIsWrongIsSaid) {
    const std::pair<std::string, const char*> rows[] = {
        {R"(data: {"error":{"message":"too \u001b[31m much","type":"x"}})",
         "reports: too \xe2\x90\x9b[31m much"},
        {R"(data: {"error":"busy"})", "reports: busy"},
        {R"(data: {"error":{}})", "reports an error"},
        {"data: {\"choices\":", "no chat completion"},
        {"data: 7", "no chat completion"},
        {"data: \xff", "no chat completion"},
        {"data: " + std::string(100'000, '['), "no chat completion"},
        {"data: " + std::string(ChatStream::kLineBytes, 'x'), "more than 1 MiB"},
        {std::string(ChatStream::kLineBytes + 1, 'x'), "more than 1 MiB"},
    };
    for (const auto& [stream, words] : rows) {
        const Told told = read(stream + "\n\n" + kEnd, 4096);
        EXPECT_NE(told.error.find(words), std::string::npos) << stream.substr(0, 50) << ": " << told.error;
    }
}

TEST(ReplStream, OddShapesDoNoHarm) {
    for (const char* event :
         {R"({})", R"({"choices":7})", R"({"choices":[7]})", R"({"choices":[{"delta":7}]})",
          R"({"choices":[{"delta":{"content":7}}]})", R"({"usage":null,"error":null})",
          R"({"choices":[{"finish_reason":7}],"usage":{"completion_tokens":"many"}})"}) {
        const Told told = read("data: " + std::string(event) + "\n\n" + kEnd);
        EXPECT_EQ(told.error, "") << event;
        EXPECT_EQ(told.text, "");
    }
}

TEST(ReplStream, AnAnswerHasABound) {
    const std::string piece = delta("\"content\":\"" + std::string(ChatStream::kLineBytes / 2, 'x') + "\"");
    std::string stream;
    for (size_t i = 0; i <= 2 * ChatStream::kAnswerBytes / ChatStream::kLineBytes; ++i) stream += piece;
    EXPECT_NE(read(stream + kEnd).error.find("more than 16 MiB"), std::string::npos);
}

TEST(ReplStream, ErrorBodiesOfAllKinds) {
    const std::pair<std::string, std::string> rows[] = {
        {R"({"error":{"message":"no such model","code":404}})", "no such model"},
        {R"({"error":"busy"})", "busy"},
        {R"({"object":"error","message":"old vLLM"})", "old vLLM"},
        {R"({"detail":"Not Found"})", "Not Found"},
        {R"({"detail":[{"loc":[]}]})", ""},
        {"<html>502</html>", ""},
        {"Service\nUnavailable\n", "Service Unavailable"},
        {"\x1b]0;title\x07", "\xe2\x90\x9b]0;title\xe2\x90\x87"},
        {"", ""},
        {std::string(5000, 'x'), std::string(1000, 'x')},
    };
    for (const auto& [body, expected] : rows) EXPECT_EQ(server_message(body), expected) << body;
}

TEST(ReplScreen, NothingSteersTheTerminal) {
    const std::pair<std::string, std::string> rows[] = {
        {"plain\n\ttext", "plain\n\ttext"},
        {"\x1b[31mred\x1b[0m", "\xe2\x90\x9b[31mred\xe2\x90\x9b[0m"},
        {"\x1b]52;c;aGk=\x07", "\xe2\x90\x9b]52;c;aGk=\xe2\x90\x87"},
        {"over\rwritten\r\n", "overwritten\n"},
        {"\b\x7f\v\f", "\xe2\x90\x88\xe2\x90\xa1\xe2\x90\x8b\xe2\x90\x8c"},
        {std::string("a\0b", 3),
         "a\xe2\x90\x80"
         "b"},
        {"\xc2\x9b"
         "31m",
         "\xef\xbf\xbd"
         "31m"},  // CSI as one character
        {"\x9b"
         "31m",
         "\xef\xbf\xbd"
         "31m"},  // and as one byte
        {"\xc2\xa0 \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
         "\xc2\xa0 \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"},
    };
    for (const auto& [text, expected] : rows) EXPECT_EQ(printable(text), expected);
}

// All that an answer with a thought writes.
std::string printed(bool terminal, bool colour) {
    std::FILE* file = std::tmpfile();
    AnswerPrinter printer(file, terminal, colour);
    printer.show("h", true);
    printer.show("m\n", true);
    printer.show("Hi\x1b", false);
    printer.end();
    std::string out(200, '\0');
    std::rewind(file);
    out.resize(std::fread(out.data(), 1, out.size(), file));
    std::fclose(file);
    return out;
}

TEST(ReplScreen, ThoughtsAreDimmedOrTaggedOrLeftOut) {
    EXPECT_EQ(printed(true, true), "\x1b[2mhm\n\x1b[0m\nHi\xe2\x90\x9b\n");
    EXPECT_EQ(printed(true, false), "<think>\nhm\n</think>\n\nHi\xe2\x90\x9b\n");
    EXPECT_EQ(printed(false, true), "Hi\x1b\n") << "in a pipe the bytes are the answer's";
}

TEST(ReplHttp, AddressesAreRead) {
    const std::pair<const char*, const char*> good[] = {
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"},
        {"http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"},
        {"http://host:1/v1", "http://host:1/v1"},
        {"https://host/v1/", "https://host/v1"},
        {"https://host/api/v1", "https://host/api/v1"},
        {"http://[::1]:8080", "http://[::1]:8080/v1"},
    };
    for (const auto& [given, url] : good) {
        const auto client = HttpClient::to(given, "key");
        ASSERT_TRUE(client.has_value()) << given;
        EXPECT_EQ(client->url(), url);
    }
    for (const char* given : {"", "host:8080", "ftp://host/", "file:///etc/passwd", "http://", "http://a b/",
                              "http://host:99999", "http://host/v1?x=1", "http://me:secret@host/"}) {
        const auto client = HttpClient::to(given, "");
        ASSERT_FALSE(client.has_value()) << given;
        EXPECT_EQ(client.error().param, "--url");
    }
    for (const char* key : {"a\r\nX: y", "a b", "\xc3\xbc"}) {
        const auto client = HttpClient::to("http://host", key);
        ASSERT_FALSE(client.has_value());
        EXPECT_EQ(client.error().message.find(key), std::string::npos) << "errors do not repeat keys";
    }
}

}  // namespace
}  // namespace sluice::net::repl
