#include "net/chunked.h"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::net {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_control(char c) {
    return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f;
}

}  // namespace

size_t ChunkDecoder::feed(std::string_view bytes, std::string& body) {
    size_t used = 0;
    while (used < bytes.size() && !done() && !rejection_) {
        size_t taken = 1;
        if (state_ == State::data) {
            taken = static_cast<size_t>(std::min<uint64_t>(chunk_left_, bytes.size() - used));
            body.append(bytes.substr(used, taken));
            chunk_left_ -= taken;
            if (chunk_left_ == 0) state_ = State::data_cr;
        } else {
            take(bytes[used]);
        }
        used += taken;
        wire_bytes_ += taken;
        if (wire_bytes_ > 2 * static_cast<uint64_t>(limits_.body_bytes) + limits_.header_bytes)
            reject(413, "the chunked body is far larger on the wire than what it carries");
    }
    return used;
}

void ChunkDecoder::take(char c) {
    switch (state_) {
        case State::size:
            return take_size(c);
        case State::extension:
            return take_extension(c);
        case State::size_lf:
            return end_size_line(c);
        case State::data_cr:
            return expect(c, '\r', State::data_lf);
        case State::data_lf:
            size_digits_ = 0;
            extension_bytes_ = 0;
            return expect(c, '\n', State::size);
        case State::trailer:
            return take_trailer(c);
        case State::trailer_lf:
            expect(c, '\n', trailer_line_ == 0 ? State::done : State::trailer);
            trailer_line_ = 0;
            return;
        case State::data:
        case State::done:
            return;
    }
}

void ChunkDecoder::take_size(char c) {
    const int digit = hex_value(c);
    if (digit >= 0) {
        if (++size_digits_ > 15) return reject(400, "a chunk size has too many digits");
        chunk_left_ = chunk_left_ * 16 + static_cast<uint64_t>(digit);
        return;
    }
    if (size_digits_ == 0 || (c != ';' && c != '\r'))
        return reject(400, "a chunk size is not a hexadecimal number");
    state_ = c == ';' ? State::extension : State::size_lf;
}

void ChunkDecoder::take_extension(char c) {
    if (c == '\r') {
        state_ = State::size_lf;
    } else if (is_control(c)) {
        reject(400, "a chunk extension has a control character");
    } else if (++extension_bytes_ > limits_.chunk_extension_bytes) {
        reject(400, fmt::format("a chunk extension is longer than {} bytes", limits_.chunk_extension_bytes));
    }
}

void ChunkDecoder::end_size_line(char c) {
    if (c != '\n') return reject(400, "a chunk size line does not end with CR LF");
    body_bytes_ += chunk_left_;
    if (body_bytes_ > limits_.body_bytes)
        return reject(413, fmt::format("the body is longer than {} bytes", limits_.body_bytes));
    state_ = chunk_left_ > 0 ? State::data : State::trailer;
}

void ChunkDecoder::take_trailer(char c) {
    if (c == '\r') {
        state_ = State::trailer_lf;
    } else if (is_control(c)) {
        reject(400, "a trailer has a control character");
    } else if (++trailer_bytes_ > limits_.header_bytes) {
        reject(431, fmt::format("the trailers are longer than {} bytes", limits_.header_bytes));
    } else {
        ++trailer_line_;
    }
}

void ChunkDecoder::expect(char c, char wanted, State next) {
    if (c != wanted) return reject(400, "a chunk does not end with CR LF");
    state_ = next;
}

void ChunkDecoder::reject(int status, std::string message) {
    rejection_ = Rejection{status, std::move(message)};
}

}  // namespace sluice::net
