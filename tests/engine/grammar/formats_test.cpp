// String formats: what each takes and refuses. What they take was also tried against PyPI's jsonschema (all
// formats) and email-validator.
#include "engine/grammar/formats.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/grammar/regex.h"
#include "tests/engine/grammar/matching.h"

namespace sluice::grammar {
namespace {

std::shared_ptr<const Automaton> compile(std::string_view format, Writing writing) {
    Builder builder;
    const auto pattern = format_pattern(format);
    if (!pattern) return nullptr;
    const auto node = add_regex(builder, *pattern, {.whole = true, .writing = writing});
    if (!node) return nullptr;
    const auto grammar = builder.finish(*node);
    return grammar ? *grammar : nullptr;
}

void expect_format(std::string_view format, const std::vector<std::string>& good,
                   const std::vector<std::string>& bad) {
    for (const Writing writing : {Writing::raw, Writing::json_string}) {
        const auto grammar = compile(format, writing);
        ASSERT_TRUE(grammar) << format;
        EXPECT_LT(grammar->states(), 5'000) << format;
        for (const auto& text : good) EXPECT_TRUE(matches(grammar, text)) << format << " " << text;
        for (const auto& text : bad) EXPECT_FALSE(matches(grammar, text)) << format << " " << text;
    }
}

TEST(Formats, Dates) {
    expect_format(
        "date", {"2024-02-29", "2000-02-29", "0004-02-29", "1999-12-31", "2023-04-30", "0001-01-01"},
        {"2023-02-29", "1900-02-29", "2100-02-29", "0000-02-29", "0000-01-01", "2023-02-30", "2023-04-31",
         "2023-13-01", "2023-00-01", "2023-01-00", "2023-01-32", "2023-1-1", "20230101", "12023-01-01"});
}

// Every day that is written as one, of years around each rule about leap years.
TEST(Formats, DaysOfTheCalendar) {
    const auto grammar = compile("date", Writing::raw);
    ASSERT_TRUE(grammar);
    const auto two = [](int n) {
        return std::string{static_cast<char>('0' + n / 10), static_cast<char>('0' + n % 10)};
    };
    for (const int year :
         {0, 1, 3, 4, 96, 100, 400, 1600, 1700, 1900, 1996, 2000, 2019, 2020, 2022, 2100, 2400, 9999}) {
        const bool leaps = year > 0 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        const int days[] = {31, leaps ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        for (int month = 0; month < 20; ++month) {
            for (int day = 0; day < 40; ++day) {
                const bool is_date =
                    year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
                const std::string text =
                    two(year / 100) + two(year % 100) + "-" + two(month) + "-" + two(day);
                ASSERT_EQ(matches(grammar, text), is_date) << text;
            }
        }
    }
}

TEST(Formats, Times) {
    expect_format("time", {"00:00:00Z", "23:59:59+23:59", "12:30:01.5-08:00", "12:30:01.123456789Z"},
                  {"24:00:00Z", "12:60:00Z", "12:00:60Z", "12:00:00", "12:00Z", "12:00:00.Z",
                   "12:00:00+24:00", "12:00:00z", "12:00:00.1234567890Z", "12:00:00+0100"});
    expect_format("date-time",
                  {"2024-02-29T12:00:00Z", "1985-04-12T23:20:50.52Z", "1996-12-19T16:39:57-08:00"},
                  {"2023-02-29T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29T12:00:00", "2024-02-29",
                   "2024-02-29t12:00:00Z", "2024-02-29T25:00:00Z"});
    expect_format(
        "duration",
        {"P1Y", "P1Y2M3D", "P2M3D", "P4DT12H30M5S", "PT0S", "PT36H", "P1W", "P1YT1S", "P123456789D"},
        {"P", "PT", "P1", "1Y", "P1S", "PT1Y", "P1W1D", "P1DT", "P1D1Y", "P1.5D", "P1YT", "-P1D", "PT1H5S",
         "P1Y1D", "P1234567890D"});
}

TEST(Formats, Names) {
    expect_format(
        "email", {"a@b.co", "first.last+tag@mail.example.com", "x_y%z-1@a-b.example.museum"},
        {"a", "@b.co", "a@", "a@b", "a@b.c", ".a@b.co", "a.@b.co", "a..b@c.de", "a@-b.co", "a@b-.co",
         "a@b..co", "a@b.c1", "a b@c.de", "\"a\"@b.co", "a@b.co\n", "\u00e9@b.co", "a@xn--a.co"});
    std::string part_63 = "a", part_29 = "c";  // the longest have hyphens
    for (int i = 0; i < 31; ++i) part_63 += "-b";
    for (int i = 0; i < 14; ++i) part_29 += "-d";
    std::string longest = part_63;
    for (int i = 0; i < 6; ++i) longest += "." + part_29;
    expect_format("hostname",
                  {"localhost", "example.com", "a-b.c-d.example", "EXAMPLE.com", "3com.com", longest},
                  {"", "-a", "a-", "a..b", ".a", "a.", "a_b", "a b", "xn--a", part_63 + "b", part_63 + "-b",
                   longest + ".d"});
    expect_format(
        "uri",
        {"http://example.com", "https://a.example:8080/b/c%20d?e=f&g=/h#i", "ftp://127.0.0.1/",
         "mailto:a@b.co", "urn:isbn:0451450523", "https://example.com/~a/(b)?", "tel:+1-816-555-1212"},
        {"", "example.com", "/a", "http:", "http://", "http://a b", "http://a/\"", "http://a/\\", "1a:b",
         "http://a/%2", "http://a/%zz", "http://a/b#c#d", "http://a/<b>", "http://a/\u00e9", "http://a/[b]"});
}

TEST(Formats, Addresses) {
    expect_format("ipv4", {"0.0.0.0", "255.255.255.255", "192.168.1.10", "1.22.199.249"},
                  {"256.1.1.1", "1.1.1", "1.1.1.1.1", "01.1.1.1", "1.1.1.1/8", "1..1.1", ""});
    expect_format("ipv6",
                  {"::", "::1", "1::", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "FE80::1",
                   "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "1:2::7:8"},
                  {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::",
                   "::1%eth0", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", ":1:2:3:4:5:6:7:8", "::1.2.3.4"});
    expect_format("uuid", {"123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-00000000000F"},
                  {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
                   "{123e4567-e89b-12d3-a456-426614174000}", "123e4567-e89b-12d3-a456-42661417400g"});
}

TEST(Formats, OtherNamesAreNone) {
    for (const auto name : {"", "Date", "date-time ", "uri-reference", "regex"})
        EXPECT_FALSE(format_pattern(name));
}

}  // namespace
}  // namespace sluice::grammar
