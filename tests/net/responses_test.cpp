// The Responses API without a server: items as messages of a chat, events as its clients insist on them, and
// the store.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "net/openai/reply.h"
#include "net/responses/items.h"
#include "net/responses/store.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

const std::string kAnswer =
    "<think>\nhm\n</think>\n\nLet me look.\n<tool_call>\n{\"name\": \"look\", \"arguments\": {\"at\": "
    "\"x\"}}\n"
    "</tool_call>\n<tool_call>\n{\"name\": \"now\"}\n</tool_call>";

Call make_call(bool stream, std::shared_ptr<ResponseStore> store = {}) {
    Call call;
    call.dialect = Dialect::responses;
    call.stream = stream;
    call.answer.format = {chat::ToolFormat::hermes_json, true};
    call.answer.tools = json::parse(R"([{"type":"function","function":{"name":"look"}},
                                        {"type":"function","function":{"name":"now"}}])")
                            .as_array();
    call.requests.emplace_back().prompt = {1, 2, 3};
    call.response = std::make_shared<ResponseRequest>();
    call.response->repeated = {{"instructions", R"("be brief")"}};
    call.response->store = std::move(store);
    return call;
}

std::unique_ptr<Reply> make_reply(bool stream, std::shared_ptr<ResponseStore> store = {}) {
    return Reply::make(make_call(stream, std::move(store)), {"resp_1", 7, "m", "fp", "req-1"});
}

void say(Reply& reply, const std::string& text, size_t cut, std::string& out) {
    for (size_t at = 0; at < text.size(); at += cut)
        reply.take(0, engine::Delta{0, text.substr(at, cut), {5}, {}}, out);
}

void finish(Reply& reply, engine::FinishReason reason, std::string& out) {
    reply.take(0, engine::ChoiceFinished{0, reason, {}}, out);
    reply.take(0, engine::Finished{{10, 4, 20}, {}}, out);
    EXPECT_TRUE(reply.ended());
}

json::value whole(const std::string& text, engine::FinishReason reason = engine::FinishReason::stop) {
    const auto reply = make_reply(false);
    std::string unused;
    say(*reply, text, 1000, unused);
    finish(*reply, reason, unused);
    return json::parse(reply->body());
}

std::string streamed(const std::string& text, size_t cut,
                     engine::FinishReason reason = engine::FinishReason::stop) {
    const auto reply = make_reply(true);
    std::string out;
    say(*reply, text, cut, out);
    finish(*reply, reason, out);
    return out + reply->stream_end();
}

std::vector<json::object> events(const std::string& stream) {
    std::vector<json::object> out;
    for (size_t at = 0; at < stream.size();) {
        const size_t end = stream.find("\n\n", at), line = stream.find('\n', at);
        EXPECT_EQ(stream.substr(line + 1, 6), "data: ");
        out.push_back(json::parse(stream.substr(line + 7, end - line - 7)).as_object());
        EXPECT_EQ(stream.substr(at, line - at), "event: " + std::string(out.back().at("type").as_string()));
        EXPECT_EQ(out.back().at("sequence_number").as_int64(), static_cast<int64_t>(out.size()) - 1);
        at = end + 2;
    }
    return out;
}

json::array as_chat(const char* items) {
    ItemsToChat chat;
    const json::value all = json::parse(items);
    for (const json::value& item : all.as_array()) {
        const auto ok = chat.add(item, "input");
        EXPECT_TRUE(ok) << ok.error().message;
    }
    return chat.take();
}

Error refusal(const char* item) {
    ItemsToChat chat;
    const auto ok = chat.add(json::parse(item), "input[3]");
    EXPECT_FALSE(ok) << item;
    return ok ? Error{} : ok.error();
}

TEST(ResponseItems, WhatTheAssistantDidTogetherIsOneMessage) {
    const json::array messages = as_chat(R"([
        {"role": "user", "content": "look"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me."}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "now", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "a river"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "noon"}]},
        {"type": "message", "role": "assistant", "content": "A river."},
        {"type": "message", "role": "assistant", "content": "At noon."}])");
    ASSERT_EQ(messages.size(), 6u) << json::serialize(messages);
    EXPECT_EQ(messages[1], json::parse(R"({"role": "assistant", "reasoning_content": "hm",
        "content": [{"type": "text", "text": "Let me."}], "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}}]})"));
    EXPECT_EQ(messages[2], json::parse(R"({"role": "tool", "tool_call_id": "c1", "content": "a river"})"));
    EXPECT_EQ(messages[3].at("content"), json::parse(R"([{"type": "text", "text": "noon"}])"));
    EXPECT_EQ(messages[5], json::parse(R"({"role": "assistant", "content": "At noon."})"));
}

