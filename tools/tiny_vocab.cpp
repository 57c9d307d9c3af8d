#include "tools/tiny_vocab.h"

#include <algorithm>
#include <string_view>

namespace sluice::tools {
namespace {

// GPT-2's byte alphabet: printable Latin-1 bytes stand for themselves, the others for U+0100 onwards.
std::string alphabet(unsigned char byte) {
    const auto printable = [](int b) {
        return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    };
    int code = byte;
    if (!printable(byte)) {
        code = 0x100;
        for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
    }
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

constexpr std::string_view kWords[] = {
    " the",   " a",     " of",   " and",   " to",       " in",   " is",    " it",   " you",   " that",
    " he",    " was",   " for",  " on",    " are",      " with", " as",    " his",  " they",  " be",
    " at",    " one",   " have", " this",  " from",     " or",   " had",   " by",   " hot",   " word",
    " but",   " what",  " some", " we",    " can",      " out",  " other", " were", " all",   " there",
    " when",  " up",    " use",  " your",  " how",      " said", " an",    " each", " she",   " which",
    " do",    " their", " time", " if",    " will",     " way",  " about", " many", " then",  " them",
    " write", " would", " like", " so",    " these",    " her",  " long",  " make", " thing", " see",
    " him",   " two",   "user",  "system", "assistant", "tool",  "ing",    "tion",  "er",     "ed"};

}  // namespace

TinyVocab tiny_vocab(int32_t size) {
    TinyVocab v;
    for (int b = 0; b < 256; ++b) v.tokens.push_back(alphabet(static_cast<unsigned char>(b)));
    for (const std::string_view word : kWords) {
        std::string left = alphabet(static_cast<unsigned char>(word[0]));
        for (const char c : word.substr(1)) {
            const std::string right = alphabet(static_cast<unsigned char>(c));
            const std::string merge = left + " " + right;
            left += right;
            if (std::find(v.merges.begin(), v.merges.end(), merge) != v.merges.end()) continue;
            v.merges.push_back(merge);
            v.tokens.push_back(left);
        }
    }
    v.types.assign(v.tokens.size(), 1);
    const auto control = [&v](const char* text) {
        v.tokens.emplace_back(text);
        v.types.push_back(3);
        return static_cast<int32_t>(v.tokens.size()) - 1;
    };
    v.end_of_text = control("<|endoftext|>");
    v.im_start = control("<|im_start|>");
    v.im_end = control("<|im_end|>");
    while (static_cast<int32_t>(v.tokens.size()) < size) {
        v.tokens.push_back("<unused " + std::to_string(v.tokens.size()) + ">");
        v.types.push_back(5);
    }
    return v;
}

const char* tiny_chat_template() {
    return R"({%- if tools %}
{{- '<|im_start|>system\n' }}
{%- if messages and messages[0].role == 'system' %}{{- messages[0].content + '\n\n' }}{%- endif %}
{{- 'Tools:' }}
{%- for tool in tools %}{{- '\n' + (tool | tojson) }}{%- endfor %}
{{- '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
{%- if not (tools and loop.first and message.role == 'system') %}
{{- '<|im_start|>' + message.role + '\n' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\n<tool_call>' + (call.function | tojson) + '</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
)";
}

}  // namespace sluice::tools
