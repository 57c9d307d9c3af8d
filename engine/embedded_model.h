// The model inside the binary: a whole GGUF file, made by tools/ at build time. Lives as long as the process.
#pragma once
#include <cstddef>
#include <span>

namespace sluice::engine {

std::span<const std::byte> embedded_model();

}  // namespace sluice::engine