TEST(ResponseItems, ReasoningMayHaveNoTextOrASummary) {
    EXPECT_TRUE(as_chat(R"([{"type": "reasoning", "summary": [], "encrypted_content": "x"}])").empty());
    const json::array messages = as_chat(R"([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"},
                                          {"type": "summary_text", "text": "b"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "c"}]},
        {"type": "function_call", "call_id": "c1", "name": "now", "arguments": ""}])");
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].at("reasoning_content").as_string(), "a\nb\nc");
}

TEST(ResponseItems, ErrorsNameTheField) {
    EXPECT_EQ(refusal(R"({"type": "web_search_call"})").param, "input[3]");
    EXPECT_EQ(refusal(R"("text")").param, "input[3]");
    EXPECT_EQ(refusal(R"({"role": "tool", "content": "x"})").param, "input[3].role");
    EXPECT_EQ(refusal(R"({"role": "user", "content": 3})").param, "input[3].content");
    EXPECT_EQ(refusal(R"({"role": "user", "content": [{"type": "input_image"}]})").param,
              "input[3].content[0]");
    EXPECT_EQ(refusal(R"({"role": "user", "content": [{"type": "input_text"}]})").param,
              "input[3].content[0].text");
    EXPECT_EQ(refusal(R"({"type": "function_call", "name": "n", "arguments": "{}"})").param,
              "input[3].call_id");
    EXPECT_EQ(refusal(R"({"type": "function_call", "name": "n", "call_id": "c", "arguments": {}})").param,
              "input[3].arguments");
    EXPECT_EQ(refusal(R"({"type": "function_call_output", "call_id": "c"})").param, "input[3].output");
    Limits limits;
    limits.messages = 1;
    const json::value two = json::parse(R"([{"role": "user"}, {"role": "user"}])");
    EXPECT_EQ(read_items(&two, 1, limits).error().param, "input");
}

TEST(ResponseItems, EveryItemIsKeptWithTypeAndId) {
    const json::value input =
        json::parse(R"([{"role": "user", "content": "a"}, {"id": "x", "type": "reasoning"}])");
    const auto items = read_items(&input, 5, {});
    ASSERT_TRUE(items);
    EXPECT_EQ(items->at(0).at("type").as_string(), "message");
    EXPECT_EQ(items->at(0).at("content").at(0), json::parse(R"({"type": "input_text", "text": "a"})"));
    EXPECT_TRUE(items->at(0).at("id").is_string());
    EXPECT_EQ(items->at(1).at("id").as_string(), "x");
}

TEST(ResponseReply, WholeResponse) {
    const json::value body = whole(kAnswer);
    EXPECT_EQ(body.at("status").as_string(), "completed");
    EXPECT_EQ(body.at("instructions").as_string(), "be brief");
    const json::array& output = body.at("output").as_array();
    ASSERT_EQ(output.size(), 4u);
    EXPECT_EQ(output[0].at("content").at(0).at("text").as_string(), "hm");
    EXPECT_EQ(output[1].at("content").at(0).at("text").as_string(), "Let me look.");
    EXPECT_EQ(output[2].at("arguments").as_string(), R"({"at": "x"})");
    EXPECT_EQ(output[3].at("arguments").as_string(), "{}");
    EXPECT_NE(output[2].at("call_id"), output[3].at("call_id"));
    for (const json::value& item : output) EXPECT_EQ(item.at("status").as_string(), "completed");
    EXPECT_EQ(body.at("usage"), json::parse(R"({"input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 30})"));
}

