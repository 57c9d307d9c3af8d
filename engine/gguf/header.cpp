#include "engine/gguf/header.h"

#include <algorithm>
#include <array>
#include <set>

#include "engine/gguf/reader.h"

namespace sluice::gguf {
namespace {

using kernels::DType;

constexpr uint64_t kMaxKeys = 65536, kMaxTensors = 65536;
constexpr uint64_t kMaxKeyBytes = 64 << 10, kMaxStringBytes = 256 << 20;
constexpr uint64_t kDefaultAlignment = 32, kMaxAlignment = 1 << 20;
constexpr uint32_t kMaxDims = 4;

enum ValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

struct TypeName {
    uint32_t id;
    std::string_view name;
};
// What GGUF files carry in practice and we do not compute, so that the error can say its name.
constexpr std::array kOtherTypes = std::to_array<TypeName>(
    {{3, "Q4_1"},   {6, "Q5_0"},     {7, "Q5_1"},    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},
     {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"},
     {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"}, {24, "I8"},      {25, "I16"},   {26, "I32"},
     {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},  {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"}});

std::optional<DType> dtype_of(uint32_t id) {
    switch (id) {
        case 0:
            return DType::f32;
        case 1:
            return DType::f16;
        case 2:
            return DType::q4_0;
        case 8:
            return DType::q8_0;
        case 12:
            return DType::q4_k;
        case 13:
            return DType::q5_k;
        case 14:
            return DType::q6_k;
        case 30:
            return DType::bf16;
        default:
            return std::nullopt;
    }
}

std::string type_text(uint32_t id) {
    for (const TypeName& t : kOtherTypes) {
        if (t.id == id) return std::string(t.name);
    }
    return "number " + std::to_string(id);
}

class Parser {
  public:
    Parser(std::span<const std::byte> bytes, const std::string& name)
        : bytes_(bytes), in_(bytes), name_(name) {}
    Result<Header> parse();

  private:
    Error bad(const std::string& what, const std::string& param = {}) const {
        return {ErrorKind::bad_file, name_ + ": " + what, param};
    }
    Error truncated(const std::string& where) const { return bad("the file ends inside " + where); }

    Result<void> metadata(uint64_t count);
    Result<Value> value(uint32_t type, const std::string& key);
    Result<Value> array_value(const std::string& key);
    Result<void> tensor_table(uint64_t count);
    Result<Tensor> tensor_entry(uint64_t& offset);
    Result<void> place_tensors();

    template <class T, class Out>
    Result<Value> scalar(const std::string& key);
    template <class T, class Out>
    Result<Value> numbers(uint64_t count, const std::string& key);

    std::span<const std::byte> bytes_;
    Reader in_;
    const std::string& name_;
    Header out_;
    std::vector<uint64_t> offsets_;  // of tensors_, relative to the data section
    uint64_t alignment_ = kDefaultAlignment;
};

template <class T, class Out>
Result<Value> Parser::scalar(const std::string& key) {
    const auto v = in_.number<T>();
    if (!v) return truncated("the value of key " + key);
    return Value(static_cast<Out>(*v));
}

template <class T, class Out>
Result<Value> Parser::numbers(uint64_t count, const std::string& key) {
    const auto size = checked_mul(count, sizeof(T));
    if (!size || *size > in_.left()) return bad("key " + key + " has an array longer than the file", key);
    std::vector<Out> values;
    values.reserve(count);
    for (uint64_t i = 0; i < count; ++i) values.push_back(static_cast<Out>(*in_.number<T>()));
    return Value(std::move(values));
}

Result<Value> Parser::array_value(const std::string& key) {
    const auto type = in_.number<uint32_t>();
    const auto count = in_.number<uint64_t>();
    if (!type || !count) return truncated("the array of key " + key);
    switch (*type) {
        case u8:
            return numbers<uint8_t, int64_t>(*count, key);
        case i8:
            return numbers<int8_t, int64_t>(*count, key);
        case u16:
            return numbers<uint16_t, int64_t>(*count, key);
        case i16:
            return numbers<int16_t, int64_t>(*count, key);
        case u32:
            return numbers<uint32_t, int64_t>(*count, key);
        case i32:
            return numbers<int32_t, int64_t>(*count, key);
        case u64:
            return numbers<uint64_t, int64_t>(*count, key);
        case i64:
            return numbers<int64_t, int64_t>(*count, key);
        case boolean:
            return numbers<uint8_t, int64_t>(*count, key);
        case f32:
            return numbers<float, double>(*count, key);
        case f64:
            return numbers<double, double>(*count, key);
        case string:
            break;
        default:
            return bad("key " + key + " has an array of unknown element type " + std::to_string(*type), key);
    }
    // A string takes at least its length field: this bounds the reservation by the file's size.
    const auto least = checked_mul(*count, sizeof(uint64_t));
    if (!least || *least > in_.left()) return bad("key " + key + " has an array longer than the file", key);
    std::vector<std::string> strings;
    strings.reserve(*count);
    for (uint64_t i = 0; i < *count; ++i) {
        auto s = in_.string(kMaxStringBytes);
        if (!s) return truncated("the array of key " + key);
        strings.push_back(std::move(*s));
    }
    return Value(std::move(strings));
}

Result<Value> Parser::value(uint32_t type, const std::string& key) {
    switch (type) {
        case u8:
            return scalar<uint8_t, uint64_t>(key);
        case i8:
            return scalar<int8_t, int64_t>(key);
        case u16:
            return scalar<uint16_t, uint64_t>(key);
        case i16:
            return scalar<int16_t, int64_t>(key);
        case u32:
            return scalar<uint32_t, uint64_t>(key);
        case i32:
            return scalar<int32_t, int64_t>(key);
        case u64:
            return scalar<uint64_t, uint64_t>(key);
        case i64:
            return scalar<int64_t, int64_t>(key);
        case f32:
            return scalar<float, double>(key);
        case f64:
            return scalar<double, double>(key);
        case boolean: {
            const auto v = in_.number<uint8_t>();
            if (!v) return truncated("the value of key " + key);
            if (*v > 1) return bad("key " + key + " is a boolean of value " + std::to_string(*v), key);
            return Value(*v == 1);
        }
        case string: {
            auto s = in_.string(kMaxStringBytes);
            if (!s) return truncated("the string of key " + key);
            return Value(std::move(*s));
        }
        case array:
            return array_value(key);
        default:
            return bad("key " + key + " has unknown value type " + std::to_string(type), key);
    }
}

Result<void> Parser::metadata(uint64_t count) {
    std::set<std::string> seen;
    for (uint64_t i = 0; i < count; ++i) {
        auto key = in_.string(kMaxKeyBytes);
        if (!key) return truncated("metadata key " + std::to_string(i));
        if (key->empty()) return bad("metadata key " + std::to_string(i) + " is empty");
        if (!seen.insert(*key).second) return bad("key " + *key + " occurs twice", *key);
        const auto type = in_.number<uint32_t>();
        if (!type) return truncated("key " + *key);
        auto v = value(*type, *key);
        if (!v) return v.error();
        out_.metadata.emplace_back(std::move(*key), std::move(*v));
    }
    for (const auto& [key, v] : out_.metadata) {
        if (key != "general.alignment") continue;
        const auto* a = std::get_if<uint64_t>(&v);
        if (!a || !std::has_single_bit(*a) || *a > kMaxAlignment) {
            return bad("general.alignment must be a power of two up to " + std::to_string(kMaxAlignment),
                       key);
        }
        alignment_ = *a;
    }
    return {};
}

Result<Tensor> Parser::tensor_entry(uint64_t& offset) {
    Tensor t;
    auto name = in_.string(kMaxKeyBytes);
    const auto dims = in_.number<uint32_t>();
    if (!name || !dims) return truncated("the tensor table");
    t.name = std::move(*name);
    const std::string who = "tensor " + t.name;
    if (t.name.empty()) return bad("a tensor has no name");
    if (*dims < 1 || *dims > kMaxDims)
        return bad(who + " has " + std::to_string(*dims) + " dimensions", t.name);
    for (uint32_t d = 0; d < *dims; ++d) {
        const auto n = in_.number<uint64_t>();
        if (!n) return truncated(who);
        if (*n < 1 || *n > INT64_MAX)
            return bad(who + " has a dimension of size " + std::to_string(*n), t.name);
        t.shape.insert(t.shape.begin(), static_cast<int64_t>(*n));  // the file has the fastest first
    }
    const auto type = in_.number<uint32_t>();
    const auto at = in_.number<uint64_t>();
    if (!type || !at) return truncated(who);
    const auto dtype = dtype_of(*type);
    if (!dtype) {
        return Error{
            ErrorKind::unsupported,
            name_ + ": " + who + " has type " + type_text(*type) +
                ", which is not supported; supported are F32, F16, BF16, Q4_0, Q8_0, Q4_K, Q5_K, Q6_K",
            t.name};
    }
    t.type = *dtype;
    offset = *at;
    return t;
}

Result<void> Parser::tensor_table(uint64_t count) {
    std::set<std::string> seen;
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t offset = 0;
        auto t = tensor_entry(offset);
        if (!t) return t.error();
        if (!seen.insert(t->name).second) return bad("tensor " + t->name + " occurs twice", t->name);
        out_.tensors.push_back(std::move(*t));
        offsets_.push_back(offset);
    }
    return {};
}

// Bytes of a tensor; nullopt on overflow or when a row is not whole blocks.
std::optional<uint64_t> tensor_bytes(const Tensor& t) {
    const auto info = kernels::dtype_info(t.type);
    if (static_cast<uint64_t>(t.shape.back()) % info.block_elems != 0) return std::nullopt;
    std::optional<uint64_t> elements = 1;
    for (const int64_t n : t.shape) {
        elements = checked_mul(*elements, static_cast<uint64_t>(n));
        if (!elements) return std::nullopt;
    }
    return checked_mul(*elements / info.block_elems, info.block_bytes);
}

Result<void> Parser::place_tensors() {
    const auto padded = checked_add(in_.position(), alignment_ - 1);
    const uint64_t data_begin = *padded / alignment_ * alignment_;
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    for (size_t i = 0; i < out_.tensors.size(); ++i) {
        Tensor& t = out_.tensors[i];
        const std::string who = "tensor " + t.name;
        const auto size = tensor_bytes(t);
        if (!size) return bad(who + " has a shape that its type cannot hold", t.name);
        if (offsets_[i] % alignment_ != 0) return bad(who + " is not aligned", t.name);
        const auto begin = checked_add(data_begin, offsets_[i]);
        const auto end = begin ? checked_add(*begin, *size) : std::nullopt;
        if (!end || *end > bytes_.size()) return bad(who + " lies beyond the end of the file", t.name);
        t.data = bytes_.subspan(*begin, *size);
        ranges.emplace_back(*begin, *end);
    }
    std::sort(ranges.begin(), ranges.end());
    for (size_t i = 1; i < ranges.size(); ++i) {
        if (ranges[i].first < ranges[i - 1].second) return bad("two tensors overlap");
    }
    return {};
}

Result<Header> Parser::parse() {
    const auto magic = in_.number<uint32_t>();
    const auto version = in_.number<uint32_t>();
    if (!magic || *magic != 0x46554747) return bad("not a GGUF file");
    if (!version) return truncated("the header");
    if (*version != 2 && *version != 3) {
        return Error{ErrorKind::unsupported,
                     name_ + ": GGUF version " + std::to_string(*version) + "; 2 and 3 are supported",
                     {}};
    }
    const auto tensors = in_.number<uint64_t>();
    const auto keys = in_.number<uint64_t>();
    if (!tensors || !keys) return truncated("the header");
    if (*tensors > kMaxTensors) return bad("claims " + std::to_string(*tensors) + " tensors");
    if (*keys > kMaxKeys) return bad("claims " + std::to_string(*keys) + " metadata keys");
    if (auto r = metadata(*keys); !r) return r.error();
    if (auto r = tensor_table(*tensors); !r) return r.error();
    if (auto r = place_tensors(); !r) return r.error();
    return std::move(out_);
}

}  // namespace

Result<Header> parse_header(std::span<const std::byte> bytes, const std::string& name) {
    return Parser(bytes, name).parse();
}

}  // namespace sluice::gguf
