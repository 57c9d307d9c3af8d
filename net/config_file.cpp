#include "net/config_file.h"

#include <fmt/format.h>

#include <fstream>
#include <optional>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace sluice::net {
namespace {

Error bad(std::string message) {
    return {ErrorKind::invalid_request, std::move(message), "--config"};
}

// What a flag can take: tables, lists and dates are none.
std::optional<std::string> as_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    if (const auto* integer = node.as_integer()) return fmt::format("{}", integer->get());
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
    return std::nullopt;
}

}  // namespace

Result<std::vector<Setting>> read_config_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file || file.peek() == std::ifstream::traits_type::eof()) {
        if (file.bad() || !file.eof()) return bad(fmt::format("cannot read the file {}", path));
        return std::vector<Setting>{};
    }
    const toml::parse_result parsed = toml::parse(file, path);
    if (!parsed) {
        return bad(
            fmt::format("{}:{}: {}", path, parsed.error().source().begin.line, parsed.error().description()));
    }
    std::vector<Setting> out;
    for (const auto& [key, node] : parsed.table()) {
        const std::string place = fmt::format("{}:{}", path, node.source().begin.line);
        auto value = as_text(node);
        if (!value) {
            return bad(fmt::format("{}: `{}` must be a text, a number, true or false", place,
                                   std::string_view(key.str())));
        }
        out.push_back({std::string(key.str()), std::move(*value), place});
    }
    return out;
}

}  // namespace sluice::net
