#include "engine/gguf/file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/gguf/header.h"
#include "engine/gguf/mapping.h"

namespace sluice::gguf {
namespace {

constexpr int64_t kMaxParts = 1000;

class MappedFile : public File {
  public:
    explicit MappedFile(std::string path) : path_(std::move(path)) {}

    const std::string& path() const override { return path_; }
    uint64_t size_bytes() const override { return size_; }
    std::span<const Tensor> tensors() const override { return tensors_; }
    const Tensor* find(std::string_view name) const override {
        const auto it = by_name_.find(std::string(name));
        return it == by_name_.end() ? nullptr : &tensors_[it->second];
    }
    const Value* metadata(std::string_view key) const override {
        const auto it =
            std::find_if(metadata_.begin(), metadata_.end(), [&](const auto& e) { return e.first == key; });
        return it == metadata_.end() ? nullptr : &it->second;
    }
    std::vector<std::string_view> keys() const override {
        std::vector<std::string_view> out;
        for (const auto& entry : metadata_) out.push_back(entry.first);
        return out;
    }
    void read_ahead(const std::function<void(uint64_t, uint64_t)>& progress) const override;
    void will_need(std::span<const std::byte> bytes) const override {
        if (!mappings_.empty()) fetch_pages(bytes);
    }
    void release(std::span<const std::byte> bytes) const override {
        if (!mappings_.empty()) drop_pages(bytes);  // a file in memory is its owner's
    }

    // Metadata counts only from the first part.
    Result<void> add_part(std::span<const std::byte> bytes, const std::string& name,
                          std::unique_ptr<Mapping> mapping);

  private:
    std::string path_;
    std::vector<std::unique_ptr<Mapping>> mappings_;
    std::vector<std::span<const std::byte>> parts_;
    uint64_t size_ = 0;
    std::vector<std::pair<std::string, Value>> metadata_;
    std::vector<Tensor> tensors_;
    std::unordered_map<std::string, size_t> by_name_;
};

Result<void> MappedFile::add_part(std::span<const std::byte> bytes, const std::string& name,
                                  std::unique_ptr<Mapping> mapping) {
    auto header = parse_header(bytes, name);
    if (!header) return header.error();
    if (parts_.empty()) metadata_ = std::move(header->metadata);
    for (Tensor& t : header->tensors) {
        if (!by_name_.emplace(t.name, tensors_.size()).second) {
            return Error{ErrorKind::bad_file, name + ": tensor " + t.name + " is in two parts of the model",
                         t.name};
        }
        tensors_.push_back(std::move(t));
    }
    parts_.push_back(bytes);
    size_ += bytes.size();
    if (mapping) mappings_.push_back(std::move(mapping));
    return {};
}

void MappedFile::read_ahead(const std::function<void(uint64_t, uint64_t)>& progress) const {
    constexpr size_t report = 64 << 20;
    uint64_t done = 0;
    for (const auto part : parts_) {
        for (size_t at = 0; at < part.size(); at += report) {
            progress(done + at, size_);
            touch_pages(part.subspan(at, std::min(report, part.size() - at)));
        }
        done += part.size();
    }
    progress(size_, size_);
}

// "name-00002-of-00005.gguf": the number of parts, and how to name part i.
struct SplitName {
    std::string stem;
    int part = 0, parts = 0;
};
std::optional<SplitName> split_name(const std::string& path) {
    constexpr size_t tail = 20;  // -00001-of-00005.gguf
    if (path.size() <= tail) return std::nullopt;
    SplitName s{path.substr(0, path.size() - tail)};
    int used = 0;
    if (std::sscanf(path.c_str() + path.size() - tail, "-%5d-of-%5d.gguf%n", &s.part, &s.parts, &used) != 2)
        return std::nullopt;
    return used == static_cast<int>(tail) ? std::optional(s) : std::nullopt;
}
std::string part_path(const SplitName& s, int part) {
    char tail[32];
    std::snprintf(tail, sizeof tail, "-%05d-of-%05d.gguf", part, s.parts);
    return s.stem + tail;
}

Result<void> add_file(MappedFile& file, const std::string& path) {
    auto mapping = Mapping::open(path);
    if (!mapping) return mapping.error();
    const auto bytes = (*mapping)->bytes();
    return file.add_part(bytes, path, std::move(*mapping));
}

Error wrong_type(const File& file, std::string_view key, const char* wanted) {
    const std::string k(key);
    return {ErrorKind::bad_file,
            file.path() + ": key " + k + (file.metadata(key) ? " is not " : " is missing; it should be ") +
                wanted,
            k};
}

}  // namespace

Result<std::shared_ptr<const File>> File::open(const std::string& path) {
    const auto split = split_name(path);
    auto file = std::make_shared<MappedFile>(path);
    if (auto r = add_file(*file, split ? part_path(*split, 1) : path); !r) return r.error();
    int64_t parts = 1;
    if (file->metadata("split.count")) {
        const auto count = file->integer("split.count");
        if (!count) return count.error();
        parts = *count;
    }
    if (parts > 1 && (!split || split->parts != parts || parts > kMaxParts)) {
        return Error{ErrorKind::bad_file,
                     path + ": is one of " + std::to_string(parts) +
                         " parts, but is not named -0000i-of-0000n.gguf to match",
                     "split.count"};
    }
    for (int i = 2; i <= parts; ++i) {
        if (auto r = add_file(*file, part_path(*split, i)); !r) return r.error();
    }
    if (file->metadata("split.tensors.count")) {
        const auto tensors = file->integer("split.tensors.count");
        if (!tensors) return tensors.error();
        if (*tensors != static_cast<int64_t>(file->tensors().size())) {
            return Error{ErrorKind::bad_file,
                         path + ": the parts hold " + std::to_string(file->tensors().size()) +
                             " tensors, split.tensors.count says " + std::to_string(*tensors),
                         "split.tensors.count"};
        }
    }
    return std::shared_ptr<const File>(std::move(file));
}

Result<std::shared_ptr<const File>> File::from_memory(std::span<const std::byte> bytes, std::string name) {
    auto file = std::make_shared<MappedFile>(name);
    if (auto r = file->add_part(bytes, name, nullptr); !r) return r.error();
    return std::shared_ptr<const File>(std::move(file));
}

Result<std::string> File::string(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* s = v ? std::get_if<std::string>(v) : nullptr) return *s;
    return wrong_type(*this, key, "a string");
}

Result<int64_t> File::integer(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* u = v ? std::get_if<uint64_t>(v) : nullptr; u && *u <= INT64_MAX)
        return static_cast<int64_t>(*u);
    if (const auto* i = v ? std::get_if<int64_t>(v) : nullptr) return *i;
    return wrong_type(*this, key, "an integer");
}

Result<double> File::number(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* d = v ? std::get_if<double>(v) : nullptr; d && std::isfinite(*d)) return *d;
    if (const auto i = integer(key); v && i) return static_cast<double>(*i);
    return wrong_type(*this, key, "a finite number");
}

Result<bool> File::boolean(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* b = v ? std::get_if<bool>(v) : nullptr) return *b;
    return wrong_type(*this, key, "a boolean");
}

Result<std::vector<std::string>> File::strings(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* s = v ? std::get_if<std::vector<std::string>>(v) : nullptr) return *s;
    return wrong_type(*this, key, "an array of strings");
}

Result<std::vector<int64_t>> File::integers(std::string_view key) const {
    const Value* v = metadata(key);
    if (const auto* s = v ? std::get_if<std::vector<int64_t>>(v) : nullptr) return *s;
    return wrong_type(*this, key, "an array of integers");
}

}  // namespace sluice::gguf
