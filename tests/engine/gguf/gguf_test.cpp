// Every way in which a model file can lie about itself is an error that names file and tensor or key, before
// anything of the claimed size is allocated.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "engine/gguf/file.h"
#include "tools/gguf_writer.h"
#include "tools/tiny_model.h"

namespace sluice::gguf {
namespace {

// A file put together number by number, right or wrong.
class Bytes {
  public:
    template <class T>
    Bytes& n(T value) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        data_.append(bytes, sizeof value);
        return *this;
    }
    Bytes& u32(uint32_t v) { return n(v); }
    Bytes& u64(uint64_t v) { return n(v); }
    Bytes& s(const std::string& text) {
        u64(text.size());
        data_ += text;
        return *this;
    }
    Bytes& start(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
        data_ += "GGUF";
        return u32(version).u64(tensors).u64(keys);
    }
    Bytes& text(const std::string& key, const std::string& value) { return s(key).u32(8).s(value); }
    Bytes& number(const std::string& key, uint32_t value) { return s(key).u32(4).u32(value); }
    Bytes& tensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type,
                  uint64_t offset) {
        s(name).u32(static_cast<uint32_t>(dims.size()));
        for (const uint64_t d : dims) u64(d);
        return u32(type).u64(offset);
    }
    Bytes& data(size_t bytes, size_t alignment = 32) {
        data_.resize((data_.size() + alignment - 1) / alignment * alignment + bytes, '\x11');
        return *this;
    }
    const std::string& str() const { return data_; }

  private:
    std::string data_;
};

Result<std::shared_ptr<const File>> parse(const std::string& bytes) {
    return File::from_memory(std::as_bytes(std::span(bytes)), "bad.gguf");
}

// The file is refused and the message names it and says `what`.
void expect_refused(const std::string& bytes, const std::string& what, ErrorKind kind = ErrorKind::bad_file) {
    const auto file = parse(bytes);
    ASSERT_FALSE(file.has_value()) << "accepted; expected: " << what;
    EXPECT_EQ(file.error().kind, kind) << file.error().message;
    EXPECT_NE(file.error().message.find("bad.gguf"), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find(what), std::string::npos) << file.error().message;
}

TEST(Gguf, reads_versions_2_and_3) {
    for (const uint32_t version : {2u, 3u}) {
        const std::string bytes = Bytes()
                                      .start(1, 2, version)
                                      .text("general.name", "x")
                                      .number("answer", 42)
                                      .tensor("w", {4, 2}, 0, 0)
                                      .data(32)
                                      .str();
        const auto file = parse(bytes);
        ASSERT_TRUE(file.has_value()) << file.error().message;
        EXPECT_EQ(*(*file)->string("general.name"), "x");
        EXPECT_EQ(*(*file)->integer("answer"), 42);
        ASSERT_NE((*file)->find("w"), nullptr);
        EXPECT_EQ((*file)->find("w")->shape, (std::vector<int64_t>{2, 4}));
        EXPECT_EQ((*file)->find("w")->data.size(), 32u);
        EXPECT_FALSE((*file)->string("answer").has_value());
        EXPECT_FALSE((*file)->string("absent").has_value());
    }
    expect_refused(Bytes().start(0, 0, 1).str(), "version", ErrorKind::unsupported);
    expect_refused(Bytes().start(0, 0, 4).str(), "version", ErrorKind::unsupported);
    expect_refused("GGML" + std::string(100, '\0'), "not a GGUF file");
    expect_refused("", "not a GGUF file");
}

TEST(Gguf, reads_every_metadata_type) {
    Bytes b;
    b.start(0, 12);
    b.s("u8").u32(0).n<uint8_t>(200);
    b.s("i8").u32(1).n<int8_t>(-5);
    b.s("u16").u32(2).n<uint16_t>(60000);
    b.s("i16").u32(3).n<int16_t>(-6);
    b.s("f32").u32(6).n(1.5f);
    b.s("yes").u32(7).n<uint8_t>(1);
    b.s("u64").u32(10).u64(1ull << 63);
    b.s("i64").u32(11).n<int64_t>(-7);
    b.s("f64").u32(12).n(2.5);
    b.s("texts").u32(9).u32(8).u64(2).s("a").s("");
    b.s("numbers").u32(9).u32(5).u64(2).n<int32_t>(-1).n<int32_t>(9);
    b.s("reals").u32(9).u32(6).u64(1).n(0.25f);
    const auto file = parse(b.str());
    ASSERT_TRUE(file.has_value()) << file.error().message;
    const File& f = **file;
    EXPECT_EQ(*f.integer("u8"), 200);
    EXPECT_EQ(*f.integer("i8"), -5);
    EXPECT_EQ(*f.integer("u16"), 60000);
    EXPECT_EQ(*f.integer("i16"), -6);
    EXPECT_EQ(*f.number("f32"), 1.5);
    EXPECT_EQ(*f.boolean("yes"), true);
    EXPECT_FALSE(f.integer("u64").has_value());  // not in int64's range
    EXPECT_EQ(*f.integer("i64"), -7);
    EXPECT_EQ(*f.number("f64"), 2.5);
    EXPECT_EQ(*f.strings("texts"), (std::vector<std::string>{"a", ""}));
    EXPECT_EQ(*f.integers("numbers"), (std::vector<int64_t>{-1, 9}));
    EXPECT_EQ(f.keys().size(), 12u);
}