TEST(ResponseReply, WhatIsCutIsIncomplete) {
    const json::value body = whole(kAnswer.substr(0, kAnswer.find("\"x\"")), engine::FinishReason::length);
    EXPECT_EQ(body.at("status").as_string(), "incomplete");
    EXPECT_EQ(body.at("incomplete_details").at("reason").as_string(), "max_output_tokens");
    EXPECT_EQ(body.at("output").at(1).at("status").as_string(), "completed");
    EXPECT_EQ(body.at("output").at(2).at("status").as_string(), "incomplete");
    const json::value stopped = whole(kAnswer.substr(0, kAnswer.find("\"x\"")));
    EXPECT_EQ(stopped.at("status").as_string(), "completed");
    EXPECT_EQ(stopped.at("output").at(2).at("status").as_string(), "incomplete");
    const auto told = events(streamed("half", 2, engine::FinishReason::length));
    EXPECT_EQ(told.back().at("type").as_string(), "response.incomplete");
}

// Each item opens, grows, is closed in its order of events, and equals the one in the whole response.
TEST(ResponseReply, ItemsAreContiguous) {
    for (const size_t cut : {1u, 3u, 11u, 1000u}) {
        const auto told = events(streamed(kAnswer, cut));
        std::string types, joined;
        std::vector<std::string> ids;
        for (const json::object& event : told) {
            const std::string type(event.at("type").as_string());
            if (type.ends_with(".delta")) {
                joined += event.at("delta").as_string();
            } else {
                types += type.substr(type.find('.') + 1) + ' ';
            }
            if (type == "response.output_item.added") {
                joined += '|';
                ids.emplace_back(event.at("item").at("id").as_string());
            }
            if (!event.contains("output_index")) continue;
            EXPECT_EQ(event.at("output_index").as_int64(), static_cast<int64_t>(ids.size()) - 1);
            const json::value id = event.contains("item") ? event.at("item").at("id") : event.at("item_id");
            EXPECT_EQ(id.as_string(), ids.back());
        }
        EXPECT_EQ(joined, R"(|hm|Let me look.|{"at": "x"}|{})");
        EXPECT_EQ(
            types,
            "created in_progress "
            "output_item.added content_part.added reasoning_text.done content_part.done output_item.done "
            "output_item.added content_part.added output_text.done content_part.done output_item.done "
            "output_item.added function_call_arguments.done output_item.done "
            "output_item.added function_call_arguments.done output_item.done completed ");
        EXPECT_EQ(told.back().at("response").at("output"), whole(kAnswer).at("output"));
    }
}

TEST(ResponseReply, AFailureEndsTheStreamWithTheResponse) {
    const auto reply = make_reply(true);
    std::string out;
    say(*reply, "half an answer", 4, out);
    out += reply->error_frame(to_api_error({ErrorKind::unavailable, "closing"}));
    const auto told = events(out);
    EXPECT_EQ(told.back().at("type").as_string(), "response.failed");
    const json::value& response = told.back().at("response");
    EXPECT_EQ(response.at("status").as_string(), "failed");
    EXPECT_EQ(response.at("error"), json::parse(R"({"code": "server_error", "message": "closing"})"));
    EXPECT_EQ(response.at("output").at(0).at("status").as_string(), "incomplete");
    const auto early = events(make_reply(true)->error_frame(to_api_error({ErrorKind::queue_full, "full"})));
    ASSERT_EQ(early.size(), 2u);
    EXPECT_EQ(early[0].at("type").as_string(), "response.created");
    EXPECT_EQ(early[1].at("response").at("error").at("code").as_string(), "rate_limit_exceeded");
}

