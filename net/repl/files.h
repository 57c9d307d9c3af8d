// Small text files that a person names: read within a bound, written whole or not at all. Errors: io, naming
// the file.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace sluice::net::repl {

Result<std::string> read_file(const std::string& path, size_t most_bytes);

// For the owner's eyes only. A file of that name is replaced only when `replace`.
Result<void> write_file(const std::string& path, std::string_view text, bool replace);

}  // namespace sluice::net::repl
