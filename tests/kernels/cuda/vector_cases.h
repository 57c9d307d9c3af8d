// RMSNorm and the router on a simulated device, with the CPU backend as the oracle of bits.
#pragma once
#include <random>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/kernels.h"
#include "tests/kernels/cuda/examine.h"
#include "tests/kernels/data.h"

namespace sluice::test {

inline std::unique_ptr<kernels::Backend> scalar_cpu() {
    return kernels::make_cpu_backend({1, "scalar"});
}

struct RmsCase {
    int rows, cols;
    float eps = 1e-6f;
    std::vector<float> x, weight;

    RmsCase(int its_rows, int its_cols) : rows(its_rows), cols(its_cols) {
        std::mt19937 rng(static_cast<uint32_t>(rows * 131 + cols));
        x = gaussian(rng, int64_t{rows} * cols);
        weight = gaussian(rng, cols);
    }
    Bits run(kernels::cuda::sim::Simulator& device) const {
        const auto y = device.output<float>("y", int64_t{rows} * cols);
        kernels::cuda::rms_norm(device,
                                {device.input("x", x), device.input("weight", weight), y, rows, cols, eps});
        Bits bits;
        append(bits, y, int64_t{rows} * cols);
        return bits;
    }
    std::vector<float> on(kernels::Backend& backend) const {
        std::vector<float> y(x.size());
        backend.rms_norm({x.data(), weight.data(), y.data(), rows, cols, eps});
        return y;
    }
    Bits oracle() const {
        Bits bits;
        append(bits, on(*scalar_cpu()));
        return bits;
    }
};

struct Routed {
    std::vector<int32_t> expert, expert_begin, row;
    std::vector<float> weight;

    Bits bits() const {
        Bits out;
        append(out, expert);
        append(out, weight);
        append(out, expert_begin);
        append(out, row);
        return out;
    }
};

struct RouteCase {
    int tokens, experts, top_k;
    bool renormalise = true;
    float weight_scale = 1.0f;
    std::vector<float> logits;

    RouteCase(int its_tokens, int its_experts, int its_top_k)
        : tokens(its_tokens), experts(its_experts), top_k(its_top_k) {
        std::mt19937 rng(static_cast<uint32_t>(tokens * 131 + experts * 7 + top_k));
        logits = gaussian(rng, int64_t{tokens} * experts, 2.0f);
    }
    Bits run(kernels::cuda::sim::Simulator& device) const {
        const int64_t slots = int64_t{tokens} * top_k;
        const auto expert = device.output<int>("expert", slots), row = device.output<int>("row", slots);
        const auto begin = device.output<int>("expert_begin", experts + 1);
        const auto weight = device.output<float>("weight", slots);
        kernels::cuda::route(device, {device.input("logits", logits), tokens, experts, top_k, renormalise,
                                      weight_scale, expert, weight, begin, row});
        Bits bits;
        append(bits, expert, slots);
        append(bits, weight, slots);
        append(bits, begin, experts + 1);
        append(bits, row, slots);
        return bits;
    }
    Routed on(kernels::Backend& backend) const {
        const auto slots = static_cast<size_t>(tokens * top_k);
        Routed out{std::vector<int32_t>(slots), std::vector<int32_t>(static_cast<size_t>(experts) + 1),
                   std::vector<int32_t>(slots), std::vector<float>(slots)};
        backend.route({logits.data(), tokens, experts, top_k, renormalise, weight_scale, out.expert.data(),
                       out.weight.data(), out.expert_begin.data(), out.row.data()});
        return out;
    }
    Bits oracle() const { return on(*scalar_cpu()).bits(); }
};

}  // namespace sluice::test