TEST(Gguf, G01_G02_sizes_that_overflow) {
    const auto with = [](const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset = 0) {
        return Bytes().start(1, 0).tensor("w", dims, type, offset).data(64).str();
    };
    expect_refused(with({1ull << 32, 1ull << 31}, 0), "w");
    expect_refused(with({1ull << 32, 1ull << 32}, 0), "w");
    expect_refused(with({(1ull << 62) + 1, 4}, 0), "w");
    expect_refused(with({1ull << 62}, 0), "w");
    expect_refused(with({1ull << 63}, 0), "dimension");
    expect_refused(with({256, (1ull << 56)}, 12), "w");
    expect_refused(with({1ull << 40}, 0), "beyond the end");
}

TEST(Gguf, G03_offsets_outside_the_file_and_overlaps) {
    const auto with = [](uint64_t offset) {
        return Bytes().start(1, 0).tensor("w", {8}, 0, offset).data(32).str();
    };
    ASSERT_TRUE(parse(with(0)).has_value());
    expect_refused(with(32), "beyond the end");
    expect_refused(with(~0ull - 31), "w");
    expect_refused(with(4), "not aligned");
    expect_refused(Bytes().start(2, 0).tensor("a", {8}, 0, 0).tensor("b", {8}, 0, 0).data(64).str(),
                   "overlap");
    expect_refused(Bytes().start(1, 0).tensor("w", {8}, 0, 0).data(31).str(), "beyond the end");
}

TEST(Gguf, G04_counts_and_lengths_that_lie) {
    for (const uint64_t count : {1ull << 32, 1ull << 63, ~0ull}) {
        expect_refused(Bytes().start(count, 0).str(), "tensors");
        expect_refused(Bytes().start(0, count).str(), "keys");
        expect_refused(Bytes().start(0, 1).u64(count).str(), "metadata");
        expect_refused(Bytes().start(0, 1).s("k").u32(8).u64(count).str(), "k");
        expect_refused(Bytes().start(0, 1).s("k").u32(9).u32(4).u64(count).str(), "array");
        expect_refused(Bytes().start(0, 1).s("k").u32(9).u32(8).u64(count).str(), "array");
    }
    expect_refused(Bytes().start(0, 1).s("").u32(4).u32(1).str(), "empty");
    expect_refused(Bytes().start(0, 1).s("k").u32(9).u32(9).u64(1).u32(4).u64(1).u32(1).str(),
                   "k");  // nested
    expect_refused(Bytes().start(0, 1).s("k").u32(13).u32(1).str(), "unknown value type");
    expect_refused(Bytes().start(0, 1).s("k").u32(7).n<uint8_t>(2).str(), "boolean");
}

TEST(Gguf, G05_dimensions_and_alignment) {
    for (const uint32_t dims : {0u, 5u, 9u, 1u << 31}) {
        Bytes b;
        b.start(1, 0).s("w").u32(dims);
        for (uint32_t i = 0; i < std::min(dims, 9u); ++i) b.u64(1);
        expect_refused(b.u32(0).u64(0).data(64).str(), "dimensions");
    }
    expect_refused(Bytes().start(1, 0).tensor("w", {4, 0}, 0, 0).data(64).str(), "dimension");
    for (const uint32_t alignment : {0u, 3u, 1u << 31})
        expect_refused(Bytes().start(0, 1).number("general.alignment", alignment).data(64).str(),
                       "general.alignment");
    expect_refused(Bytes().start(0, 1).text("general.alignment", "32").data(64).str(), "general.alignment");
    const auto wide =
        Bytes().start(1, 1).number("general.alignment", 128).tensor("w", {8}, 0, 0).data(32, 128).str();
    ASSERT_TRUE(parse(wide).has_value());
}

TEST(Gguf, G10_types_that_are_not_served) {
    for (const uint32_t type : {2u + 1, 10u, 16u, 39u, 1u << 31, ~0u})
        expect_refused(Bytes().start(1, 0).tensor("blk.0.w", {256}, type, 0).data(4096).str(), "blk.0.w",
                       ErrorKind::unsupported);
    expect_refused(Bytes().start(1, 0).tensor("w", {100}, 12, 0).data(4096).str(), "shape");  // half a block
}

TEST(Gguf, G11_duplicates) {
    expect_refused(Bytes().start(0, 2).number("k", 1).number("k", 2).str(), "k occurs twice");
    expect_refused(Bytes().start(2, 0).tensor("w", {8}, 0, 0).tensor("w", {8}, 0, 32).data(64).str(),
                   "w occurs twice");
    expect_refused(Bytes().start(1, 0).tensor("", {8}, 0, 0).data(64).str(), "no name");
}

