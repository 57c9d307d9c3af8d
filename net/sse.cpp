#include "net/sse.h"

#include <fmt/format.h>

namespace sluice::net {

std::string sse_frame(std::string_view data) {
    return fmt::format("data: {}\n\n", data);
}

std::string sse_event(std::string_view name, std::string_view data) {
    return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

}  // namespace sluice::net
