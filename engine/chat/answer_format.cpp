#include "engine/chat/answer_parser.h"

namespace sluice::chat {

// What a template writes for earlier calls is what its model was taught to write.
AnswerFormat detect_answer_format(std::string_view source) {
    const auto has = [&](std::string_view text) { return source.find(text) != std::string_view::npos; };
    AnswerFormat out;
    if (has("<function=") && has("<parameter=")) {
        out.tools = ToolFormat::qwen3_coder_xml;
    } else if (has("<tool_call>") && !has("<arg_key>")) {  // GLM's calls have keys and values of their own
        out.tools = ToolFormat::hermes_json;
    } else if (has("<|python_tag|>") || (has("\"parameters\": ") && has("<|eot_id|>"))) {
        out.tools = ToolFormat::llama3_json;
    }
    out.reasoning = has("<think>") || has("</think>");
    return out;
}

}  // namespace sluice::chat
