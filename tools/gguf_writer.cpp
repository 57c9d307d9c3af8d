#include "tools/gguf_writer.h"

#include <cstring>

namespace sluice::tools {
namespace {

enum : uint32_t { kUint32 = 4, kInt32 = 5, kFloat32 = 6, kBool = 7, kString = 8, kArray = 9 };

template <class T>
void put(std::string& out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);  // GGUF is little-endian, as every machine that we build for
    out.append(bytes, sizeof value);
}
void put_text(std::string& out, std::string_view text) {
    put<uint64_t>(out, text.size());
    out += text;
}

}  // namespace

uint32_t ggml_type(kernels::DType type) {
    switch (type) {
        case kernels::DType::f32:
            return 0;
        case kernels::DType::f16:
            return 1;
        case kernels::DType::q4_0:
            return 2;
        case kernels::DType::q8_0:
            return 8;
        case kernels::DType::q4_k:
            return 12;
        case kernels::DType::q5_k:
            return 13;
        case kernels::DType::q6_k:
            return 14;
        case kernels::DType::bf16:
            return 30;
    }
    return 0;
}

void GgufHead::key(std::string_view name, uint32_t type) {
    put_text(metadata_, name);
    put(metadata_, type);
    ++metadata_count_;
}
void GgufHead::text(std::string_view name, std::string_view value) {
    key(name, kString);
    put_text(metadata_, value);
}
void GgufHead::number(std::string_view name, int64_t value) {
    key(name, kUint32);
    put(metadata_, static_cast<uint32_t>(value));
}
void GgufHead::real(std::string_view name, float value) {
    key(name, kFloat32);
    put(metadata_, value);
}
void GgufHead::flag(std::string_view name, bool value) {
    key(name, kBool);
    put<uint8_t>(metadata_, value ? 1 : 0);
}
void GgufHead::texts(std::string_view name, const std::vector<std::string>& values) {
    key(name, kArray);
    put<uint32_t>(metadata_, kString);
    put<uint64_t>(metadata_, values.size());
    for (const std::string& v : values) put_text(metadata_, v);
}
void GgufHead::numbers(std::string_view name, const std::vector<int32_t>& values) {
    key(name, kArray);
    put<uint32_t>(metadata_, kInt32);
    put<uint64_t>(metadata_, values.size());
    for (const int32_t v : values) put(metadata_, v);
}

void GgufHead::tensor(std::string_view name, const std::vector<int64_t>& shape, kernels::DType type,
                      uint64_t offset) {
    put_text(tensors_, name);
    put(tensors_, static_cast<uint32_t>(shape.size()));
    for (size_t i = shape.size(); i > 0; --i) put(tensors_, static_cast<uint64_t>(shape[i - 1]));
    put(tensors_, ggml_type(type));
    put(tensors_, offset);
    ++tensor_count_;
}

std::string GgufHead::finish(uint64_t alignment) const {
    std::string out = "GGUF";
    put<uint32_t>(out, 3);
    put(out, tensor_count_);
    put(out, metadata_count_);
    out += metadata_ + tensors_;
    out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
    return out;
}

}  // namespace sluice::tools
