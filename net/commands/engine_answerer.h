// The engine in this process as one who answers (net/repl/answerer.h).
#pragma once
#include <memory>

#include "engine/engine.h"
#include "net/repl/answerer.h"

namespace sluice::net {

std::unique_ptr<repl::Answerer> make_engine_answerer(std::unique_ptr<engine::Engine> engine);

}  // namespace sluice::net
