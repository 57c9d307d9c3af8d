// RMSNorm and the router in simulation: no detector fires, every order gives the bits of the CPU backend, and
// those are as close to the plain formula as their arithmetic allows.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/kernels/cuda/vector_cases.h"

namespace sluice::kernels {
namespace {

using test::RmsCase, test::RouteCase;

std::string shape_name(std::initializer_list<int> sizes) {
    std::string out;
    for (const int n : sizes) out += (out.empty() ? "" : "x") + std::to_string(n);
    return out;
}

test::Finding examine(const auto& c) {
    return test::examine([&](cuda::sim::Simulator& device) { return c.run(device); }, c.oracle());
}

class CudaRmsNorm : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(CudaRmsNorm, gives_the_bits_of_the_cpu_in_every_order) {
    const RmsCase c(std::get<0>(GetParam()), std::get<1>(GetParam()));
    const test::Finding found = examine(c);
    EXPECT_EQ(found.by, "nothing") << found.message;
    // The formula in double: a sum of squares of one sign, so its rounding is that of the partial sums.
    const auto y = test::values_of<float>(found.bits, 0, int64_t{c.rows} * c.cols);
    const auto exact = c.on(*make_reference_backend());
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], exact[i], 2e-6 * std::fabs(exact[i])) << i;
}

TEST_P(CudaRmsNorm, a_row_does_not_depend_on_its_batch) {
    const RmsCase all(std::get<0>(GetParam()), std::get<1>(GetParam()));
    RmsCase last = all;
    last.rows = 1;
    last.x.assign(all.x.end() - all.cols, all.x.end());
    cuda::sim::Simulator one({}), many({});
    const test::Bits alone = last.run(one), batch = all.run(many);
    EXPECT_TRUE(std::equal(alone.rbegin(), alone.rend(), batch.rbegin()));
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaRmsNorm,
                         testing::Values(std::tuple{1, 1}, std::tuple{1, 15}, std::tuple{3, 17},
                                         std::tuple{64, 96}, std::tuple{7, 127}, std::tuple{5, 2048},
                                         std::tuple{2, 2049}, std::tuple{3, 5120}),
                         [](const auto& test_info) {
                             return shape_name({std::get<0>(test_info.param), std::get<1>(test_info.param)});
                         });

TEST(CudaRmsNormAlone, works_in_place_and_on_no_rows) {
    const RmsCase c(3, 100);
    cuda::sim::Simulator device({});
    const auto x = device.in_out("x", c.x);
    const auto weight = device.input("weight", c.weight);
    cuda::rms_norm(device, {x, weight, x, c.rows, c.cols, c.eps});
    cuda::rms_norm(device, {x, weight, x, 0, c.cols, c.eps});
    ASSERT_FALSE(device.fault()) << device.fault()->message;
    EXPECT_EQ(device.read(x, c.rows * c.cols), c.on(*test::scalar_cpu()));
}

class CudaRoute : public testing::TestWithParam<std::tuple<int, int, int>> {
  public:
    RouteCase make() const {
        return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())};
    }
};

TEST_P(CudaRoute, gives_the_bits_of_the_cpu_in_every_order) {
    RouteCase c = make();
    for (const bool renormalise : {true, false}) {
        c.renormalise = renormalise;
        c.weight_scale = renormalise ? 1.0f : 2.5f;
        const test::Finding found = examine(c);
        EXPECT_EQ(found.by, "nothing") << found.message;
    }
}

TEST_P(CudaRoute, weights_are_those_of_the_formula) {
    const RouteCase c = make();
    cuda::sim::Simulator device({});
    const test::Bits bits = c.run(device);
    const test::Routed exact = c.on(*make_reference_backend());
    const auto slots = static_cast<int64_t>(exact.expert.size());
    EXPECT_EQ(test::values_of<int32_t>(bits, 0, slots), exact.expert);
    const auto weight = test::values_of<float>(bits, exact.expert.size() * 4, slots);
    // exp, the sum, its inverse, the product and the sum of the chosen ones: each within 2e-6.
    for (size_t i = 0; i < weight.size(); ++i)
        ASSERT_NEAR(weight[i], exact.weight[i], 1e-5 * exact.weight[i]);
}

TEST_P(CudaRoute, a_token_does_not_depend_on_its_batch) {
    const RouteCase all = make();
    if (all.tokens == 0) return;
    RouteCase last = all;
    last.tokens = 1;
    last.logits.assign(all.logits.end() - all.experts, all.logits.end());
    cuda::sim::Simulator one({}), many({});
    const test::Bits alone = last.run(one), batch = all.run(many);
    const auto slots = static_cast<size_t>(all.tokens * all.top_k), k = static_cast<size_t>(all.top_k);
    for (const size_t column : {size_t{0}, size_t{1}})  // experts, then weights
        EXPECT_EQ(test::values_of<int32_t>(alone, column * k * 4, all.top_k),
                  test::values_of<int32_t>(batch, (column * slots + slots - k) * 4, all.top_k));
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaRoute,
                         testing::Values(std::tuple{0, 8, 2}, std::tuple{1, 1, 1}, std::tuple{1, 128, 8},
                                         std::tuple{5, 17, 3}, std::tuple{9, 33, 32}, std::tuple{64, 60, 4},
                                         std::tuple{65, 128, 8}, std::tuple{37, 512, 10}),
                         [](const auto& test_info) {
                             return shape_name({std::get<0>(test_info.param), std::get<1>(test_info.param),
                                                std::get<2>(test_info.param)});
                         });

TEST(CudaRouteAlone, ties_infinities_and_nan_choose_as_the_cpu_does) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    RouteCase c(6, 40, 5);
    std::fill_n(c.logits.begin(), 40, 0.5f);                                           // all tie
    for (size_t e = 0; e < 40; ++e) c.logits[40 + e] = static_cast<float>(e / 4 % 3);  // some tie
    c.logits[2 * 40 + 7] = -kInf;
    c.logits[3 * 40 + 9] = std::numeric_limits<float>::quiet_NaN();  // then every probability is
    c.logits[4 * 40 + 11] = 200.0f;                                  // the others are zero
    const test::Finding found = examine(c);
    EXPECT_EQ(found.by, "nothing") << found.message;
}

}  // namespace
}  // namespace sluice::kernels
