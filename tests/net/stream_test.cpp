// What an answer looks like, streamed and whole, and when its parts leave.
#include <algorithm>
#include <set>

#include "tests/net/server_fixture.h"

namespace sluice::test {
namespace {

class StreamTest : public ServerTest {};

TEST_F(StreamTest, FirstTokenLeavesBeforeTheSecondIsComputed) {
    start();
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":3,"stream":true)"));
    const std::string text = continuation({'a', 'b'}, 3);
    for (int token = 1; token <= 3; ++token) {
        ASSERT_TRUE(gate->wait_arrived(token));
        gate->allow(1);
        if (token == 1) {
            const RawResponse head = stream.head();
            EXPECT_EQ(head.status, 200);
            EXPECT_TRUE(head.field("Content-Type").starts_with("text/event-stream"));
            EXPECT_EQ(head.field("Cache-Control"), "no-cache");
            EXPECT_EQ(head.field("X-Accel-Buffering"), "no");
        }
        const auto frame = stream.next();
        ASSERT_TRUE(frame.has_value());
        EXPECT_EQ(frame->at("choices").at(0).at("text").as_string(), text.substr(size_t(token) - 1, 1));
        EXPECT_EQ(gate->passed(), token) << "it waited for a later token";
    }
    EXPECT_EQ(stream.next()->at("choices").at(0).at("finish_reason").as_string(), "length");
    EXPECT_FALSE(stream.next().has_value());
    EXPECT_TRUE(stream.done);
}

TEST_F(StreamTest, ChatStreamHasOneFrameAToken) {
    start();
    Stream stream(port, chat(R"("max_tokens":6,"stream":true,"stream_options":{"include_usage":true})"));
    EXPECT_EQ(stream.head().status, 200);
    const auto frames = stream.all();
    EXPECT_TRUE(stream.done);
    ASSERT_EQ(frames.size(), 1u + 6u + 1u + 1u);  // role, tokens, reason, usage
    std::set<std::string> ids;
    for (const auto& frame : frames) {
        ids.insert(std::string(frame.at("id").as_string()) + std::to_string(frame.at("created").as_int64()));
        EXPECT_EQ(frame.at("object").as_string(), "chat.completion.chunk");
        EXPECT_EQ(frame.at("model").as_string(), "org/fake-1.0");
    }
    EXPECT_EQ(ids.size(), 1u);
    EXPECT_TRUE(ids.begin()->starts_with("chatcmpl-"));
    EXPECT_EQ(frames[0].at("choices").at(0).at("delta").at("role").as_string(), "assistant");
    for (size_t i = 1; i <= 6; ++i) {
        const auto& choice = frames[i].at("choices").at(0);
        EXPECT_EQ(choice.at("delta").at("content").as_string().size(), 1u);
        EXPECT_TRUE(choice.at("finish_reason").is_null());
        EXPECT_TRUE(frames[i].at("usage").is_null());
    }
    EXPECT_EQ(frames[7].at("choices").at(0).at("finish_reason").as_string(), "length");
    EXPECT_TRUE(frames[7].at("choices").at(0).at("delta").as_object().empty());
    EXPECT_TRUE(frames[8].at("choices").as_array().empty());
    EXPECT_EQ(frames[8].at("usage").at("completion_tokens").as_int64(), 6);
}

TEST_F(StreamTest, WithoutIncludeUsageThereIsNone) {
    start();
    Stream stream(port, completion(R"("max_tokens":2,"stream":true)"));
    for (const auto& frame : stream.all()) {
        EXPECT_FALSE(frame.as_object().contains("usage"));
        EXPECT_FALSE(frame.at("choices").as_array().empty());
    }
    EXPECT_TRUE(stream.done);
}

TEST_F(StreamTest, WholeAnswerEqualsTheStream) {
    start();
    const Answer whole = ask(chat(R"("max_tokens":9)"));
    ASSERT_EQ(whole.status(), 200) << whole.raw.body;
    EXPECT_EQ(whole.json.at("object").as_string(), "chat.completion");
    const auto& message = whole.choice().at("message");
    EXPECT_EQ(message.at("role").as_string(), "assistant");
    EXPECT_TRUE(message.at("refusal").is_null());
    EXPECT_TRUE(whole.choice().at("logprobs").is_null());
    EXPECT_EQ(whole.choice().at("finish_reason").as_string(), "length");
    const auto& usage = whole.json.at("usage");
    EXPECT_EQ(usage.at("completion_tokens").as_int64(), 9);
    EXPECT_EQ(usage.at("total_tokens").as_int64(), usage.at("prompt_tokens").as_int64() + 9);
    Stream stream(port, chat(R"("max_tokens":9,"stream":true)"));
    EXPECT_EQ(joined(stream.all()), message.at("content").as_string());
    EXPECT_EQ(message.at("content").as_string().size(), 9u);
}

