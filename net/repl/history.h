// The inputs of earlier conversations, in a file that only its owner may read. Nothing here ever fails for
// the caller: without a file there is only this conversation's history.
#pragma once
#include <histedit.h>

#include <cstddef>
#include <string>

namespace sluice::net::repl {

class HistoryFile {
  public:
    static constexpr int kEntries = 1000;            // the oldest go
    static constexpr size_t kEntryBytes = 16 << 10;  // longer inputs are not kept

    explicit HistoryFile(std::string path);  // empty: no file
    ~HistoryFile();
    HistoryFile(const HistoryFile&) = delete;
    HistoryFile& operator=(const HistoryFile&) = delete;

    History* get() const { return history_; }
    void add(const std::string& input);

  private:
    void load(History* into) const;
    void save(const std::string& input) const;

    const std::string path_;
    History* const history_;
};

}  // namespace sluice::net::repl
