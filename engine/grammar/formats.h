// The string formats of JSON Schema as patterns for add_regex, each of a whole text. What they match every
// validator should take: where standards differ or leave much open (e-mail, URIs, host names), a sane part.
// All is ASCII, and no character needs an escape in JSON. Pure; any thread.
#pragma once
#include <optional>
#include <string_view>

namespace sluice::grammar {

// date-time, date, time, duration, email, hostname, ipv4, ipv6, uuid or uri; nothing for other names.
std::optional<std::string_view> format_pattern(std::string_view name);

}  // namespace sluice::grammar