TEST(Gguf, truncated_at_every_byte) {
    Bytes b;
    b.start(2, 3).text("general.architecture", "qwen3").number("n", 7);
    b.s("list").u32(9).u32(8).u64(2).s("ab").s("c");
    const std::string whole = b.tensor("a", {8}, 0, 0).tensor("b", {256}, 12, 32).data(32 + 144).str();
    ASSERT_TRUE(parse(whole).has_value());
    for (size_t n = 0; n < whole.size(); ++n) {
        // A copy of just that size, so that reading behind the end is seen by the sanitizers.
        const std::vector<char> part(whole.begin(), whole.begin() + static_cast<long>(n));
        const auto file = File::from_memory(std::as_bytes(std::span(part)), "bad.gguf");
        ASSERT_FALSE(file.has_value()) << "accepted with " << n << " of " << whole.size() << " bytes";
        EXPECT_NE(file.error().message.find("bad.gguf"), std::string::npos);
    }
}

// Random damage is refused or harmless, never a crash; tensors always lie inside the file.
TEST(Gguf, random_damage) {
    std::mt19937 rng(5);
    const auto tiny = tools::TinyModel::make({})->bytes();
    int accepted = 0;
    for (int i = 0; i < 3000; ++i) {
        auto bytes = tiny;
        for (uint32_t n = 1 + rng() % 8; n > 0; --n) bytes[rng() % 24'000] = static_cast<std::byte>(rng());
        const auto file = File::from_memory(bytes, "bad.gguf");
        if (!file) continue;
        ++accepted;
        for (const Tensor& t : (*file)->tensors()) {
            ASSERT_GE(t.data.data(), bytes.data());
            ASSERT_LE(t.data.data() + t.data.size(), bytes.data() + bytes.size());
        }
    }
    EXPECT_GT(accepted, 0);
}

class OnDisk : public testing::Test {
  protected:
    void SetUp() override {
        dir_ = std::filesystem::temp_directory_path() / ("sluice-gguf-" + std::to_string(::getpid()));
        std::filesystem::create_directories(dir_);
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }
    std::string write(const std::string& name, const std::string& bytes) {
        std::ofstream(dir_ / name, std::ios::binary) << bytes;
        return dir_ / name;
    }
    static std::string part(int number, const std::string& tensor, int claimed = 2) {
        Bytes b;
        b.start(1, number == 1 ? 3 : 1);
        if (number == 1) b.text("general.name", "split").number("split.tensors.count", 2);
        return b.number("split.count", static_cast<uint32_t>(claimed))
            .tensor(tensor, {8}, 0, 0)
            .data(32)
            .str();
    }
    std::filesystem::path dir_;
};

TEST_F(OnDisk, any_part_of_a_split_file_opens_all) {
    const std::string first = write("m-00001-of-00002.gguf", part(1, "a")),
                      second = write("m-00002-of-00002.gguf", part(2, "b"));
    for (const std::string& path : {first, second}) {
        const auto file = File::open(path);
        ASSERT_TRUE(file.has_value()) << file.error().message;
        EXPECT_NE((*file)->find("a"), nullptr);
        EXPECT_NE((*file)->find("b"), nullptr);
        EXPECT_EQ(*(*file)->string("general.name"), "split");
    }
}

TEST_F(OnDisk, split_files_that_do_not_match) {
    const std::string first = write("m-00001-of-00002.gguf", part(1, "a"));
    auto file = File::open(first);
    ASSERT_FALSE(file.has_value());
    EXPECT_NE(file.error().message.find("m-00002-of-00002.gguf"), std::string::npos) << file.error().message;
    write("m-00002-of-00002.gguf", part(2, "a"));
    file = File::open(first);
    ASSERT_FALSE(file.has_value());
    EXPECT_NE(file.error().message.find("two parts"), std::string::npos) << file.error().message;
    file = File::open(write("alone.gguf", part(1, "a")));
    ASSERT_FALSE(file.has_value());
    EXPECT_NE(file.error().message.find("2 parts"), std::string::npos) << file.error().message;
}

TEST_F(OnDisk, what_is_no_regular_file) {
    for (const std::string& path : {dir_.string(), std::string("/dev/zero"), (dir_ / "absent.gguf").string(),
                                    write("empty.gguf", "")}) {
        const auto file = File::open(path);
        ASSERT_FALSE(file.has_value()) << path;
        EXPECT_NE(file.error().message.find(path), std::string::npos) << file.error().message;
    }
}

// The mapping lives as long as somebody holds the file, whatever happens to its name.
TEST_F(OnDisk, tensors_outlive_the_path) {
    const std::string path = write("m.gguf", Bytes().start(1, 0).tensor("w", {8}, 0, 0).data(32).str());
    auto file = File::open(path);
    ASSERT_TRUE(file.has_value());
    std::shared_ptr<const File> held = *file;
    const auto data = held->find("w")->data;
    file = Error{};
    std::filesystem::remove(path);
    EXPECT_EQ(std::to_integer<int>(data[31]), 0x11);
    uint64_t last = 0;
    held->read_ahead([&](uint64_t done, uint64_t total) {
        EXPECT_LE(done, total);
        last = done;
    });
    EXPECT_EQ(last, held->size_bytes());
}

}  // namespace
}  // namespace sluice::gguf
