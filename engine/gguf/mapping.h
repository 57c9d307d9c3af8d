// A file mapped read-only for as long as the object lives.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "engine/result.h"

namespace sluice::gguf {

class Mapping {
  public:
    // Regular, non-empty files only; the error says what is wrong with the path.
    static Result<std::unique_ptr<Mapping>> open(const std::string& path);
    ~Mapping();
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    explicit Mapping(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes_;
};

}  // namespace sluice::gguf
