// What the engine sees of a template: errors, settings, the open last message. Equality with Jinja2 is tested
// by constructs_test.py and its neighbours.
#include <gtest/gtest.h>

#include "tests/engine/chat/render.h"

namespace sluice::chat {
namespace {

constexpr std::string_view kChatMl =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST(ChatTemplate, SyntaxErrorsNameTheLine) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"a\n\n{{ 1 + }}", "line 3"},
        {"{% if x %}\n{% endfor %}", "line 2"},
        {"\n{% nosuch %}", "line 2: encountered unknown tag 'nosuch'"},
        {"\n\n{{ 1 | nosuch }}\n", "line 3: no filter named 'nosuch'"},
        {"\n{{ 1 is nosuch }}\n\n", "line 2: no test named 'nosuch'"},
        {"{% for x in y %}\n\n", "unexpected end of template"},
        {"\n{{ 'abc", "line 2"},
        {"\n\n\n{# no end", "line 4: missing end of comment"},
        {"{% raw %}x", "missing end of raw"},
        {"\n{{ a ? b }}", "line 2: unexpected char '?'"},
        {"\n{{ (1] }}", "line 2: unexpected ']'"},
        {"\n{% break %}", "line 2: 'break' outside of a loop"},
        {"\n{% set 5 = 1 %}", "line 2: expected a name"},
        {"\r\n\r\n{{ }}", "line 3"},
        {"{{ '\\ud800' }}", "illegal Unicode"},
        {"{% for x in y recursive %}{% endfor %}", "recursive loops are not supported"},
        {"{{ 99999999999999999999 }}", "cannot be used"},
    };
    for (const auto& [source, says] : cases) {
        const auto made = ChatTemplate::parse(source, "", "");
        ASSERT_FALSE(made) << source;
        EXPECT_EQ(made.error().kind, ErrorKind::bad_file);
        EXPECT_EQ(made.error().param, "tokenizer.chat_template");
        EXPECT_NE(made.error().message.find(says), std::string::npos) << source << "\n"
                                                                      << made.error().message;
    }
}

TEST(ChatTemplate, FailuresWhileRenderingNameTheLine) {
    EXPECT_EQ(error("\n\n{{ 1 // 0 }}"), "integer division or modulo by zero (chat template, line 3)");
    EXPECT_EQ(error("{% if true %}\n{{ missing.x }}{% endif %}"),
              "'missing' is undefined (chat template, line 2)");
    EXPECT_EQ(error("a\n{% for x in 5 %}{% endfor %}"),
              "'int' object is not iterable (chat template, line 2)");
    EXPECT_EQ(error("{% macro f(a) %}\n{{ a() }}{% endmacro %}\n{{ f(1) }}"),
              "'int' object is not callable (chat template, line 2)");
}

TEST(ChatTemplate, RaiseExceptionIsTheClientsMistake) {
    const auto rendered = render(
        "{% if messages[0].role != 'user' %}\n{{ raise_exception('roles must alternate: ' ~ "
        "messages[0].role) }}{% endif %}",
        with_messages(R"([{"role": "tool"}])"));
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().kind, ErrorKind::invalid_request);
    EXPECT_EQ(rendered.error().param, "messages");
    EXPECT_EQ(rendered.error().message, "roles must alternate: tool (chat template, line 2)");
}

TEST(ChatTemplate, SeesTokensToolsAndTheClock) {
    EXPECT_EQ(text("{{ bos_token }}|{{ eos_token }}|{{ strftime_now('%Y-%m-%d') }}"), "<s>|</s>|1970-01-13");
    EXPECT_EQ(text("{{ tools is defined }}"), "False");
    TemplateInput input;
    input.tools = {boost::json::object{{"b", 1}, {"a", 2}}};
    EXPECT_EQ(text("{{ tools | tojson }}", input), R"([{"b": 1, "a": 2}])");
    EXPECT_EQ(text("{{ add_generation_prompt }}", input), "True");
    input.add_generation_prompt = false;
    EXPECT_EQ(text("{{ add_generation_prompt }}", input), "False");
}

