// Products of weights and activations: linear layers and the two feed-forwards, cut into units of
// outputs and spread over the workers. Buffers grow to the largest batch seen. Driven by the backend's
// thread.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
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
    struct Aligned {  // 64 bytes, as Act256 wants
        alignas(64) std::byte bytes[64];
    };
    // Rows of activations in the format that some weights want.
    struct Activations {
        ActFormat format = ActFormat::f32;
        std::vector<Aligned> store;
        std::vector<const std::byte*> rows;
    };
    // Rows of a feed-forward's middle layer that belong to one expert: columns of x, slots of the result.
    struct Group {
        int64_t begin, end;  // slots
        Weight gate, up, down;
    };
    struct Middle;

    void arrange(Activations& a, DType weight, const float* x, int64_t rows, int64_t k);
    void prepare(Activations& a, DType weight, const float* x, int64_t rows, int64_t k);
    void quantise(Activations& a, int64_t row, int64_t begin, const float* x, int64_t n);
    void product(const Weight& w, int64_t begin, int64_t rows, const std::byte* const* columns, int64_t count,
                 float* out, int64_t stride, StripPlace next) const;
    float* scratch(int worker, int64_t floats);

    void linear_unit(const LinearPart& part, int64_t begin, int64_t tokens, int worker);
    void feed_forward(const Middle& m);
    void gate_and_up(const Middle& m);
    void gate_and_up_unit(const Middle& m, const Group& g, int64_t begin, int64_t rows, int worker);
    void down(const Middle& m);
    void down_unit(const Middle& m, int64_t begin, int64_t rows, int worker);

    const Isa& isa_;
    WorkerPool& pool_;
    Activations x_[3], x_up_, h_;             // inputs by format; inputs of `up`, if they differ; hidden
    std::vector<float> hidden_;               // [slots, ffn] silu(gate) * up
    std::vector<std::atomic<int32_t>> left_;  // [groups, blocks of hidden] units that are not done
    std::vector<Group> groups_;
    std::vector<int32_t> slot_token_;                        // [slots]
    std::vector<float> slot_weight_;                         // [slots]
    std::vector<const std::byte*> gate_column_, up_column_;  // [slots]
    std::vector<std::vector<float>> scratch_;                // of each worker
};

}  // namespace sluice::kernels::cpu
