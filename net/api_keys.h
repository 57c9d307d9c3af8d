// The keys that clients may have to bring. Read once at start, then constant; any thread. No error, log line
// or answer holds a key or a part of one.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "net/http.h"

namespace sluice::net {

class ApiKeys {
  public:
    ApiKeys() = default;  // none: everyone may ask

    // `given` and the lines of `file` (empty: no file); invalid_request naming flag and line. A key is 1 to
    // 512 visible ASCII characters; empty lines are passed over.
    static Result<ApiKeys> read(const std::vector<std::string>& given, const std::string& file);

    bool required() const { return !keys_.empty(); }
    // Whether the request has one of the keys, in `Authorization: Bearer KEY` or `x-api-key: KEY`; true if
    // none is required. Takes as long for a nearly right key as for a wrong one.
    bool admit(const HttpRequest& request) const;

  private:
    bool holds(std::string_view key) const;

    std::vector<std::string> keys_;
};

}  // namespace sluice::net
