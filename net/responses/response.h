// What a response keeps of its request until it ends: what the answer repeats, and what a later response goes
// on from. Written on a text thread, then owned by the call's reply.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/responses/store.h"

namespace sluice::net::openai {

using RepeatedFields = std::vector<std::pair<std::string_view, std::string>>;  // name and JSON

struct ResponseRequest {
    RepeatedFields repeated;
    std::shared_ptr<ResponseStore> store;  // null: the response is not to be kept
    bool background = false;               // then there is a store
    std::vector<StoredItem> input;
    Turns history;
};

}  // namespace sluice::net::openai
