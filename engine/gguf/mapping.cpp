#include "engine/gguf/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::gguf {
namespace {

Error io_error(const std::string& path, const std::string& what) {
    return {ErrorKind::io, path + ": " + what, "--model"};
}

constexpr size_t kPage = 4096;

// Whole pages: those that `bytes` touches, or only those inside of it.
void advise(std::span<const std::byte> bytes, int advice, bool inside) {
    const auto begin = reinterpret_cast<uintptr_t>(bytes.data()), end = begin + bytes.size();
    const uintptr_t first = inside ? (begin + kPage - 1) / kPage * kPage : begin / kPage * kPage;
    const uintptr_t last = inside ? end / kPage * kPage : end;
    if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, advice);
}

}  // namespace

Result<std::unique_ptr<Mapping>> Mapping::open(const std::string& path) {
    // O_NONBLOCK: a FIFO must not make us wait for its writer.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return io_error(path, std::strerror(errno));
    struct stat st {};
    Result<std::unique_ptr<Mapping>> out = io_error(path, "not a regular file");
    if (::fstat(fd, &st) != 0) {
        out = io_error(path, std::strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        out = io_error(path, "is a directory");
    } else if (S_ISREG(st.st_mode) && st.st_size == 0) {
        out = Error{ErrorKind::bad_file, path + ": the file is empty", "--model"};
    } else if (S_ISREG(st.st_mode)) {
        const auto size = static_cast<size_t>(st.st_size);
        void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED) {
            out = io_error(path, std::string("cannot be mapped: ") + std::strerror(errno));
        } else {
            out = std::unique_ptr<Mapping>(new Mapping({static_cast<const std::byte*>(at), size}));
        }
    }
    ::close(fd);
    return out;
}

Mapping::~Mapping() {
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void fetch_pages(std::span<const std::byte> bytes) {
    advise(bytes, MADV_WILLNEED, false);
}

void drop_pages(std::span<const std::byte> bytes) {
    advise(bytes, MADV_DONTNEED, true);
}

// One byte of each page.
void touch_pages(std::span<const std::byte> bytes) {
    unsigned sum = 0;
    for (size_t at = 0; at < bytes.size(); at += kPage)
        sum += std::to_integer<unsigned>(*const_cast<const volatile std::byte*>(&bytes[at]));
    static_cast<void>(sum);
}

}  // namespace sluice::gguf