TEST_F(StreamTest, CompletionOfTextAndOfTokens) {
    start();
    const Answer text = ask(completion(""));
    ASSERT_EQ(text.status(), 200) << text.raw.body;
    EXPECT_EQ(text.json.at("object").as_string(), "text_completion");
    EXPECT_TRUE(text.json.at("id").as_string().starts_with("cmpl-"));
    EXPECT_EQ(text.text(), continuation({'a', 'b'}, 16)) << "16 is the default of this dialect";
    EXPECT_EQ(text.json.at("usage").at("prompt_tokens").as_int64(), 2);
    const Answer ids = ask(post(kCompletions, R"({"model":"default","prompt":[97,98]})"));
    EXPECT_EQ(ids.text(), text.text());
}

TEST_F(StreamTest, SeveralPromptsAndChoicesAreNumberedInOrder) {
    start();
    const std::string body =
        R"({"model":"default","prompt":["ab","xyz"],"n":2,"max_tokens":4,"temperature":0)";
    const Answer whole = ask(post(kCompletions, body + "}"));
    ASSERT_EQ(whole.status(), 200) << whole.raw.body;
    ASSERT_EQ(whole.json.at("choices").as_array().size(), 4u);
    EXPECT_EQ(whole.json.at("usage").at("completion_tokens").as_int64(), 16);
    Stream stream(port, post(kCompletions, body + R"(,"stream":true})"));
    const auto frames = stream.all();
    for (size_t i = 0; i < 4; ++i) {
        const std::string expected = i < 2 ? continuation({'a', 'b'}, 4) : continuation({'x', 'y', 'z'}, 4);
        EXPECT_EQ(whole.choice(i).at("index").as_int64(), static_cast<int64_t>(i));
        EXPECT_EQ(whole.text(i), expected);
        EXPECT_EQ(joined(frames, static_cast<int64_t>(i)), expected);
    }
}

TEST_F(StreamTest, EchoWithLogprobsScoresThePrompt) {
    start();
    const Answer whole = ask(completion(R"("max_tokens":2,"echo":true,"logprobs":2,"temperature":0)"));
    ASSERT_EQ(whole.status(), 200) << whole.raw.body;
    EXPECT_EQ(whole.text(), "ab" + continuation({'a', 'b'}, 2));
    const auto& logprobs = whole.choice().at("logprobs");
    ASSERT_EQ(logprobs.at("tokens").as_array().size(), 4u);
    EXPECT_EQ(logprobs.at("tokens").at(0).as_string(), "a");
    EXPECT_TRUE(logprobs.at("token_logprobs").at(0).is_null());
    EXPECT_TRUE(logprobs.at("top_logprobs").at(0).is_null());
    EXPECT_LT(logprobs.at("token_logprobs").at(1).to_number<double>(), -20) << "b is not what follows a";
    EXPECT_GT(logprobs.at("token_logprobs").at(2).to_number<double>(), -1e-6);
    for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(logprobs.at("text_offset").at(i).as_int64(), static_cast<int64_t>(i));
    Stream stream(port,
                  completion(R"("max_tokens":2,"echo":true,"logprobs":2,"temperature":0,"stream":true)"));
    EXPECT_EQ(joined(stream.all()), whole.text());
}

TEST_F(StreamTest, EchoAloneReturnsThePrompt) {
    start();
    const Answer whole = ask(completion(R"("max_tokens":0,"echo":true)"));
    ASSERT_EQ(whole.status(), 200) << whole.raw.body;
    EXPECT_EQ(whole.text(), "ab");
    EXPECT_EQ(whole.json.at("usage").at("completion_tokens").as_int64(), 0);
}

TEST_F(StreamTest, ChatLogprobs) {
    start();
    const Answer whole = ask(chat(R"("max_tokens":3,"logprobs":true,"top_logprobs":4)"));
    ASSERT_EQ(whole.status(), 200) << whole.raw.body;
    const auto& content = whole.choice().at("logprobs").at("content").as_array();
    ASSERT_EQ(content.size(), 3u);
    for (const auto& token : content) {
        EXPECT_EQ(token.at("bytes").as_array().size(), 1u);
        EXPECT_EQ(token.at("top_logprobs").as_array().size(), 4u);
        EXPECT_EQ(token.at("top_logprobs").at(0).at("token"), token.at("token"));
    }
    Stream stream(port, chat(R"("max_tokens":3,"logprobs":true,"top_logprobs":4,"stream":true)"));
    size_t scored = 0;
    for (const auto& frame : stream.all()) {
        const auto& logprobs = frame.at("choices").at(0).at("logprobs");
        if (logprobs.is_object()) scored += logprobs.at("content").as_array().size();
    }
    EXPECT_EQ(scored, 3u);
}

