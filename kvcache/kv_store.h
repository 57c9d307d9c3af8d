// The memory of the KV cache: one pool a layer for keys and one for values, addressed by block id.
// Layout in kernels/kv_view.h. Anonymous memory, whose pages are taken when first written, or a device's.
// Thread: engine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/device_memory.h"
#include "kernels/kv_view.h"

namespace sluice::kvcache {

class KvStore {
  public:
    // type: f16, bf16, f32 or q8_0. device: null for the host's memory; outlives the store. null: there is no
    // such amount of memory.
    static std::unique_ptr<KvStore> make(kernels::DType type, int32_t num_blocks, int32_t layers,
                                         int32_t kv_heads, int32_t head_dim,
                                         kernels::DeviceMemory* device = nullptr);
    ~KvStore();
    KvStore(const KvStore&) = delete;
    KvStore& operator=(const KvStore&) = delete;

    kernels::KvLayer layer(int32_t index) const;
    void copy_block(int32_t from, int32_t to);  // keys and values, all layers
    size_t bytes() const { return bytes_; }

    // One block in all layers, keys and values.
    static size_t block_bytes(kernels::DType type, int32_t layers, int32_t kv_heads, int32_t head_dim);

  private:
    KvStore() = default;

    kernels::DeviceMemory* device_ = nullptr;
    kernels::KvLayer shape_;  // without addresses
    int32_t layers_ = 0;
    size_t tile_bytes_ = 0;  // keys (or values) of one block in one layer
    size_t bytes_ = 0;
    std::byte* memory_ = nullptr;  // [layers, 2, num_blocks, tile_bytes]
};

}  // namespace sluice::kvcache
