#include "net/api_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

namespace sluice::net {
namespace {

constexpr size_t kMaxKey = 512;      // bytes
constexpr size_t kMaxKeys = 10'000;  // each request is compared with all of them
constexpr size_t kMaxFile = 8 << 20;
constexpr std::string_view kBlank = " \t\r";

// The key within a line, empty if there is none.
std::string_view trim(std::string_view text) {
    const size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= kMaxKey &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Error bad_key(const std::string& place, std::string_view flag) {
    return {ErrorKind::invalid_request,
            fmt::format("{}: a key is 1 to {} visible ASCII characters", place, kMaxKey), std::string(flag)};
}

Error bad_file(const std::string& path, std::string_view what) {
    return {ErrorKind::invalid_request, fmt::format("--api-key-file {}: {}", path, what), "--api-key-file"};
}

Result<std::vector<std::string>> read_lines(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxFile + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kMaxFile) return bad_file(path, fmt::format("more than {} bytes", kMaxFile));
    if (!file.eof()) return bad_file(path, "the file cannot be read");
    std::vector<std::string> out;
    int number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view key = trim(std::string_view(text).substr(at, end - at));
        at = end + 1;
        ++number;
        if (key.empty()) continue;
        if (!is_key(key)) return bad_key(fmt::format("{}:{}", path, number), "--api-key-file");
        out.emplace_back(key);
    }
    if (out.size() > kMaxKeys) return bad_file(path, fmt::format("more than {} keys", kMaxKeys));
    if (out.empty()) return bad_file(path, "there is no key in it");  // and not: everyone may ask
    return out;
}

// The time depends on what was given alone.
bool equal(std::string_view given, const std::string& key) {
    volatile unsigned difference = given.size() == key.size() ? 0 : 1;
    for (size_t i = 0; i < given.size(); ++i)
        difference = difference | static_cast<unsigned>(given[i] ^ key[i % key.size()]);
    return difference == 0;
}

// What follows "Bearer", in any case.
std::string_view bearer(std::string_view credentials) {
    constexpr std::string_view kScheme = "bearer ";
    const bool is_bearer =
        credentials.size() > kScheme.size() &&
        std::equal(kScheme.begin(), kScheme.end(), credentials.begin(),
                   [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    return is_bearer ? trim(credentials.substr(kScheme.size())) : std::string_view();
}

}  // namespace

Result<ApiKeys> ApiKeys::read(const std::vector<std::string>& given, const std::string& file) {
    ApiKeys out;
    for (const std::string& key : given) {
        if (!is_key(key)) return bad_key("--api-key", "--api-key");
        out.keys_.push_back(key);
    }
    if (!file.empty()) {
        auto lines = read_lines(file);
        if (!lines) return lines.error();
        out.keys_.insert(out.keys_.end(), lines->begin(), lines->end());
    }
    return out;
}

bool ApiKeys::holds(std::string_view key) const {
    bool found = false;
    for (const std::string& one : keys_) found |= equal(key, one);  // all of them, whichever it is
    return found;
}

bool ApiKeys::admit(const HttpRequest& request) const {
    if (keys_.empty()) return true;
    const bool by_bearer = holds(bearer(request.field("authorization")));
    const bool by_field = holds(trim(request.field("x-api-key")));
    return by_bearer || by_field;
}

}  // namespace sluice::net
