#include "kvcache/kv_store.h"

#include <sys/mman.h>

#include <cstring>

#include "kernels/check.h"

namespace sluice::kvcache {

using kernels::DType;

size_t KvStore::block_bytes(DType type, int32_t layers, int32_t kv_heads, int32_t head_dim) {
    const kernels::KvLayer one{type, 1, kv_heads, head_dim, nullptr, nullptr};
    return one.tile_bytes() * static_cast<size_t>(kv_heads) * 2 * static_cast<size_t>(layers);
}

std::unique_ptr<KvStore> KvStore::make(DType type, int32_t num_blocks, int32_t layers, int32_t kv_heads,
                                       int32_t head_dim, kernels::DeviceMemory* device) {
    SLUICE_CHECK(type == DType::f16 || type == DType::bf16 || type == DType::f32 ||
                 (type == DType::q8_0 && head_dim % 2 == 0));
    auto store = std::unique_ptr<KvStore>(new KvStore);
    store->shape_ = {type, num_blocks, kv_heads, head_dim, nullptr, nullptr};
    store->layers_ = layers;
    store->tile_bytes_ = block_bytes(type, 1, kv_heads, head_dim) / 2;
    store->bytes_ = block_bytes(type, layers, kv_heads, head_dim) * static_cast<size_t>(num_blocks);
    store->device_ = device;
    if (device) {
        store->memory_ = device->allocate("the KV cache", store->bytes_, store->shape_.elem_bytes());
        if (!store->memory_) return nullptr;
        device->clear(store->memory_);
        return store;
    }
    void* at = ::mmap(nullptr, store->bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    store->memory_ = static_cast<std::byte*>(at);
    return store;
}

KvStore::~KvStore() {
    if (device_) {
        device_->free(memory_);
    } else if (memory_) {
        ::munmap(memory_, bytes_);
    }
}

kernels::KvLayer KvStore::layer(int32_t index) const {
    const size_t pool = tile_bytes_ * static_cast<size_t>(shape_.num_blocks);
    kernels::KvLayer out = shape_;
    out.keys = memory_ + static_cast<size_t>(index) * 2 * pool;
    out.values = out.keys + pool;
    return out;
}

void KvStore::copy_block(int32_t from, int32_t to) {
    const size_t a = tile_bytes_ * static_cast<size_t>(from), b = tile_bytes_ * static_cast<size_t>(to);
    for (int32_t i = 0; i < layers_; ++i) {
        const kernels::KvLayer l = layer(i);
        for (std::byte* pool : {l.keys, l.values}) {
            if (device_) {
                device_->copy(pool + b, pool + a, tile_bytes_);
            } else {
                std::memcpy(pool + b, pool + a, tile_bytes_);
            }
        }
    }
}

}  // namespace sluice::kvcache
