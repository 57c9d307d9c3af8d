// Server-sent events and the chunked coding as text. Pure.
#pragma once
#include <string>
#include <string_view>

namespace sluice::net {

inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
inline constexpr std::string_view kSseComment = ": keep-alive\n\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// `data` is one line (our JSON never has a raw line feed).
std::string sse_frame(std::string_view data);

// One chunk of the chunked coding; empty for an empty payload, which would end the body.
std::string chunk(std::string_view payload);

}  // namespace sluice::net
