// The engine as one who answers in the terminal, over a model that says what the message tells it to.
#include "net/commands/engine_answerer.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>

#include "kernels/kv_view.h"
#include "tests/support/scripted_model.h"

namespace sluice::net {
namespace {

namespace json = boost::json;

std::string template_source() {
    std::ostringstream out;
    out << std::ifstream(SLUICE_TEMPLATES "/hermes.jinja").rdbuf();
    return out.str();
}

std::unique_ptr<repl::Answerer> make_answerer(const char* script) {
    constexpr int32_t kContext = 1024;
    json::error_code ec;
    auto rules = test::Script::parse(json::parse(script, ec));
    auto chat_template = chat::ChatTemplate::parse(template_source(), "", "<|im_end|>");
    EXPECT_TRUE(!ec && rules && chat_template);
    engine::ModelInfo info;
    info.name = "scripted";
    info.vocab = test::ScriptedTokenizer::kVocab;
    info.context = info.context_trained = kContext;
    info.kv_blocks = 2 * kContext / kernels::kBlockTokens;
    auto tokenizer = std::make_shared<test::ScriptedTokenizer>();
    auto model =
        std::make_unique<test::ScriptedModel>(tokenizer, std::move(*rules), info.kv_blocks, /*delay_ms=*/0);
    auto engine = engine::Engine::create(std::move(model), {tokenizer, std::move(*chat_template)}, info, {});
    EXPECT_TRUE(engine.has_value());
    return make_engine_answerer(std::move(*engine));
}

constexpr const char* kScript =
    R"([{"when": ["think"], "text": "<think>\nhm hm\n</think>\n\nYes."},
        {"when": ["endless"], "delay_ms": 100,
         "text": "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"}])";

json::object body(const char* question, json::object fields = {}) {
    fields["messages"] = json::array{json::object{{"role", "user"}, {"content", question}}};
    return fields;
}

TEST(EngineAnswerer, TellsThoughtsFromTheAnswerAndCounts) {
    const auto answerer = make_answerer(kScript);
    EXPECT_EQ(answerer->name(), "scripted");
    std::string text, thoughts;
    const std::atomic<bool> stop{false};
    for (int turn = 0; turn < 2; ++turn) {
        text.clear();
        thoughts.clear();
        const auto reply = answerer->answer(
            body("think, and let this be longer than a block of the cache"),
            [&](std::string_view piece, bool thought) { (thought ? thoughts : text) += piece; }, stop);
        ASSERT_TRUE(reply.has_value()) << reply.error().message;
        EXPECT_EQ(thoughts, "hm hm");
        EXPECT_EQ(text, "Yes.");
        EXPECT_EQ(reply->content, "Yes.");
        EXPECT_EQ(reply->finish, "stop");
        EXPECT_FALSE(reply->stopped);
        const repl::Figures& figures = reply->figures;
        EXPECT_GT(figures.tokens, 4);
        EXPECT_FALSE(figures.estimated);
        EXPECT_GT(figures.prompt_tokens.value_or(0), 5);
        EXPECT_EQ(figures.cached_tokens.value_or(0) > 0, turn > 0) << "the second time it is in the cache";
        EXPECT_GT(figures.to_first.value_or(0), 0);
        EXPECT_GE(figures.seconds, *figures.to_first);
    }
}

TEST(EngineAnswerer, StopsAndKeepsWhatWasSaid) {
    const auto answerer = make_answerer(kScript);
    std::atomic<bool> stop{false};
    std::string text;
    const auto reply = answerer->answer(
        body("endless"),
        [&](std::string_view piece, bool) {
            text += piece;
            stop = text.size() >= 3;
        },
        stop);
    ASSERT_TRUE(reply.has_value());
    EXPECT_TRUE(reply->stopped);
    EXPECT_EQ(reply->finish, "");
    EXPECT_GE(reply->content.size(), 3u);
    EXPECT_LT(reply->content.size(), 50u);
    EXPECT_EQ(reply->content, text);
    EXPECT_GE(reply->figures.tokens, 3);
}

TEST(EngineAnswerer, SettingsAreTheServers) {
    const auto answerer = make_answerer(kScript);
    const std::atomic<bool> stop{false};
    const auto nobody = [](std::string_view, bool) {};
    const auto cut = answerer->answer(body("hi", {{"max_tokens", 3}}), nobody, stop);
    ASSERT_TRUE(cut.has_value());
    EXPECT_EQ(cut->finish, "length");
    EXPECT_EQ(cut->figures.tokens, 3);
    const auto refused = answerer->answer(body("hi", {{"top_p", 0}}), nobody, stop);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "`top_p` must be a number above 0 and at most 1");
    const std::string too_long(5000, 'x');
    const auto full = answerer->answer(body(too_long.c_str()), nobody, stop);
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().kind, ErrorKind::context_length_exceeded);
}

}  // namespace
}  // namespace sluice::net
