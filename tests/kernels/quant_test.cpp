#include "kernels/quant.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/kernels/data.h"

namespace sluice::kernels {
namespace {

std::vector<std::byte> from_hex(const std::string& hex) {
    std::vector<std::byte> out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return out;
}

// quant_goldens.txt: "TYPE, blocks in hex, floats in hex", made by tools/make_quant_goldens.py with the gguf
// package.
TEST(Quant, every_type_means_what_the_gguf_package_says) {
    std::ifstream file(SLUICE_TEST_DATA "/quant_goldens.txt");
    ASSERT_TRUE(file) << "no " SLUICE_TEST_DATA "/quant_goldens.txt";
    int cases = 0;
    for (std::string name, blocks, floats; file >> name >> blocks >> floats; ++cases) {
        DType type = DType::f32;
        for (const DType t : test::kAllTypes)
            if (test::name_of(t) == name) type = t;
        ASSERT_EQ(test::name_of(type), name);
        const auto bytes = from_hex(blocks), want = from_hex(floats);
        const auto cols =
            static_cast<int64_t>(bytes.size() / dtype_info(type).block_bytes * dtype_info(type).block_elems);
        std::vector<float> got(static_cast<size_t>(cols));
        dequantize_row(type, bytes.data(), got.data(), cols);
        ASSERT_EQ(want.size(), got.size() * 4);
        EXPECT_EQ(0, std::memcmp(want.data(), got.data(), want.size())) << name;
    }
    EXPECT_EQ(cases, 3 * kNumDTypes);
}

TEST(Quant, fixtures_round_to_within_half_a_step) {
    std::mt19937 rng(31);
    for (const DType type : test::kAllTypes) {
        const auto x = test::gaussian(rng, 1024);
        std::vector<std::byte> bytes(row_bytes(type, 1024));
        tools::quantise_row(type, x.data(), 1024, bytes.data());
        std::vector<float> y(1024);
        dequantize_row(type, bytes.data(), y.data(), 1024);
        const double bound[] = {0, 1e-7, 1e-5, 1.2e-2, 5e-5, 8e-3, 2e-3, 1e-3};
        EXPECT_LE(test::nmse(y, x), bound[static_cast<size_t>(type)]) << test::name_of(type);
    }
}

}  // namespace
}  // namespace sluice::kernels
