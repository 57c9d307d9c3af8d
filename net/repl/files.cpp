#include "net/repl/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace sluice::net::repl {
namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

Error io_error(const std::string& path, const std::string& what) {
    return {ErrorKind::io, fmt::format("{} {}", path, what)};
}

std::string cannot(const char* verb) {
    return fmt::format("cannot be {}: {}", verb, std::strerror(errno));
}

// Opens what must be a file: a pipe would keep us waiting.
File open_file(const std::string& path, int flags, const char* mode) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor < 0) return {};
    File file(::fdopen(descriptor, mode));
    if (!file) ::close(descriptor);
    return file;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t most_bytes) {
    const File file = open_file(path, O_RDONLY, "rb");
    if (!file) return io_error(path, cannot("read"));
    struct stat found {};
    if (::fstat(::fileno(file.get()), &found) != 0) return io_error(path, cannot("read"));
    if (!S_ISREG(found.st_mode)) return io_error(path, "is no file");
    std::string text(most_bytes + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get())) return io_error(path, cannot("read"));
    if (text.size() > most_bytes)
        return io_error(path, fmt::format("has more than {} MiB", most_bytes >> 20));
    return text;
}

Result<void> write_file(const std::string& path, std::string_view text, bool replace) {
    struct stat found {};
    const bool exists = ::lstat(path.c_str(), &found) == 0;
    if (exists && !replace) return io_error(path, "is there already; another name leaves it as it is");
    const std::string fresh = path + ".new";
    File file = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, "wb");
    if (!file) return io_error(path, cannot("written"));
    bool well = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    well = std::fclose(file.release()) == 0 && well;
    if (well && std::rename(fresh.c_str(), path.c_str()) == 0) return {};
    const Error error = io_error(path, cannot("written"));
    ::unlink(fresh.c_str());
    return error;
}

}  // namespace sluice::net::repl
