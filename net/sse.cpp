#include "net/sse.h"

#include <fmt/format.h>

namespace sluice::net {

std::string sse_frame(std::string_view data) {
    return fmt::format("data: {}\n\n", data);
}

std::string chunk(std::string_view payload) {
    return payload.empty() ? std::string() : fmt::format("{:x}\r\n{}\r\n", payload.size(), payload);
}

}  // namespace sluice::net
