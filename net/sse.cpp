#include "net/sse.h"

#include <fmt/format.h>

namespace sluice::net {

std::string sse_frame(std::string_view data) {
    return fmt::format("data: {}\n\n", data);
}

}  // namespace sluice::net
