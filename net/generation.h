// Answers a request with a body: body -> what is asked (on a text thread) -> at once, or by the engine as a
// stream or a whole answer. Leaving early, for whatever reason, cancels what runs.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "net/exchange.h"
#include "net/router.h"

namespace sluice::net {

// `route` has a body. false: the connection is of no more use.
boost::asio::awaitable<bool> answer_body(std::shared_ptr<Connection> c, Services& s, Exchange& x, Route route,
                                         std::shared_ptr<engine::Engine> engine);

}  // namespace sluice::net
