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
    std::error_code ignored;
    if (folder.empty() || folder == folder.root_path() || fs::is_directory(folder, ignored)) return;
    make_folders(folder.parent_path());
    ::mkdir(folder.c_str(), 0700);
}

History* make_history() {
    History* made = history_init();
    SLUICE_CHECK(made != nullptr);
    HistEvent event{};
    history(made, &event, H_SETSIZE, HistoryFile::kEntries);
    history(made, &event, H_SETUNIQUE, 1);
    return made;
}

bool write(History* from, const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    std::FILE* file = ::fdopen(descriptor, "w");
    if (!file) {
        ::close(descriptor);
        return false;
    }
    HistEvent event{};
    const bool written = history(from, &event, H_SAVE_FP, file) >= 0;
    return std::fclose(file) == 0 && written;
}

}  // namespace

HistoryFile::HistoryFile(std::string path) : path_(std::move(path)), history_(make_history()) {
    load(history_);
}

HistoryFile::~HistoryFile() {
    history_end(history_);
}

void HistoryFile::load(History* into) const {
    struct stat found {};
    if (path_.empty() || ::stat(path_.c_str(), &found) != 0) return;
    if (!S_ISREG(found.st_mode) || found.st_size > kFileBytes) return;
    HistEvent event{};
    history(into, &event, H_LOAD, path_.c_str());
}

void HistoryFile::add(const std::string& input) {
    if (input.size() > kEntryBytes || input.find('\0') != std::string::npos) return;
    HistEvent event{};
    history(history_, &event, H_ENTER, input.c_str());
    if (!path_.empty()) save(input);
}

// The file as it is now, with what other conversations have added to it, and this input. A new file takes its
// place at once, so that no reader and no crash ever sees half of it.
void HistoryFile::save(const std::string& input) const {
    std::error_code ignored;
    const fs::path folder = fs::path(path_).parent_path();
    if (!fs::is_directory(folder, ignored)) make_folders(folder);
    History* all = make_history();
    load(all);
    HistEvent event{};
    history(all, &event, H_ENTER, input.c_str());
    const std::string fresh = path_ + "." + std::to_string(::getpid());
    if (!write(all, fresh) || std::rename(fresh.c_str(), path_.c_str()) != 0) ::unlink(fresh.c_str());
    history_end(all);
}

}  // namespace sluice::net::repl
