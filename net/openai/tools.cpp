#include "net/openai/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "net/openai/call.h"

namespace sluice::net::openai {
namespace {

namespace json = boost::json;

constexpr size_t kMaxToolName = 128;

bool is_tool_name(const json::value* name) {
    if (!name || !name->is_string()) return false;
    const std::string_view text = name->get_string();
    return !text.empty() && text.size() <= kMaxToolName && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '-' || c == '.';
    });
}

Result<void> check_tool(const json::value& tool, const std::string& at, std::set<std::string>& names) {
    const json::object* object = tool.if_object();
    const json::value* type = object ? present(*object, "type") : nullptr;
    if (!type || *type != "function") return bad_field(at + ".type", "must be \"function\"");
    const json::value* function = present(*object, "function");
    if (!function || !function->is_object()) return bad_field(at + ".function", "must be an object");
    const json::object& f = function->get_object();
    const json::value* name = present(f, "name");
    if (!is_tool_name(name)) {
        return bad_field(at + ".function.name",
                         fmt::format("must be 1 to {} letters, digits, '_', '-' or '.'", kMaxToolName));
    }
    if (!names.insert(std::string(name->get_string())).second)
        return bad_field(at + ".function.name", "is the name of an earlier tool");
    const json::value* description = present(f, "description");
    if (description && !description->is_string())
        return bad_field(at + ".function.description", "must be a string");
    const json::value* parameters = present(f, "parameters");
    if (parameters && !parameters->is_object())
        return bad_field(at + ".function.parameters", "must be an object");
    const json::value* strict = present(f, "strict");
    if (strict && !strict->is_bool()) return bad_field(at + ".function.strict", "must be true or false");
    return {};
}

std::string_view name_of(const json::value& tool) {
    return tool.at("function").at("name").as_string();
}

Result<json::array> read_list(const json::object& body, const Limits& limits) {
    const json::value* tools = present(body, "tools");
    if (!tools) return json::array();
    if (!tools->is_array() || tools->get_array().size() > limits.tools)
        return bad_field("tools", fmt::format("must be a list of at most {} tools", limits.tools));
    std::set<std::string> names;
    for (size_t i = 0; i < tools->get_array().size(); ++i) {
        const auto ok = check_tool(tools->get_array()[i], fmt::format("tools[{}]", i), names);
        if (!ok) return ok.error();
    }
    return tools->get_array();
}

// {"type": "function", "function": {"name"}}, of the request's tools.
Result<std::string> read_named(const json::value& value, const json::array& tools) {
    const json::object* object = value.if_object();
    const json::value* type = object ? present(*object, "type") : nullptr;
    const json::value* function = object ? present(*object, "function") : nullptr;
    const json::value* name =
        function && function->is_object() ? present(function->get_object(), "name") : nullptr;
    if (!type || *type != "function" || !name || !name->is_string())
        return bad_field("tool_choice", "must name functions as {type: \"function\", function: {name}}");
    const std::string_view wanted = name->get_string();
    if (std::ranges::none_of(tools, [&](const json::value& tool) { return name_of(tool) == wanted; }))
        return bad_field("tool_choice", fmt::format("names `{}`, which is not among `tools`", wanted));
    return std::string(wanted);
}

Result<ToolMode> read_mode(const json::value* value) {
    if (!value || *value == "auto") return ToolMode::automatic;
    if (*value == "required") return ToolMode::required;
    if (*value == "none") return ToolMode::none;
    return bad_field("tool_choice",
                     "must be \"none\", \"auto\", \"required\", a function, or `allowed_tools`");
}

Result<void> read_allowed(const json::object& choice, Offered& out) {
    const json::value* inner = present(choice, "allowed_tools");
    const json::object* allowed = inner ? inner->if_object() : nullptr;
    const json::value* list = allowed ? present(*allowed, "tools") : nullptr;
    if (!list || !list->is_array() || list->get_array().empty())
        return bad_field("tool_choice", "must have a list `allowed_tools.tools`");
    const auto mode = read_mode(present(*allowed, "mode"));
    if (!mode) return mode.error();
    if (*mode == ToolMode::none) return bad_field("tool_choice", "has a `mode` other than auto and required");
    out.mode = *mode;
    for (const json::value& value : list->get_array()) {
        auto name = read_named(value, out.tools);
        if (!name) return name.error();
        out.allowed.push_back(std::move(*name));
    }
    return {};
}

Result<void> read_choice(const json::object& body, Offered& out) {
    const json::value* choice = present(body, "tool_choice");
    if (choice && choice->is_object()) {
        const json::value* type = present(choice->get_object(), "type");
        if (type && *type == "allowed_tools") return read_allowed(choice->get_object(), out);
        auto name = read_named(*choice, out.tools);
        if (!name) return name.error();
        out.mode = ToolMode::required;
        out.allowed.push_back(std::move(*name));
        return {};
    }
    const auto mode = read_mode(choice);
    if (!mode) return mode.error();
    out.mode = *mode;
    if (out.mode == ToolMode::required && out.tools.empty())
        return bad_field("tool_choice", "is \"required\", but there are no `tools`");
    return {};
}

}  // namespace

Result<Offered> read_offered(const json::object& body, const Values& values, const Limits& limits) {
    Offered out;
    auto tools = read_list(body, limits);
    if (!tools) return tools.error();
    out.tools = std::move(*tools);
    out.parallel = values.parallel_tool_calls.value_or(true);
    if (auto ok = read_choice(body, out); !ok) return ok.error();
    if (out.tools.empty() || out.mode == ToolMode::none) return Offered{};
    return out;
}

bool Offered::is_allowed(std::string_view name) const {
    return allowed.empty() || std::ranges::find(allowed, name) != allowed.end();
}

}  // namespace sluice::net::openai
