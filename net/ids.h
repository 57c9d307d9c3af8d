// Names for requests and answers, and seeds for requests that bring none. Any thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

class IdSource {
  public:
    IdSource();

    uint64_t number();                          // not predictable from the outside, not secret
    std::string make(std::string_view prefix);  // prefix + 24 hexadecimal digits

  private:
    const uint64_t key_;
    std::atomic<uint64_t> next_{0};
};

// prefix + 32 hexadecimal digits that nobody can guess: who knows the name may read what it names.
std::string secret_id(std::string_view prefix);

// The client's own x-request-id if it is short and harmless in headers and logs.
std::optional<std::string> acceptable_request_id(std::string_view id);

}  // namespace sluice::net
