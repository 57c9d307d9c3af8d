// Reads one tool call, character by character, from after its opening markup. Used by AnswerParser only.
#pragma once
#include <boost/json/parse_options.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/answer_parser.h"

namespace sluice::chat {

class CallReader {
  public:
    enum class State : uint8_t {
        open,     // wants more
        ended,    // the call is complete, or gave up after it had begun; rest() follows it
        refused,  // this is no call: nothing was said of it
    };
    virtual ~CallReader() = default;
    virtual State push(char c, std::vector<AnswerPart>& out) = 0;
    // The text ends within the call. open: what was said of the call stays as it is.
    virtual State finish(std::vector<AnswerPart>& out, bool cut) = 0;
    std::string& rest() { return rest_; }

  protected:
    std::string rest_;  // read, and no part of the call
};

// {"name": ..., "arguments" or "parameters": {...}}. index: of the call.
std::unique_ptr<CallReader> make_json_call(int32_t index, const boost::json::array& tools);
// NAME>, parameters, </function>: what follows "<function=".
std::unique_ptr<CallReader> make_xml_call(int32_t index, const boost::json::array& tools);

// The tool's function object, or null.
const boost::json::object* find_tool(const boost::json::array& tools, std::string_view name);

// The text of a parameter as JSON, by the types that its schema allows. The schema may be null; `root` is
// what its references point into.
class ArgumentType {
  public:
    ArgumentType(const boost::json::value* schema, const boost::json::value* root);
    bool allows_text() const { return types_ & kText; }
    bool only_text() const { return types_ == kText; }
    bool text_or_null() const { return types_ == (kText | kNull); }
    std::string to_json(std::string_view text) const;

  private:
    static constexpr unsigned kText = 1, kNumber = 2, kInteger = 4, kBoolean = 8, kNull = 16, kObject = 32,
                              kArray = 64, kAny = 127;
    static unsigned types_of(const boost::json::value& schema, const boost::json::value* root, int& left);
    bool allows(const boost::json::value& value) const;
    unsigned types_;
};

// As JSON has it.
bool is_space(char c);
std::string_view trimmed(std::string_view text);  // without space at its ends

// Nothing: it is no JSON, or nested too deeply.
std::optional<boost::json::value> parse_deep(std::string_view text);
boost::json::parse_options deep_options();

// Appends `text` as the inside of a JSON string.
void append_escaped(std::string& out, std::string_view text);

// Adds a part, joined to the last one when that goes on with it.
void add_part(std::vector<AnswerPart>& out, AnswerPart part);

}  // namespace sluice::chat
