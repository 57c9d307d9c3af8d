// Random inputs of kernel tests and the measure of their errors.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/strips.h"
#include "kernels/weight.h"
#include "tools/quantise.h"

namespace sluice::test {

inline constexpr kernels::DType kAllTypes[] = {
    kernels::DType::f32,  kernels::DType::f16,  kernels::DType::bf16, kernels::DType::q4_0,
    kernels::DType::q8_0, kernels::DType::q4_k, kernels::DType::q5_k, kernels::DType::q6_k};

inline constexpr kernels::DType kStripTypes[] = {kernels::DType::q4_0, kernels::DType::q8_0,
                                                 kernels::DType::q4_k, kernels::DType::q5_k,
                                                 kernels::DType::q6_k};

inline std::vector<float> gaussian(std::mt19937& rng, int64_t n, float scale = 1.0f) {
    std::normal_distribution<float> normal(0.0f, scale);
    std::vector<float> out(static_cast<size_t>(n));
    for (float& x : out) x = normal(rng);
    return out;
}

// A matrix (or a stack of them) of any type; view() borrows from it.
struct Matrix {
    kernels::DType type;
    int64_t rows, cols;
    std::vector<std::byte> bytes;
    kernels::Layout layout = kernels::Layout::rows;

    kernels::Weight view() const { return {type, rows, cols, bytes.data(), layout}; }
    kernels::ExpertWeight stack(int64_t experts) const {
        return {type, experts, rows / experts, cols, bytes.data(), layout};
    }
    // The same weights in strips, as a stack of matrices.
    Matrix strips(int64_t experts = 1) const {
        Matrix out{type, rows, cols, std::vector<std::byte>(bytes.size()), kernels::Layout::strips};
        const int64_t each = rows / experts, per_expert = each / kernels::kStripRows;
        const size_t row = kernels::row_bytes(type, cols);
        for (int64_t s = 0; s < experts * per_expert; ++s) {
            const auto expert = static_cast<size_t>(s / per_expert * each) * row;
            kernels::write_strip(type, each, cols, s % per_expert,
                                 bytes.data() + static_cast<size_t>(s * kernels::kStripRows) * row,
                                 out.bytes.data() + expert);
        }
        return out;
    }
};

inline Matrix random_matrix(std::mt19937& rng, kernels::DType type, int64_t rows, int64_t cols,
                            float scale = 0.05f) {
    const size_t stride = kernels::row_bytes(type, cols);
    Matrix m{type, rows, cols, std::vector<std::byte>(static_cast<size_t>(rows) * stride)};
    for (int64_t r = 0; r < rows; ++r) {
        const std::vector<float> x = gaussian(rng, cols, scale);
        tools::quantise_row(type, x.data(), cols, m.bytes.data() + static_cast<size_t>(r) * stride);
    }
    return m;
}

// What quantising makes of x: the exact values that the integer kernels multiply.
inline std::vector<float> rounded(const std::vector<float>& x, int64_t k, kernels::DType weight) {
    const kernels::cpu::ActFormat format = kernels::cpu::act_format(weight);
    if (format == kernels::cpu::ActFormat::f32) return x;
    std::vector<float> out(x.size());
    const size_t bytes = kernels::cpu::act_bytes(format, k);
    auto* store = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
    for (size_t row = 0; row < x.size() / static_cast<size_t>(k); ++row) {
        const float* from = x.data() + row * static_cast<size_t>(k);
        float* to = out.data() + row * static_cast<size_t>(k);
        if (format == kernels::cpu::ActFormat::blocks_32) {
            kernels::cpu::isa_scalar().quantise_32(from, k, store);
            const auto* b = reinterpret_cast<const kernels::cpu::Act32*>(store);
            for (int64_t i = 0; i < k; ++i) to[i] = b[i / 32].d * static_cast<float>(b[i / 32].q[i % 32]);
        } else {
            kernels::cpu::isa_scalar().quantise_256(from, k, store);
            const auto* b = reinterpret_cast<const kernels::cpu::Act256*>(store);
            for (int64_t i = 0; i < k; ++i) to[i] = b[i / 256].d * static_cast<float>(b[i / 256].q[i % 256]);
        }
    }
    std::free(store);
    return out;
}

// Normalised mean squared error: sum (a - b)^2 / sum b^2.
inline double nmse(const std::vector<float>& a, const std::vector<float>& b) {
    double error = 0, size = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        error += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
        size += double{b[i]} * b[i];
    }
    return size == 0 ? error : error / size;
}

inline std::vector<std::unique_ptr<kernels::Backend>> cpu_backends(int threads) {
    std::vector<std::unique_ptr<kernels::Backend>> out;
    for (const std::string& isa : kernels::available_cpu_isas())
        out.push_back(kernels::make_cpu_backend({threads, isa}));
    return out;
}

inline std::string name_of(kernels::DType type) {
    return std::string(kernels::dtype_info(type).name);
}

}  // namespace sluice::test
