// What clients read of answers with reasoning and tool calls, in the chat and in Anthropic's dialect.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "net/openai/reply.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

const std::string kAnswer =
    "<think>\nhm\n</think>\n\nLet me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": "
    "{\"city\": "
    "\"Bern\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\"}\n</tool_call>";

Call make_call(Dialect dialect, bool stream) {
    Call call;
    call.dialect = dialect;
    call.stream = stream;
    call.include_usage = true;
    call.answer.format = {chat::ToolFormat::hermes_json, true};
    call.answer.tools = json::parse(R"([{"type":"function","function":{"name":"get_weather"}},
                                        {"type":"function","function":{"name":"now"}}])")
                            .as_array();
    call.requests.emplace_back().prompt = {1, 2, 3};
    return call;
}

struct Told {
    std::string stream, body;
};

// The answer in pieces of `cut` characters, and how it ends.
Told tell(Dialect dialect, bool stream, size_t cut, const engine::ChoiceFinished& end = {},
          const std::string& answer = kAnswer) {
    const Call call = make_call(dialect, stream);
    const auto reply = Reply::make(call, {"msg_1", 7, "m", "fp", "req-1"});
    Told out;
    for (size_t at = 0; at < answer.size(); at += cut)
        reply->take(0, engine::Delta{0, answer.substr(at, cut), {5}, {}}, out.stream);
    reply->take(0, end, out.stream);
    reply->take(0, engine::Finished{{10, 4, 20}, {}}, out.stream);
    EXPECT_TRUE(reply->ended());
    if (stream) out.stream += reply->stream_end();
    if (!stream) out.body = reply->body();
    return out;
}

struct Frame {
    std::string event;
    json::value data;
};
std::vector<Frame> frames(const std::string& stream) {
    std::vector<Frame> out;
    for (size_t at = 0; at < stream.size();) {
        const size_t end = stream.find("\n\n", at);
        std::string frame = stream.substr(at, end - at);
        Frame made;
        if (frame.starts_with("event: ")) {
            made.event = frame.substr(7, frame.find('\n') - 7);
            frame.erase(0, frame.find('\n') + 1);
        }
        EXPECT_TRUE(frame.starts_with("data: ")) << frame;
        if (frame != "data: [DONE]") made.data = json::parse(frame.substr(6));
        out.push_back(std::move(made));
        at = end + 2;
    }
    return out;
}

TEST(ChatReply, WholeMessage) {
    const json::value body = json::parse(tell(Dialect::chat, false, 1000).body);
    const json::value& choice = body.at("choices").at(0);
    EXPECT_EQ(choice.at("finish_reason").as_string(), "tool_calls");
    const json::value& message = choice.at("message");
    EXPECT_EQ(message.at("content").as_string(), "Let me look.");
    EXPECT_EQ(message.at("reasoning_content").as_string(), "hm");
    ASSERT_EQ(message.at("tool_calls").as_array().size(), 2u);
    const json::value& call = message.at("tool_calls").at(0);
    EXPECT_EQ(call.at("type").as_string(), "function");
    EXPECT_EQ(call.at("function").at("name").as_string(), "get_weather");
    EXPECT_EQ(call.at("function").at("arguments").as_string(), R"({"city": "Bern"})");
    EXPECT_EQ(message.at("tool_calls").at(1).at("function").at("arguments").as_string(), "{}");
    EXPECT_NE(call.at("id"), message.at("tool_calls").at(1).at("id"));
    EXPECT_EQ(body.at("usage").at("prompt_tokens_details").at("cached_tokens").as_int64(), 4);
}

TEST(ChatReply, OneCutAnswerIsNoToolCall) {
    const engine::ChoiceFinished cut{0, engine::FinishReason::length, {}};
    const std::string half = kAnswer.substr(0, kAnswer.find("Bern"));
    const json::value body = json::parse(tell(Dialect::chat, false, 1000, cut, half).body);
    EXPECT_EQ(body.at("choices").at(0).at("finish_reason").as_string(), "length");
}

TEST(ChatReply, DeltasJoinToTheMessage) {
    for (const size_t cut : {1u, 2u, 5u, 17u, 1000u}) {
        std::string content, reasoning;
        std::vector<std::string> names, arguments;
        size_t finishes = 0;
        const auto all = frames(tell(Dialect::chat, true, cut).stream);
        for (const Frame& frame : all) {
            if (frame.data.is_null()) continue;
            EXPECT_EQ(frame.data.at("object").as_string(), "chat.completion.chunk");
            for (const json::value& choice : frame.data.at("choices").as_array()) {
                finishes += choice.at("finish_reason").is_string();
                const json::object& delta = choice.at("delta").as_object();
                if (const auto* text = delta.if_contains("content")) content += text->as_string();
                if (const auto* text = delta.if_contains("reasoning_content")) reasoning += text->as_string();
                const auto* calls = delta.if_contains("tool_calls");
                if (!calls) continue;
                const json::value& call = calls->at(0);
                const auto index = static_cast<size_t>(call.at("index").as_int64());
                const json::object& function = call.at("function").as_object();
                if (const auto* name = function.if_contains("name")) {
                    EXPECT_EQ(index, names.size());
                    EXPECT_TRUE(call.at("id").is_string());
                    names.emplace_back(name->as_string());
                    arguments.emplace_back();
                }
                arguments.at(index) += function.at("arguments").as_string();
            }
        }
        EXPECT_EQ(content, "Let me look.");
        EXPECT_EQ(reasoning, "hm");
        EXPECT_EQ(names, (std::vector<std::string>{"get_weather", "now"}));
        EXPECT_EQ(arguments, (std::vector<std::string>{R"({"city": "Bern"})", "{}"}));
        EXPECT_EQ(finishes, 1u);
        EXPECT_EQ(all.at(0).data.at("choices").at(0).at("delta").at("role").as_string(), "assistant");
        EXPECT_TRUE(all.back().data.is_null());
    }
}

