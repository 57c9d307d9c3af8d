// A GGUF file (v2, v3; one part or split into -00001-of-0000N), mapped read-only and checked before use.
// Format: github.com/ggml-org/ggml, docs/gguf.md. Immutable after open; any thread.
// Lifetime: tensors borrow from the mapping. Whoever keeps tensor bytes keeps the shared_ptr<const File>.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/result.h"
#include "kernels/dtype.h"

namespace sluice::gguf {

struct Tensor {
    std::string name;
    kernels::DType type = kernels::DType::f32;
    std::vector<int64_t>
        shape;  // slowest first, as numpy reads it: [rows, cols], [experts, rows, cols]; 1..4 dims
    std::span<const std::byte> data;  // inside the mapping
};

// Strings and arrays are copied out of the mapping. Integers of any width become int64 or uint64.
using Value = std::variant<uint64_t, int64_t, double, bool, std::string, std::vector<std::string>,
                           std::vector<int64_t>, std::vector<double>>;

class File {
  public:
    // path: any part of a split file opens all parts. Errors name the file and the key or tensor.
    static Result<std::shared_ptr<const File>> open(const std::string& path);
    // A whole file in memory that outlives the File (the embedded model).
    static Result<std::shared_ptr<const File>> from_memory(std::span<const std::byte> bytes,
                                                           std::string name);
    virtual ~File() = default;

    virtual const std::string& path() const = 0;
    virtual uint64_t size_bytes() const = 0;  // all parts
    virtual std::span<const Tensor> tensors() const = 0;
    virtual const Tensor* find(std::string_view tensor_name) const = 0;  // null: absent
    virtual const Value* metadata(std::string_view key) const = 0;       // null: absent
    virtual std::vector<std::string_view> keys() const = 0;              // in file order

    // Typed look-ups: absent or of another type is an error that names file and key.
    Result<std::string> string(std::string_view key) const;
    Result<int64_t> integer(std::string_view key) const;  // in int64 range
    Result<double> number(std::string_view key) const;    // integers too
    Result<bool> boolean(std::string_view key) const;
    Result<std::vector<std::string>> strings(std::string_view key) const;
    Result<std::vector<int64_t>> integers(std::string_view key) const;

    // Touches every page of the mapping so that serving does not wait for the disk; reports progress in
    // bytes.
    virtual void read_ahead(const std::function<void(uint64_t done, uint64_t total)>& progress) const = 0;

    // Hints about tensor bytes, from any thread: soon needed; not needed any more (they stay readable).
    virtual void will_need(std::span<const std::byte>) const {}
    virtual void release(std::span<const std::byte>) const {}
};

}  // namespace sluice::gguf
