// Server-sent events as text. Pure.
#pragma once
#include <string>
#include <string_view>

namespace sluice::net {

inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
inline constexpr std::string_view kSseComment = ": keep-alive\n\n";

// `data` is one line (our JSON never has a raw line feed).
std::string sse_frame(std::string_view data);
std::string sse_event(std::string_view name, std::string_view data);

}  // namespace sluice::net