TEST(MessagesReply, WholeMessage) {
    const json::value body = json::parse(tell(Dialect::messages, false, 3).body);
    EXPECT_EQ(body.at("type").as_string(), "message");
    EXPECT_EQ(body.at("stop_reason").as_string(), "tool_use");
    const json::array& content = body.at("content").as_array();
    ASSERT_EQ(content.size(), 4u);
    EXPECT_EQ(content[0].at("thinking").as_string(), "hm");
    EXPECT_EQ(content[1].at("text").as_string(), "Let me look.");
    EXPECT_EQ(content[2].at("input").at("city").as_string(), "Bern");
    EXPECT_TRUE(content[3].at("input").as_object().empty());
    EXPECT_EQ(body.at("usage").at("input_tokens").as_int64(), 6);
    EXPECT_EQ(body.at("usage").at("cache_read_input_tokens").as_int64(), 4);
    EXPECT_EQ(body.at("usage").at("output_tokens").as_int64(), 20);
}

// As Anthropic's client reads it: one block open at a time, indexes without gaps, names equal to types.
TEST(MessagesReply, BlocksAreContiguous) {
    for (const size_t cut : {1u, 3u, 11u, 1000u}) {
        const auto all = frames(tell(Dialect::messages, true, cut).stream);
        int64_t blocks = 0;
        bool open = false;
        std::vector<std::string> texts;
        for (const Frame& frame : all) {
            EXPECT_EQ(frame.event, std::string(frame.data.at("type").as_string()));
            if (!frame.event.starts_with("content_block")) {
                EXPECT_FALSE(open);
                continue;
            }
            if (frame.event == "content_block_start") {
                EXPECT_FALSE(open);
                open = true;
                texts.emplace_back();
                ++blocks;
                const json::object& block = frame.data.at("content_block").as_object();
                EXPECT_TRUE(block.at("type") != "tool_use" || block.at("input").as_object().empty());
            }
            EXPECT_TRUE(open);
            EXPECT_EQ(frame.data.at("index").as_int64(), blocks - 1);
            if (frame.event == "content_block_stop") open = false;
            if (frame.event != "content_block_delta") continue;
            const json::object& delta = frame.data.at("delta").as_object();
            for (const char* key : {"text", "thinking", "partial_json"}) {
                if (const auto* text = delta.if_contains(key)) texts.back() += text->as_string();
            }
        }
        EXPECT_EQ(texts, (std::vector<std::string>{"hm", "Let me look.", R"({"city": "Bern"})", "{}"}));
        EXPECT_EQ(all.front().event, "message_start");
        EXPECT_EQ(all.back().event, "message_stop");
        const json::value& last = all.at(all.size() - 2).data;
        EXPECT_EQ(last.at("delta").at("stop_reason").as_string(), "tool_use");
    }
}

TEST(MessagesReply, StopSequence) {
    const engine::ChoiceFinished end{0, engine::FinishReason::stop, "END"};
    const json::value body = json::parse(tell(Dialect::messages, false, 3, end, "plain").body);
    EXPECT_EQ(body.at("stop_reason").as_string(), "stop_sequence");
    EXPECT_EQ(body.at("stop_sequence").as_string(), "END");
}

TEST(MessageReply, WhatIsNoCallIsCountedAndStaysText) {
    const std::string text = "<tool_call>\n{\"name\": \"nobody\", \"arguments\": {}}\n</tool_call>";
    const auto reply = Reply::make(make_call(Dialect::chat, false), {"chatcmpl-1", 7, "m", "fp"});
    std::string unused;
    reply->take(0, engine::Delta{0, text, {5}, {}}, unused);
    reply->take(0, engine::ChoiceFinished{}, unused);
    reply->take(0, engine::Finished{}, unused);
    EXPECT_EQ(reply->parse_failures(), 1);
    const json::value choice = json::parse(reply->body()).at("choices").at(0);
    EXPECT_EQ(choice.at("message").at("content").as_string(), text);
    EXPECT_EQ(choice.at("finish_reason").as_string(), "stop");
}

TEST(MessageReply, AnErrorWithinAStreamHasTheDialectsShape) {
    const ApiError error = to_api_error({ErrorKind::unavailable, "closing"});
    const ReplyHeader header{"msg_1", 7, "m", "fp", "req-1"};
    const auto messages = frames(Reply::make(make_call(Dialect::messages, true), header)->error_frame(error));
    EXPECT_EQ(messages.at(0).event, "error");
    EXPECT_EQ(messages.at(0).data.at("error").at("type").as_string(), "overloaded_error");
    EXPECT_EQ(messages.at(0).data.at("request_id").as_string(), "req-1");
    const auto chat = frames(Reply::make(make_call(Dialect::chat, true), header)->error_frame(error));
    EXPECT_EQ(chat.at(0).data.at("error").at("code").as_string(), "unavailable");
}

}  // namespace
}  // namespace sluice::net::openai
