#include "net/ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace sluice::net {
namespace {

constexpr size_t kMaxRequestId = 128;

uint64_t random_key() {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
}

uint64_t mix(uint64_t x) {  // splitmix64 (Steele, Lea, Flood 2014)
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

}  // namespace

IdSource::IdSource() : key_(random_key()) {}

uint64_t IdSource::number() {
    return mix(key_ + next_.fetch_add(1) * 0x9e3779b97f4a7c15u);
}

std::string IdSource::make(std::string_view prefix) {
    return fmt::format("{}{:016x}{:08x}", prefix, number(), number() >> 32);
}

std::string secret_id(std::string_view prefix) {
    return fmt::format("{}{:016x}{:016x}", prefix, random_key(), random_key());
}

std::optional<std::string> acceptable_request_id(std::string_view id) {
    const auto harmless = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_.:/+=").find(c) != std::string_view::npos;
    };
    if (id.empty() || id.size() > kMaxRequestId || !std::all_of(id.begin(), id.end(), harmless))
        return std::nullopt;
    return std::string(id);
}

}  // namespace sluice::net
