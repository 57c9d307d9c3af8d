// Quantised experts on a simulated device, with the CPU backend as the oracle of bits.
#pragma once
#include <random>
#include <vector>

#include "tests/kernels/cuda/vector_cases.h"

namespace sluice::test {

// Rows of experts times the activations of a routed batch.
struct ExpertCase {
    kernels::DType type;
    RouteCase route;
    int rows, cols;
    bool shared_x;      // the slots of a token have one activation
    bool many = false;  // expert_gemm
    Matrix weights;
    std::vector<float> x;

    ExpertCase(kernels::DType its_type, RouteCase its_route, int its_rows, int its_cols, bool is_shared)
        : type(its_type), route(std::move(its_route)), rows(its_rows), cols(its_cols), shared_x(is_shared) {
        std::mt19937 rng(static_cast<uint32_t>(rows * 131 + cols + route.tokens));
        weights = random_matrix(rng, type, int64_t{route.experts} * rows, cols);
        x = gaussian(rng, int64_t{activations()} * cols);
        for (size_t i = 0; i < x.size(); i += 97) x[i] *= 8.0f;  // heavy tails, as activations have
    }
    int slots() const { return route.tokens * route.top_k; }
    int activations() const { return shared_x ? route.tokens : slots(); }
    int slots_per_x() const { return shared_x ? route.top_k : 1; }

    Bits run(kernels::cuda::sim::Simulator& device) const {
        const Routed routed = route.on(*scalar_cpu());
        const kernels::cpu::ActFormat format = kernels::cpu::act_format(type);
        const auto bytes = static_cast<int64_t>(kernels::cpu::act_bytes(format, cols));
        const auto quantised = device.output<std::byte>("activations", activations() * bytes);
        const auto y = device.output<float>("y", int64_t{slots()} * rows);
        kernels::cuda::quantise(device, format,
                                {device.input("x", x), nullptr, quantised, activations(), cols});
        const auto product = many ? kernels::cuda::expert_gemm : kernels::cuda::expert_gemv;
        product(device, type,
                {device.input("weights", weights.bytes), route.experts, rows, cols, quantised, slots_per_x(),
                 device.input("expert_begin", routed.expert_begin), device.input("row", routed.row), y});
        Bits bits;
        append(bits, y, int64_t{slots()} * rows);
        return bits;
    }
    std::vector<float> on(kernels::Backend& backend, const std::vector<float>& its_x) const {
        const Routed routed = route.on(*scalar_cpu());
        std::vector<float> y(static_cast<size_t>(slots()) * static_cast<size_t>(rows));
        for (int s = 0; s < slots(); ++s) {
            const auto expert = weights.stack(route.experts).expert(routed.expert[static_cast<size_t>(s)]);
            const kernels::LinearPart part{expert, nullptr, y.data() + int64_t{s} * rows};
            backend.linear({its_x.data() + int64_t{s / slots_per_x()} * cols, 1, {&part, 1}});
        }
        return y;
    }
    Bits oracle() const {
        Bits bits;
        append(bits, on(*scalar_cpu(), x));
        return bits;
    }
};

struct MoeCase {
    kernels::DType type;
    RouteCase route;
    int hidden, ffn;
    Matrix gate, up, down;
    std::vector<float> x, y;

    MoeCase(kernels::DType its_type, RouteCase its_route, int its_hidden, int its_ffn)
        : type(its_type), route(std::move(its_route)), hidden(its_hidden), ffn(its_ffn) {
        std::mt19937 rng(static_cast<uint32_t>(hidden * 131 + ffn + route.tokens));
        gate = random_matrix(rng, type, int64_t{route.experts} * ffn, hidden);
        up = random_matrix(rng, type, int64_t{route.experts} * ffn, hidden);
        down = random_matrix(rng, type, int64_t{route.experts} * hidden, ffn);
        x = gaussian(rng, int64_t{route.tokens} * hidden);
        y = gaussian(rng, int64_t{route.tokens} * hidden);
    }
    Bits run(kernels::cuda::sim::Simulator& device) const {
        const int tokens = route.tokens, slots = tokens * route.top_k;
        const kernels::cpu::ActFormat format = kernels::cpu::act_format(type);
        const auto act = [&](int n) { return static_cast<int64_t>(kernels::cpu::act_bytes(format, n)); };
        const auto out = device.in_out("y", y);
        kernels::cuda::MoeFfnArgs a;
        a.x = device.input("x", x);
        a.y = out;
        a.route = {device.input("logits", route.logits),
                   tokens,
                   route.experts,
                   route.top_k,
                   route.renormalise,
                   route.weight_scale,
                   device.output<int>("expert", slots),
                   device.output<float>("weight", slots),
                   device.output<int>("expert_begin", route.experts + 1),
                   device.output<int>("row", slots)};
        a.type = type;
        a.gate = device.input("gate", gate.bytes);
        a.up = device.input("up", up.bytes);
        a.down = device.input("down", down.bytes);
        a.hidden = hidden;
        a.ffn = ffn;
        a.x_quantised = device.output<std::byte>("x_quantised", tokens * act(hidden));
        a.middle_quantised = device.output<std::byte>("middle_quantised", slots * act(ffn));
        a.gated = device.output<float>("gated", int64_t{slots} * ffn);
        a.upped = device.output<float>("upped", int64_t{slots} * ffn);
        a.outcome = device.output<float>("outcome", int64_t{slots} * hidden);
        kernels::cuda::moe_ffn(device, a);
        Bits bits;
        append(bits, out, int64_t{tokens} * hidden);
        return bits;
    }
    std::vector<float> on(kernels::Backend& backend) const {
        Routed routed = route.on(*scalar_cpu());
        std::vector<float> out = y;
        const kernels::Route r{route.logits.data(),  route.tokens,         route.experts,
                               route.top_k,          route.renormalise,    route.weight_scale,
                               routed.expert.data(), routed.weight.data(), routed.expert_begin.data(),
                               routed.row.data()};
        backend.moe_ffn({x.data(), out.data(), r, gate.stack(route.experts), up.stack(route.experts),
                         down.stack(route.experts)});
        return out;
    }
    Bits oracle() const {
        Bits bits;
        append(bits, on(*scalar_cpu()));
        return bits;
    }
};

}  // namespace sluice::test
