// Passes over rows of logits, for samplers: one table an instruction set, all with the same results bit for
// bit. A row is read in chunks, so that most of it need not be read again. Any thread.
#pragma once
#include <cstdint>

namespace sluice::kernels {

inline constexpr int64_t kLogitChunk = 128;

constexpr int64_t logit_chunks(int64_t n) {
    return (n + kLogitChunk - 1) / kLogitChunk;
}

// The weight of a logit x is exp((x - greatest) * inverse) in double, with a relative error below 1e-15; zero
// where that is below 1e-307. The logits may be -infinity, but not NaN.
struct LogitOps {
    // out[c]: the largest of chunk c. false: the row holds NaN or +infinity.
    bool (*maxima)(const float* x, int64_t n, float* out);
    // out[i]: the weight of x[i].
    void (*weights)(const float* x, int64_t n, double greatest, double inverse, double* out);
    // out[c]: the sum of chunk c's weights.
    void (*masses)(const float* x, int64_t n, double greatest, double inverse, double* out);
    // out[i]: x[i] where bit i % 64 of bits[i / 64] is set, else -infinity.
    void (*keep)(const float* x, int64_t n, const uint64_t* bits, float* out);
};

}  // namespace sluice::kernels