TEST(ChatTemplate, KwargsMayNotReplaceWhatTheRequestSays) {
    EXPECT_EQ(
        text("{{ enable_thinking }}{{ x.y }}", with_kwargs(R"({"enable_thinking": false, "x": {"y": 1}})")),
        "False1");
    for (const std::string name :
         {"messages", "tools", "add_generation_prompt", "continue_final_message", "bos_token", "eos_token",
          "raise_exception", "strftime_now", "range", "dict", "namespace", "joiner", "cycler"}) {
        const auto rendered = render("x", with_kwargs("{\"" + name + "\": 1}"));
        ASSERT_FALSE(rendered) << name;
        EXPECT_EQ(rendered.error().kind, ErrorKind::invalid_request);
        EXPECT_EQ(rendered.error().param, "chat_template_kwargs");
        EXPECT_NE(rendered.error().message.find("'" + name + "'"), std::string::npos);
    }
}

TEST(ContinueFinalMessage, LeavesTheLastMessageOpen) {
    TemplateInput input =
        with_messages(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Sure"}])");
    input.continue_final_message = true;
    EXPECT_EQ(text(kChatMl, input), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nSure");
}

TEST(ContinueFinalMessage, TakesTheLastOfEqualTexts) {
    TemplateInput input =
        with_messages(R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}])");
    input.continue_final_message = true;
    EXPECT_EQ(text(kChatMl, input), "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\na");
}

TEST(ContinueFinalMessage, ForgivesTrimmedTexts) {
    TemplateInput input = with_messages(R"([{"role": "assistant", "content": " Sure,  "}])");
    input.continue_final_message = true;
    EXPECT_EQ(text("{% for m in messages %}[{{ m.content | trim }}]{% endfor %}", input), "[Sure,");
    EXPECT_EQ(text("{% for m in messages %}[{{ m.content }}]{% endfor %}", input), "[ Sure,  ");
}

TEST(ContinueFinalMessage, ReadsTheLastTextPart) {
    TemplateInput input = with_messages(
        R"([{"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}, {"x": 1}]}])");
    input.continue_final_message = true;
    EXPECT_EQ(text("{% for p in messages[0].content %}{{ p.text }};{% endfor %}", input), "one;two");
}

TEST(ContinueFinalMessage, NeedsATextThatIsShown) {
    for (const std::string messages :
         {"[]", "[1]", "[{}]", R"([{"content": null}])", R"([{"content": [1, {}]}])"}) {
        TemplateInput input = with_messages(messages);
        input.continue_final_message = true;
        const auto rendered = render("x", input);
        ASSERT_FALSE(rendered) << messages;
        EXPECT_EQ(rendered.error().kind, ErrorKind::invalid_request);
        EXPECT_EQ(rendered.error().param, "messages");
    }
    TemplateInput input = with_messages(R"([{"content": "hidden"}])");
    input.continue_final_message = true;
    const auto rendered = render("x", input);
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().param, "continue_final_message");
}

TEST(ChatTemplate, TheSameInputGivesTheSameBytes) {
    const TemplateInput input = with_kwargs(R"({"z": {"b": [1, 2.5, null], "a": "x"}, "y": ["q", "p"]})");
    const std::string source =
        "{{ z }}{{ z | tojson }}{{ y | sort }}{{ z | dictsort }}{{ y | unique | list }}"
        "{{ dict(b=1, a=2) }}{{ y | groupby(0) }}{{ strftime_now('%c') }}";
    const auto made = ChatTemplate::parse(source, "", "", some_day);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->source(), source);
    const auto first = (*made)->render(input);
    ASSERT_TRUE(first) << first.error().message;
    for (int i = 0; i < 20; ++i) {
        const auto again = (*made)->render(input);
        ASSERT_TRUE(again);
        EXPECT_EQ(again->text, first->text);
        EXPECT_EQ(again->from_user, first->from_user);
    }
}

TEST(ChatTemplate, BytesThatAreNoUtf8AreKept) {
    const TemplateInput input = with_kwargs("{\"x\": \"a\xC3\xA9\"}");
    for (const std::string bad : {"\xFF\xFE", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\x80", "\xED\xA0\x80"}) {
        EXPECT_EQ(text(bad + "{{ '" + bad + "' }}"), bad + bad);
        const std::string through =
            "{{ '" + bad + "x' | upper | lower | trim | reverse | reverse | tojson }}";
        EXPECT_EQ(text(through), "\"" + bad + "x\"") << through;
    }
}

}  // namespace
}  // namespace sluice::chat
