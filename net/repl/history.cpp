#include "net/repl/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "kernels/check.h"

namespace sluice::net::repl {
namespace {

namespace fs = std::filesystem;

constexpr off_t kFileBytes = 64 << 20;  // what is larger was not written here

// The folders above a file, for the owner alone where they have to be made.
void make_folders(const fs::path& folder) {
    if (folder.empty() || fs::is_directory(folder)) return;
    make_folders(folder.parent_path());
    ::mkdir(folder.c_str(), 0700);
}

}  // namespace

HistoryFile::HistoryFile(std::string path) : path_(std::move(path)), history_(history_init()) {
    SLUICE_CHECK(history_ != nullptr);
    history(history_, &event_, H_SETSIZE, kEntries);
    history(history_, &event_, H_SETUNIQUE, 1);
    load();
}

HistoryFile::~HistoryFile() {
    history_end(history_);
}

void HistoryFile::load() {
    struct stat found {};
    if (path_.empty() || ::stat(path_.c_str(), &found) != 0) return;
    if (!S_ISREG(found.st_mode) || found.st_size > kFileBytes) return;
    history(history_, &event_, H_LOAD, path_.c_str());
}

void HistoryFile::add(const std::string& input) {
    if (input.size() > kEntryBytes || input.find('\0') != std::string::npos) return;
    history(history_, &event_, H_ENTER, input.c_str());
    save();
}

// A new file takes the old one's place at once, so that no reader and no crash ever sees half of it.
void HistoryFile::save() const {
    if (path_.empty()) return;
    std::error_code ignored;
    const fs::path path(path_);
    if (!fs::is_directory(path.parent_path(), ignored)) make_folders(path.parent_path());
    const std::string fresh = path_ + "." + std::to_string(::getpid());
    const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return;
    std::FILE* file = ::fdopen(descriptor, "w");
    if (!file) {
        ::close(descriptor);
    } else {
        const bool written = history(history_, &event_, H_SAVE_FP, file) >= 0;
        if (std::fclose(file) == 0 && written && std::rename(fresh.c_str(), path_.c_str()) == 0) return;
    }
    ::unlink(fresh.c_str());
}

}  // namespace sluice::net::repl
