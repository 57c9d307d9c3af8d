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

// fetch: start reading these bytes of a mapping from the disk, do not wait. touch: wait until they are there.
// drop: not needed for now; of a mapping they can be read again (other memory would be lost).
void fetch_pages(std::span<const std::byte> bytes);
void touch_pages(std::span<const std::byte> bytes);
void drop_pages(std::span<const std::byte> bytes);

}  // namespace sluice::gguf
