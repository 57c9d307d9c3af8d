// Linear layers in simulation: the bits of the CPU in every order, with and without bias and what y held.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/kernels/cuda/linear_cases.h"

namespace sluice::kernels {
namespace {

using test::LinearCase;

struct Shape {
    DType type;
    int rows, out, in;
};
void PrintTo(const Shape& s, std::ostream* out) {
    *out << test::name_of(s.type) << " " << s.rows << " times " << s.out << " x " << s.in;
}

class CudaLinear : public testing::TestWithParam<Shape> {};

TEST_P(CudaLinear, gives_the_bits_of_the_cpu_in_every_order) {
    const Shape& s = GetParam();
    for (const auto& [bias, accumulate] : {std::pair{false, false}, {true, false}, {true, true}}) {
        const LinearCase c(s.type, s.rows, s.out, s.in, bias, accumulate);
        const test::Finding found = test::examine(
            [&, &its = c](cuda::sim::Simulator& device) { return its.run(device); }, c.oracle());
        EXPECT_EQ(found.by, "nothing") << found.message;
        const auto y = test::values_of<float>(found.bits, 0, std::ssize(c.y));
        if (y.size() > 1) {  // one number may be unlucky
            EXPECT_LE(test::nmse(y, c.on(*make_reference_backend())), 5e-4);
        }
    }
}

TEST_P(CudaLinear, a_row_does_not_depend_on_its_batch) {
    const Shape& s = GetParam();
    if (s.rows == 0) return;
    const LinearCase all(s.type, s.rows, s.out, s.in, true, true);
    LinearCase last = all;
    last.rows = 1;
    last.x.assign(all.x.end() - all.in, all.x.end());
    last.y.assign(all.y.end() - all.out, all.y.end());
    cuda::sim::Simulator one({}), many({});
    const test::Bits alone = last.run(one), batch = all.run(many);
    EXPECT_TRUE(std::equal(alone.rbegin(), alone.rend(), batch.rbegin()));
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaLinear,
                         testing::Values(Shape{DType::f32, 0, 8, 16}, Shape{DType::f32, 1, 1, 1},
                                         Shape{DType::f32, 5, 9, 33}, Shape{DType::f16, 3, 8, 15},
                                         Shape{DType::f16, 2, 17, 64}, Shape{DType::bf16, 4, 7, 100},
                                         Shape{DType::q8_0, 1, 17, 96}, Shape{DType::q8_0, 9, 20, 64},
                                         Shape{DType::q4_k, 2, 5, 256}, Shape{DType::q4_k, 11, 18, 512}));

}  // namespace
}  // namespace sluice::kernels
