#include "engine/grammar/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::grammar {
namespace {

struct Format {
    std::string_view name;
    std::string pattern;
};

// RFC 3339, full-date, of the years 0001 to 9999: no other year is a date to Python.
std::string date() {
    const std::string year = "(?:000[1-9]|00[1-9]\\d|0[1-9]\\d\\d|[1-9]\\d{3})";
    const std::string fourth = "(?:0[48]|[2468][048]|[13579][26])";  // 04, 08 ... 96
    const std::string leap_year = fmt::format("(?:\\d\\d{0}|{0}00)", fourth);
    const std::string days_31 = "(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])";
    const std::string days_30 = "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)";
    const std::string february = "02-(?:0[1-9]|1\\d|2[0-8])";
    return fmt::format("(?:{}-(?:{}|{}|{})|{}-02-29)", year, days_31, days_30, february, leap_year);
}

// RFC 3339, full-time. No leap seconds, which few parsers take; nanoseconds at most.
std::string time() {
    const std::string hour_minute = "(?:[01]\\d|2[0-3]):[0-5]\\d";
    return fmt::format("{0}:[0-5]\\d(?:\\.\\d{{1,9}})?(?:Z|[+-]{0})", hour_minute);
}

// RFC 3339, appendix A: no gaps between units, no fractions.
std::string duration() {
    const std::string n = "\\d{1,9}";
    const std::string minutes = fmt::format("{0}M(?:{0}S)?", n);
    const std::string times = fmt::format("T(?:{0}H(?:{1})?|{1}|{0}S)", n, minutes);
    const std::string months = fmt::format("{0}M(?:{0}D)?", n);
    const std::string dates = fmt::format("(?:{0}Y(?:{1})?|{1}|{0}D)", n, months);
    return fmt::format("P(?:{}(?:{})?|{}|{}W)", dates, times, times, n);
}

// A part of a host name, of at most n + 1 letters and digits. No two hyphens meet: then it could be an
// encoded Unicode name.
std::string label(int n) {
    return fmt::format("[A-Za-z0-9](?:-?[A-Za-z0-9]){{0,{}}}", n);
}

// At most 63 characters a part, 253 in all.
std::string host_name() {
    return fmt::format("{}(?:\\.{}){{0,6}}", label(31), label(14));
}

std::string email() {
    const std::string atom = "[A-Za-z0-9_%+-]{1,20}";
    return fmt::format("{0}(?:\\.{0}){{0,2}}@(?:{1}\\.){{1,4}}[A-Za-z]{{2,24}}", atom, label(15));
}

std::string ipv4() {
    const std::string byte = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    return fmt::format("{0}(?:\\.{0}){{3}}", byte);
}

// Eight groups, or fewer with one ::, which stands for at least one group.
std::string ipv6() {
    const std::string group = "[0-9A-Fa-f]{1,4}";
    std::string all = fmt::format("(?:{0}:){{7}}{0}|(?:{0}:){{1,7}}:|:(?::{0}){{1,7}}|::", group);
    for (int before = 1; before <= 6; ++before)
        all += fmt::format("|(?:{0}:){{{1}}}(?::{0}){{1,{2}}}", group, before, 7 - before);
    return "(?:" + all + ")";
}

std::string uuid() {
    const std::string hex = "[0-9A-Fa-f]";
    return fmt::format("{0}{{8}}-{0}{{4}}-{0}{{4}}-{0}{{4}}-{0}{{12}}", hex);
}

// RFC 3986 with a scheme: an authority of a host name or IPv4 address, or a path as in mailto: and urn:.
std::string uri() {
    const std::string path = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
    const std::string query = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})";
    const std::string authority = fmt::format("//{}(?::\\d{{1,4}})?(?:/{}*)*", host_name(), path);
    const std::string rootless = fmt::format("{0}+(?:/{0}*)*", path);
    return fmt::format("[A-Za-z][A-Za-z0-9+.-]*:(?:{}|{})(?:\\?{}*)?(?:#{}*)?", authority, rootless, query,
                       query);
}

}  // namespace

std::optional<std::string_view> format_pattern(std::string_view name) {
    static const std::vector<Format> kFormats = {
        {"date-time", date() + "T" + time()},
        {"date", date()},
        {"time", time()},
        {"duration", duration()},
        {"email", email()},
        {"hostname", host_name()},
        {"ipv4", ipv4()},
        {"ipv6", ipv6()},
        {"uuid", uuid()},
        {"uri", uri()},
    };
    const auto found =
        std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return f.name == name; });
    if (found == kFormats.end()) return std::nullopt;
    return found->pattern;
}

}  // namespace sluice::grammar
