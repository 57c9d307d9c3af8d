// Reads a streamed chat completion of any OpenAI-compatible server: bytes in, text out. No sockets; one
// answer, one thread.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/answer_parser.h"
#include "net/repl/answerer.h"

namespace sluice::net::repl {

class ChatStream {
  public:
    static constexpr size_t kLineBytes = 1 << 20;     // of one event
    static constexpr size_t kAnswerBytes = 16 << 20;  // thoughts included

    explicit ChatStream(OnText on_text);

    // What the server says is wrong, or that it is no such stream.
    Result<void> push(std::string_view bytes);
    // No more bytes come. An answer that was broken off is an error.
    Result<void> finish();
    // No more are wanted.
    void cut();

    bool done() const { return done_; }  // the server has said that this was all
    const Reply& reply() const { return reply_; }

  private:
    Result<void> line(std::string_view line);
    Result<void> event(const boost::json::object& event);
    void delta(const boost::json::object& delta);
    void usage(const boost::json::object& usage);
    void take_parts();
    void text(std::string_view text, bool thought);

    const OnText on_text_;
    chat::AnswerParser parser_;  // some servers leave the thoughts in the content, between tags
    std::vector<chat::AnswerPart> parts_;
    std::string waiting_;  // of a line that is not complete
    size_t bytes_ = 0;
    bool done_ = false;
    Reply reply_;
};

// The message of an error object in OpenAI's form, or as near to it as the server came; printable, short.
std::string server_message(std::string_view body);

}  // namespace sluice::net::repl
