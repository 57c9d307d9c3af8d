// One connection from accept to close: requests in order, each framed, routed and answered before the next is
// read.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "net/connection.h"
#include "net/services.h"

namespace sluice::net {

boost::asio::awaitable<void> run_session(std::shared_ptr<Connection> c, Services& s);

}  // namespace sluice::net
