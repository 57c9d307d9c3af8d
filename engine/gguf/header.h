// Parses one part of a GGUF file: metadata and tensor table, every offset checked against the bytes that are
// there. Format: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/gguf/file.h"

namespace sluice::gguf {

struct Header {
    std::vector<std::pair<std::string, Value>> metadata;  // file order, keys unique
    std::vector<Tensor> tensors;                          // data inside `bytes`
};

// `name` is what errors call the file.
Result<Header> parse_header(std::span<const std::byte> bytes, const std::string& name);

}  // namespace sluice::gguf
