// Philox4x32-10, a counter-based generator: block n of key k is a pure function of (k, n), so a draw depends
// on what it is for and not on what was drawn before. Source: Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011.
#pragma once
#include <array>
#include <cstdint>

namespace sluice::sampling {

constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
    constexpr uint64_t m0 = 0xD2511F53, m1 = 0xCD9E8D57;
    constexpr uint32_t w0 = 0x9E3779B9, w1 = 0xBB67AE85;
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = m0 * counter[0], p1 = m1 * counter[2];
        counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
                   static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
        key = {key[0] + w0, key[1] + w1};
    }
    return counter;
}

// Uniform in [0, 1) with 53 bits: the draw of token `position` of choice `choice` under `seed`.
constexpr double uniform(uint64_t seed, uint64_t choice, uint64_t position) {
    const auto block = philox4x32({static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32),
                                   static_cast<uint32_t>(choice), static_cast<uint32_t>(choice >> 32)},
                                  {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
    const uint64_t word = (uint64_t{block[0]} << 32) | block[1];
    return static_cast<double>(word >> 11) * 0x1p-53;
}

}  // namespace sluice::sampling
