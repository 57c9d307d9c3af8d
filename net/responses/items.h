// The items of a response's input and output, as text for keeping and as messages of a chat.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/result.h"
#include "net/limits.h"

namespace sluice::net::openai {

// One item as input_items shows it.
struct StoredItem {
    std::string id, json;
};

// `input` of a request as a list of items that all have a type and an id; a string is one message of the
// user. `random` makes ids for items that bring none.
Result<boost::json::array> read_items(const boost::json::value* input, uint64_t random, const Limits& limits);

// Items one after another become chat messages: thought, text and calls of the assistant that follow each
// other are one message.
class ItemsToChat {
  public:
    // Errors name `at`: unknown types, parts that are no text.
    Result<void> add(const boost::json::value& item, const std::string& at);
    boost::json::array take();

  private:
    Result<void> add_message(const boost::json::object& item, const std::string& at);
    Result<void> add_reasoning(const boost::json::object& item, const std::string& at);
    Result<void> add_call(const boost::json::object& item, const std::string& at);
    Result<void> add_output(const boost::json::object& item, const std::string& at);
    boost::json::object& assistant();
    void close_assistant();

    boost::json::array messages_;
    boost::json::object assistant_;  // empty: none is open
};

}  // namespace sluice::net::openai
