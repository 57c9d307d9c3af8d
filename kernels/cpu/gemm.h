// Products of weights and activations: linear layers and the two feed-forwards, cut into tiles of 8 outputs
// and spread over the workers. Buffers grow to the largest batch seen. Driven by the backend's thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/cpu/activation.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/worker_pool.h"
#include "kernels/ops.h"

namespace sluice::kernels::cpu {

class Gemm {
  public:
    Gemm(const Isa& isa, WorkerPool& pool)
        : isa_(isa), pool_(pool), scratch_(static_cast<size_t>(pool.size())) {}

    void linear(const Linear& op);
    void moe_ffn(const MoeFfn& op);
    void dense_ffn(const DenseFfn& op);

  private:
    // Rows of activations in the format that some weights want.
    struct Activations {
        ActFormat format = ActFormat::f32;
        size_t row_bytes = 0;
        const std::byte* data = nullptr;
        const std::byte* row(int64_t r) const { return data + static_cast<size_t>(r) * row_bytes; }
    };
    struct Aligned {  // 64 bytes, as Act256 wants
        alignas(64) std::byte bytes[64];
    };
    // Rows of a feed-forward's middle layer that belong to one expert: columns of x, slots of the result.
    struct Group {
        int64_t begin, end;  // slots
        Weight gate, up, down;
    };
    struct Middle;

    Activations prepare(const float* x, int64_t rows, int64_t k, DType weight, std::vector<Aligned>& store);
    void feed_forward(const Middle& m);
    void gate_and_up(const Middle& m, const Activations& x);
    void down(const Middle& m, const Activations& h);

    const Isa& isa_;
    WorkerPool& pool_;
    std::vector<Aligned> x_store_, x2_store_, h_store_;
    std::vector<float> hidden_;  // [slots, ffn] silu(gate) * up
    std::vector<Group> groups_;
    std::vector<int32_t> slot_token_;          // [slots]
    std::vector<float> slot_weight_;           // [slots]
    std::vector<std::vector<float>> scratch_;  // of each worker
};

}  // namespace sluice::kernels::cpu
