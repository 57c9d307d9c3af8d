// Builds the part of a GGUF v3 file before the tensor data: header, metadata, tensor table.
// Format: github.com/ggml-org/ggml, docs/gguf.md.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtype.h"

namespace sluice::tools {

class GgufHead {
  public:
    void text(std::string_view key, std::string_view value);
    void number(std::string_view key, int64_t value);  // as uint32
    void real(std::string_view key, float value);
    void flag(std::string_view key, bool value);
    void texts(std::string_view key, const std::vector<std::string>& values);
    void numbers(std::string_view key, const std::vector<int32_t>& values);
    // shape: slowest first. offset: from the start of the tensor data.
    void tensor(std::string_view name, const std::vector<int64_t>& shape, kernels::DType type,
                uint64_t offset);

    std::string finish(uint64_t alignment) const;  // padded: tensor data follows

  private:
    void key(std::string_view name, uint32_t type);

    std::string metadata_, tensors_;
    uint64_t metadata_count_ = 0, tensor_count_ = 0;
};

// The number that stands for a type in GGUF files.
uint32_t ggml_type(kernels::DType type);

}  // namespace sluice::tools
