// The conversation so far: messages in OpenAI's form. A question whose answer failed is set aside, for
// another try, and so is an answer while its question is asked again: nothing is lost by an error. Pure.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

class Transcript {
  public:
    void set_system(std::string_view text);  // empty: none
    std::string system() const;

    void ask(std::string_view text);  // now the last message is a question: answered() or failed() follows
    void answered(std::string_view text);
    void failed();

    bool retry();  // the last question is asked again; false: there is none
    bool undo();   // without the last question and its answer; false: there is none
    void clear();  // all but the system message

    const boost::json::array& messages() const { return messages_; }
    size_t questions() const;
    bool has_open_question() const { return open_question_.has_value(); }

    std::string save() const;  // {"messages": [...]}
    // The same, or only the list. Checked as the server checks requests; on an error nothing changes.
    Result<void> load(std::string_view text);

  private:
    std::optional<size_t> last_question() const;

    boost::json::array messages_;
    boost::json::array replaced_;                       // the answer that retry() asks to be made again
    std::optional<boost::json::object> open_question_;  // not among the messages
};

}  // namespace sluice::net::repl