TEST(ResponseReply, IsStoredAsItEnded) {
    const auto store = std::make_shared<ResponseStore>(1 << 20, 10, 1);
    const auto status = [&] {
        const Turns found = store->find("resp_1");
        return found.empty() ? "" : std::string(json::parse(found.back()->body).at("status").as_string());
    };
    std::string out;
    { const auto left_early = make_reply(true, store); }
    EXPECT_EQ(status(), "");  // the client never heard of it
    {
        const auto left = make_reply(true, store);
        say(*left, "half", 2, out);
    }
    EXPECT_EQ(status(), "cancelled");
    EXPECT_TRUE(store->erase("resp_1"));
    const auto failed = make_reply(true, store);
    say(*failed, "half", 2, out);
    failed->take(0, engine::Failed{{ErrorKind::internal, "broken"}}, out);
    EXPECT_EQ(status(), "failed");
    EXPECT_TRUE(store->erase("resp_1"));
    const auto done = make_reply(false, store);
    say(*done, kAnswer, 7, out);
    finish(*done, engine::FinishReason::stop, out);
    EXPECT_EQ(status(), "completed");
    const auto kept = store->find("resp_1").back();
    EXPECT_EQ(kept->body, done->body());
    const json::value body = json::parse(kept->body);
    ASSERT_EQ(kept->output.size(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(json::parse(kept->output[i].json), body.at("output").at(i));
}

StoredResponse stored(const std::string& id, size_t bytes) {
    return {id, std::string(bytes, 'x'), {}, {}, false};
}

TEST(ResponseStore, OldestGoFirst) {
    ResponseStore by_count(1 << 20, 2, 1);
    for (const char* id : {"a", "b", "c"}) by_count.put(stored(id, 10), {});
    EXPECT_EQ(by_count.counts().kept, 2u);
    EXPECT_TRUE(by_count.find("a").empty());
    EXPECT_EQ(by_count.find("c").back()->id, "c");
    ResponseStore by_bytes(5000, 100, 1);
    for (const char* id : {"a", "b", "c"}) by_bytes.put(stored(id, 1500), {});
    EXPECT_TRUE(by_bytes.find("a").empty());
    EXPECT_FALSE(by_bytes.find("b").empty());
    by_bytes.put(stored("huge", 6000), {});
    EXPECT_TRUE(by_bytes.find("huge").empty());
    EXPECT_EQ(by_bytes.counts().bytes, 0u);
}

TEST(ResponseStore, WhatALaterOneGoesOnFromStaysWithIt) {
    ResponseStore store(1 << 20, 10, 1);
    store.put(stored("a", 1000), {});
    const size_t one = store.counts().bytes;
    store.put(stored("b", 1000), store.find("a"));
    EXPECT_TRUE(store.erase("a"));
    EXPECT_FALSE(store.erase("a"));
    EXPECT_TRUE(store.find("a").empty());
    ASSERT_EQ(store.find("b").size(), 2u);
    EXPECT_EQ(store.find("b").front()->id, "a");
    EXPECT_GT(store.counts().bytes, one + 1000);  // and is counted
    EXPECT_TRUE(store.erase("b"));
    EXPECT_EQ(store.counts().bytes, 0u);
}

class Endless final : public RunningResponse {
  public:
    Endless(std::string id, ResponseStore& store) : id_(std::move(id)), store_(store) {}
    Turns so_far() override {
        if (over_) return {};
        return {std::make_shared<StoredResponse>(stored(id_, 3))};
    }
    void cancel() override {
        over_ = true;
        store_.put(stored(id_, 5), {});
        store_.end(id_);
    }

  private:
    const std::string id_;
    ResponseStore& store_;
    bool over_ = false;
};

TEST(ResponseStore, RunningOnesAreFoundAndBounded) {
    ResponseStore store(1 << 20, 10, 2);
    for (const char* id : {"a", "b"}) EXPECT_TRUE(store.begin(id, std::make_shared<Endless>(id, store)));
    EXPECT_FALSE(store.begin("c", std::make_shared<Endless>("c", store)));
    EXPECT_EQ(store.counts().running, 2u);
    EXPECT_EQ(store.counts().kept, 0u);
    EXPECT_EQ(store.find("a").back()->body.size(), 3u);
    EXPECT_FALSE(store.erase("a"));
    store.running("a")->cancel();
    EXPECT_EQ(store.running("a"), nullptr);
    EXPECT_EQ(store.find("a").back()->body.size(), 5u);
    EXPECT_TRUE(store.begin("c", std::make_shared<Endless>("c", store)));
    store.cancel_all();
    EXPECT_EQ(store.counts().running, 0u);
    EXPECT_EQ(store.counts().kept, 3u);
    for (const char* id : {"a", "b", "c"}) EXPECT_EQ(store.find(id).back()->body.size(), 5u) << id;
}

TEST(ResponseStore, ALongConversationIsFreedWithoutRecursion) {
    ResponseStore store(size_t{1} << 30, 100'000, 1);
    store.put(stored("0", 1), {});
    for (int i = 1; i < 3000; ++i) store.put(stored(std::to_string(i), 1), store.find(std::to_string(i - 1)));
    for (int i = 0; i < 2999; ++i) EXPECT_TRUE(store.erase(std::to_string(i)));
    EXPECT_EQ(store.find("2999").size(), 3000u);
    EXPECT_TRUE(store.erase("2999"));
    EXPECT_EQ(store.counts().bytes, 0u);
}

}  // namespace
}  // namespace sluice::net::openai
