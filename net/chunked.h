// The chunked transfer coding (RFC 9112, 7.1), strictly: trailers are read and dropped, extensions are
// bounded and ignored, and the bytes on the wire are bounded beside those of the body. Pure; no sockets.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "net/framing.h"
#include "net/limits.h"

namespace sluice::net {

class ChunkDecoder {
  public:
    explicit ChunkDecoder(const Limits& limits) : limits_(limits) {}

    // Takes bytes as they come, appends to `body`; returns how many it took (all, until the end is reached).
    size_t feed(std::string_view bytes, std::string& body);

    bool done() const { return state_ == State::done; }
    const std::optional<Rejection>& rejection() const { return rejection_; }

  private:
    enum class State { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };
    void take(char c);
    void take_size(char c);
    void take_extension(char c);
    void take_trailer(char c);
    void end_size_line(char c);
    void expect(char c, char wanted, State next);
    void reject(int status, std::string message);

    const Limits& limits_;
    State state_ = State::size;
    uint64_t chunk_left_ = 0;
    int size_digits_ = 0;
    size_t extension_bytes_ = 0;
    size_t trailer_bytes_ = 0;
    size_t trailer_line_ = 0;
    uint64_t body_bytes_ = 0;
    uint64_t wire_bytes_ = 0;
    std::optional<Rejection> rejection_;
};

}  // namespace sluice::net
