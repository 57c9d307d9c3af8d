#include "engine/model/architecture.h"

#include <array>
#include <cctype>
#include <utility>

namespace sluice::model {
namespace {

constexpr std::array kArchitectures = std::to_array<Architecture>({
    {"qwen3moe", true, true, false},
    {"qwen3", false, true, false},
    {"qwen2", false, false, false},
    {"llama", false, false, true},
});

// Hugging Face class names; spelling variants need no table because case and separators do not count.
constexpr std::array kClassNames = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"qwen3moeforcausallm", "qwen3moe"},
    {"qwen3forcausallm", "qwen3"},
    {"qwen2forcausallm", "qwen2"},
    {"llamaforcausallm", "llama"},
});

std::string folded(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c != '_' && c != '-' && c != ' ' && c != '.')
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

const Architecture* look_up(std::string_view name) {
    const std::string key = folded(name);
    for (const auto& [class_name, canonical] : kClassNames) {
        if (key == class_name) return look_up(canonical);
    }
    for (const Architecture& a : kArchitectures) {
        if (key == a.name) return &a;
    }
    return nullptr;
}

}  // namespace

std::span<const Architecture> supported_architectures() {
    return kArchitectures;
}

Result<Architecture> find_architecture(std::string_view name) {
    if (const Architecture* a = look_up(name)) return *a;
    std::string known;
    for (const Architecture& a : kArchitectures) known += (known.empty() ? "" : ", ") + std::string(a.name);
    return Error{ErrorKind::unsupported_architecture,
                 "architecture '" + std::string(name) + "' is not supported; supported are " + known,
                 "general.architecture"};
}

bool is_moe_architecture(std::string_view name) {
    const Architecture* a = look_up(name);
    return a && a->moe;
}

}  // namespace sluice::model
