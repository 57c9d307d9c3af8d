// A bounds-checked cursor over the bytes of a GGUF file, and checked arithmetic for every size in it.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace sluice::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF files are read as little endian");

inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
    uint64_t out = 0;
    return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}
inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
    uint64_t out = 0;
    return __builtin_add_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}

class Reader {
  public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    uint64_t position() const { return at_; }
    uint64_t left() const { return bytes_.size() - at_; }

    // nullopt: the file ends before.
    template <class T>
    std::optional<T> number() {
        if (left() < sizeof(T)) return std::nullopt;
        T value;
        std::memcpy(&value, bytes_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }
    std::optional<std::string> string(uint64_t limit) {
        const auto size = number<uint64_t>();
        if (!size || *size > limit || *size > left()) return std::nullopt;
        std::string out(reinterpret_cast<const char*>(bytes_.data() + at_), *size);
        at_ += *size;
        return out;
    }

  private:
    std::span<const std::byte> bytes_;
    uint64_t at_ = 0;
};

}  // namespace sluice::gguf
