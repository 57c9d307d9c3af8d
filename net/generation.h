// Answers a request that generates: body -> call (on a text thread) -> engine -> stream or whole answer.
// Leaving early, for whatever reason, cancels what runs.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "net/exchange.h"
#include "net/openai/fields.h"

namespace sluice::net {

// false: the connection is of no more use.
boost::asio::awaitable<bool> generate(std::shared_ptr<Connection> c, Services& s, Exchange& x,
                                      openai::Dialect dialect, std::shared_ptr<engine::Engine> engine);

}  // namespace sluice::net
