// Limits as flags: one table row each, so that none is without a name. Read once at start.
#pragma once
#include <CLI/App.hpp>

#include "net/limits.h"

namespace sluice::net {

// Adds --body-bytes, --header-time and so on; `limits` holds the defaults and takes the values.
void add_limit_options(CLI::App& app, Limits& limits);

}  // namespace sluice::net
