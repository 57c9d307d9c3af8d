// A linear layer on a simulated device, with the CPU backend as the oracle of bits.
#pragma once
#include <numeric>
#include <random>
#include <vector>

#include "tests/kernels/cuda/vector_cases.h"

namespace sluice::test {

struct LinearCase {
    kernels::DType type;
    int rows, out, in;
    bool has_bias, accumulate;
    Matrix weight;
    std::vector<float> x, bias, y;

    LinearCase(kernels::DType its_type, int its_rows, int its_out, int its_in, bool with_bias, bool adds)
        : type(its_type), rows(its_rows), out(its_out), in(its_in), has_bias(with_bias), accumulate(adds) {
        std::mt19937 rng(static_cast<uint32_t>(rows * 131 + out * 7 + in));
        weight = random_matrix(rng, type, out, in);
        x = gaussian(rng, int64_t{rows} * in);
        bias = gaussian(rng, out);
        y = gaussian(rng, int64_t{rows} * out);
    }
    Bits run(kernels::cuda::sim::Simulator& device) const {
        const kernels::cpu::ActFormat format = kernels::cpu::act_format(type);
        const auto y_at = accumulate ? device.in_out("y", y) : device.output<float>("y", std::ssize(y));
        kernels::cuda::LinearArgs a;
        a.type = type;
        a.weight = device.input("weight", weight.bytes);
        if (has_bias) a.bias = device.input("bias", bias);
        a.x = device.input("x", x);
        if (format != kernels::cpu::ActFormat::f32) {
            const auto bytes = static_cast<int64_t>(kernels::cpu::act_bytes(format, in));
            const auto quantised = device.output<std::byte>("quantised", rows * bytes);
            kernels::cuda::quantise(device, format, {a.x, nullptr, quantised, rows, in});
            a.quantised = quantised;
        }
        std::vector<int> order(static_cast<size_t>(rows));
        std::iota(order.begin(), order.end(), 0);
        a.begin = device.input("begin", std::vector<int>{0, rows});
        a.row = device.input("row", order);
        a.product = device.output<float>("product", std::ssize(y));
        a.y = y_at;
        a.accumulate = accumulate;
        a.rows = rows, a.in = in, a.out = out;
        kernels::cuda::linear(device, a);
        Bits bits;
        append(bits, y_at, std::ssize(y));
        return bits;
    }
    std::vector<float> on(kernels::Backend& backend) const {
        std::vector<float> result = y;
        const kernels::LinearPart part{weight.view(), has_bias ? bias.data() : nullptr, result.data(),
                                       accumulate};
        backend.linear({x.data(), rows, {&part, 1}});
        return result;
    }
    Bits oracle() const {
        Bits bits;
        append(bits, on(*scalar_cpu()));
        return bits;
    }
};

}  // namespace sluice::test
