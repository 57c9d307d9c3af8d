// Limits as flags: one table row each, so that none is without a name. Read once at start.
#pragma once
#include <CLI/CLI.hpp>

#include "net/limits.h"

namespace sluice::net {

// Turns 512MiB, 4GB or 1000 into a number of bytes. CLI's own reader makes a huge number of a minus sign.
CLI::Validator size_value();

// Adds --body-bytes, --header-time and so on; `limits` holds the defaults and takes the values.
void add_limit_options(CLI::App& app, Limits& limits);

}  // namespace sluice::net