TEST_F(StreamTest, StopStringIsCut) {
    start();
    const std::string text = continuation({'a', 'b'}, 16);
    const std::string stop = text.substr(5, 3);
    const std::string rest = R"("stop":[")" + stop + R"("])";
    const Answer whole = ask(completion(rest));
    EXPECT_EQ(whole.text(), text.substr(0, text.find(stop)));
    EXPECT_EQ(whole.choice().at("finish_reason").as_string(), "stop");
    Stream stream(port, completion(rest + R"(,"stream":true)"));
    EXPECT_EQ(joined(stream.all()), whole.text());
}

TEST_F(StreamTest, SilenceIsFilledWithComments) {
    net::Limits limits;
    limits.keep_alive_comment = milliseconds(30);
    engine::Options options;
    options.max_running = 1;
    start(limits, options);
    gate->hold();
    Stream computing(port, completion(R"("max_tokens":1,"stream":true)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    Stream queued(port, completion(R"("max_tokens":1,"stream":true)"));
    for (Stream* stream : {&computing, &queued}) {
        EXPECT_EQ(stream->head().status, 200);
        EXPECT_EQ(stream->frame(), ": keep-alive");
        EXPECT_EQ(stream->frame(), ": keep-alive");
    }
    gate->open();
    EXPECT_EQ(joined(queued.all()), continuation({'a', 'b'}, 1));
    EXPECT_TRUE(queued.done);
}

TEST_F(StreamTest, AnErrorInAStreamEndsItWithoutDone) {
    net::Limits limits;
    limits.request_time = milliseconds(150);
    start(limits);
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":100,"stream":true)"));
    gate->allow(1);
    EXPECT_EQ(stream.head().status, 200);
    ASSERT_TRUE(stream.next().has_value());
    std::this_thread::sleep_for(milliseconds(160));
    gate->allow(1);
    std::vector<boost::json::value> rest = stream.all();
    ASSERT_FALSE(rest.empty());
    EXPECT_EQ(rest.back().at("error").at("code").as_string(), "deadline_exceeded");
    EXPECT_FALSE(stream.done);
    EXPECT_EQ(stream.client.read_until("0\r\n\r\n").empty(), false);
    EXPECT_TRUE(stream.client.closed());
}

TEST_F(StreamTest, Http10GetsAStreamThatEndsWithTheConnection) {
    start();
    RawClient client(port);
    const std::string body = R"({"model":"default","prompt":"ab","max_tokens":3,"stream":true})";
    client.send("POST /v1/completions HTTP/1.0\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    const RawResponse head = client.read_head();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("Transfer-Encoding"), "");
    EXPECT_EQ(head.field("Connection"), "close");
    const std::string all = client.read_all();
    EXPECT_TRUE(all.starts_with("data: {")) << all;
    EXPECT_TRUE(all.ends_with("data: [DONE]\n\n")) << all;
}

TEST_F(StreamTest, AChunkedRequestBodyIsTheSame) {
    start();
    const std::string body = R"({"model":"default","prompt":"ab"})";
    std::string wire;
    for (const char c : body) wire += std::string("1;x=y\r\n") + c + "\r\n";
    const Answer answer = ask(http_request("POST", kCompletions, "Transfer-Encoding: chunked\r\n") + wire +
                              "0\r\nX: y\r\n\r\n");
    EXPECT_EQ(answer.text(), continuation({'a', 'b'}, 16));
}

TEST_F(StreamTest, MaxTokensIsClampedToTheContext) {
    start({}, {}, fake_info(64, 40));
    const Answer clamped = ask(completion(R"("max_tokens":1000000)"));
    ASSERT_EQ(clamped.status(), 200) << clamped.raw.body;
    EXPECT_EQ(clamped.json.at("usage").at("completion_tokens").as_int64(), 38);
    EXPECT_EQ(clamped.choice().at("finish_reason").as_string(), "length");
}

TEST_F(StreamTest, ModelNames) {
    start();
    for (const char* name : {"default", "org/fake-1.0"}) {
        const std::string body = std::string(R"({"prompt":"ab","model":")") + name + "\"}";
        const Answer answer = ask(post(kCompletions, body));
        EXPECT_EQ(answer.status(), 200) << name;
        EXPECT_EQ(answer.json.at("model").as_string(), "org/fake-1.0");
    }
    const Answer list = get("/v1/models");
    ASSERT_EQ(list.json.at("data").as_array().size(), 1u);
    EXPECT_EQ(list.json.at("data").at(0).at("id").as_string(), "org/fake-1.0");
    EXPECT_EQ(list.json.at("data").at(0).at("max_model_len").as_int64(), 1024);
    for (const char* path : {"/v1/models/org/fake-1.0", "/v1/models/org%2Ffake-1.0", "/v1/models/default"})
        EXPECT_EQ(get(path).json.at("id").as_string(), "org/fake-1.0") << path;
    EXPECT_EQ(get("/v1/models/other").error("code"), "model_not_found");
}

}  // namespace
}  // namespace sluice::test
