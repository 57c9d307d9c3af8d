// RoPE with the KV write, and paged attention, on a simulated device, with the CPU backend as the oracle of
// bits.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "tests/kernels/cuda/vector_cases.h"

namespace sluice::test {

// The last token of each sequence, in a pool of scattered blocks whose unused slots hold NaN.
struct HeadsCase {
    kernels::DType type;
    int heads, kv_heads, dim;
    std::vector<int32_t> lengths;
    int rope_dim = 0;
    bool normed = true, interleaved = false;
    std::vector<float> q, k, v, q_norm, k_norm, cos, sin;
    std::vector<int32_t> positions, table_begin, block_ids;
    std::vector<std::byte> keys, values;  // of all earlier tokens

    HeadsCase(kernels::DType its_type, int its_heads, int its_kv_heads, int its_dim,
              std::vector<int32_t> its_lengths)
        : type(its_type),
          heads(its_heads),
          kv_heads(its_kv_heads),
          dim(its_dim),
          lengths(std::move(its_lengths)) {
        std::mt19937 rng(static_cast<uint32_t>(heads * 131 + dim + lengths.back()));
        rope_dim = dim;
        const int64_t n = tokens();
        q = gaussian(rng, n * heads * dim);
        k = gaussian(rng, n * kv_heads * dim);
        v = gaussian(rng, n * kv_heads * dim);
        q_norm = gaussian(rng, dim);
        k_norm = gaussian(rng, dim);
        for (const float angle : gaussian(rng, n * dim / 2)) {
            cos.push_back(std::cos(angle));
            sin.push_back(std::sin(angle));
        }
        for (const int32_t length : lengths) {
            positions.push_back(length - 1);
            table_begin.push_back(static_cast<int32_t>(block_ids.size()));
            block_ids.resize(block_ids.size() + static_cast<size_t>((length + 31) / 32));
        }
        std::iota(block_ids.begin(), block_ids.end(), 1);
        std::shuffle(block_ids.begin(), block_ids.end(), rng);
        fill(rng);
    }
    int64_t tokens() const { return std::ssize(lengths); }
    int blocks() const { return static_cast<int>(block_ids.size()) + 2; }
    kernels::BatchView batch() const { return {positions, table_begin, block_ids}; }
    kernels::KvLayer layer(std::vector<std::byte>& its_keys, std::vector<std::byte>& its_values) const {
        return {type, blocks(), kv_heads, dim, its_keys.data(), its_values.data()};
    }

    // What a device holds, and what it is asked.
    kernels::cuda::KvArgs cache(kernels::cuda::sim::Simulator& device) const {
        return {type, kv_heads, dim, device.in_out("keys", keys), device.in_out("values", values)};
    }
    kernels::cuda::BatchArgs batch(kernels::cuda::sim::Simulator& device) const {
        return {static_cast<int>(tokens()), device.input("positions", positions),
                device.input("table_begin", table_begin), device.input("block_ids", block_ids)};
    }

  private:
    // Every token but the last of each sequence, through the CPU.
    void fill(std::mt19937& rng) {
        std::vector<int32_t> at, begin;
        for (size_t s = 0; s < lengths.size(); ++s)
            for (int32_t p = 0; p < lengths[s]; ++p) at.push_back(p), begin.push_back(table_begin[s]);
        keys.assign(kernels::KvLayer{type, blocks(), kv_heads, dim}.tile(blocks(), 0), std::byte{0xff});
        values = keys;
        auto some_k = gaussian(rng, std::ssize(at) * kv_heads * dim);
        const auto some_v = gaussian(rng, std::ssize(at) * kv_heads * dim);
        scalar_cpu()->rope_kv({nullptr,
                               some_k.data(),
                               some_v.data(),
                               nullptr,
                               nullptr,
                               0,
                               nullptr,
                               nullptr,
                               0,
                               0,
                               false,
                               {at, begin, block_ids},
                               layer(keys, values)});
    }
};

struct RopeCase : HeadsCase {
    using HeadsCase::HeadsCase;

    Bits run(kernels::cuda::sim::Simulator& device) const {
        kernels::cuda::RopeKvArgs a;
        a.q = device.in_out("q", q);
        a.k = device.in_out("k", k);
        a.v = device.input("v", v);
        if (normed) {
            a.q_norm = device.input("q_norm", q_norm);
            a.k_norm = device.input("k_norm", k_norm);
        }
        a.eps = 1e-6f;
        a.cos = device.input("cos", cos);
        a.sin = device.input("sin", sin);
        a.heads = heads;
        a.rope_dim = rope_dim;
        a.interleaved = interleaved;
        a.batch = batch(device);
        a.cache = cache(device);
        kernels::cuda::rope_kv(device, a);
        Bits bits;
        append(bits, a.q, std::ssize(q));
        append(bits, a.k, std::ssize(k));
        append(bits, a.cache.keys, std::ssize(keys));
        append(bits, a.cache.values, std::ssize(values));
        return bits;
    }
    Bits on(kernels::Backend& backend) const {
        auto its_q = q, its_k = k;
        auto its_keys = keys, its_values = values;
        backend.rope_kv({its_q.data(), its_k.data(), v.data(), normed ? q_norm.data() : nullptr,
                         normed ? k_norm.data() : nullptr, 1e-6f, cos.data(), sin.data(), heads, rope_dim,
                         interleaved, HeadsCase::batch(), layer(its_keys, its_values)});
        Bits bits;
        append(bits, its_q);
        append(bits, its_k);
        append(bits, its_keys);
        append(bits, its_values);
        return bits;
    }
    Bits oracle() const { return on(*scalar_cpu()); }
};

struct AttentionCase : HeadsCase {
    using HeadsCase::HeadsCase;

    float scale() const { return 1.0f / std::sqrt(static_cast<float>(dim)); }
    Bits run(kernels::cuda::sim::Simulator& device) const {
        kernels::cuda::AttentionArgs a;
        a.q = device.input("q", q);
        a.y = device.output<float>("y", std::ssize(q));
        a.heads = heads;
        a.scale = scale();
        a.batch = HeadsCase::batch(device);
        a.cache = cache(device);
        a.splits = *std::max_element(positions.begin(), positions.end()) / kernels::cuda::kSplitTokens + 1;
        a.partial = device.output<float>("partial", tokens() * heads * a.splits * (dim + 2));
        kernels::cuda::attention(device, a);
        Bits bits;
        append(bits, a.y, std::ssize(q));
        return bits;
    }
    std::vector<float> on(kernels::Backend& backend) const {
        auto its_keys = keys, its_values = values;
        std::vector<float> y(q.size());
        backend.attention(
            {q.data(), y.data(), heads, scale(), HeadsCase::batch(), layer(its_keys, its_values)});
        return y;
    }
    Bits oracle() const {
        Bits bits;
        append(bits, on(*scalar_cpu()));
        return bits;
    }
};

}  // namespace sluice::test
