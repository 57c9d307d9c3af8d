// The chat page's answers: whole, or 304 for who has it already. What is in it is tested in tests/e2e.
#include <gtest/gtest.h>

#include "net/web/page.h"

namespace sluice::net::web {
namespace {

std::string_view field(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.fields) {
        if (key == name) return value;
    }
    return {};
}

HttpResponse page_for(std::string_view if_none_match) {
    HttpRequest request;
    if (!if_none_match.empty()) request.fields.emplace_back("if-none-match", if_none_match);
    return page(request);
}

TEST(WebPage, IsWholeWithoutACopy) {
    const HttpResponse fresh = page_for("");
    EXPECT_EQ(fresh.status, 200);
    EXPECT_EQ(fresh.content_type, "text/html; charset=utf-8");
    EXPECT_TRUE(fresh.body.starts_with("<!doctype html>"));
    EXPECT_TRUE(fresh.body.ends_with("</html>\n"));
    EXPECT_EQ(fresh.body.find("@STYLE@"), std::string::npos);
    EXPECT_EQ(fresh.body.find("@SCRIPT@"), std::string::npos);
    EXPECT_EQ(field(fresh, "Cache-Control"), "no-cache");
    EXPECT_EQ(page_for("\"another\"").status, 200);
}

TEST(WebPage, IsNotSentTwice) {
    const std::string tag(field(page_for(""), "ETag"));
    ASSERT_GT(tag.size(), 16u);
    for (const std::string& named : {tag, "W/" + tag, "\"a\", " + tag, std::string("*")}) {
        const HttpResponse same = page_for(named);
        EXPECT_EQ(same.status, 304) << named;
        EXPECT_TRUE(same.body.empty() && same.content_type.empty());
        EXPECT_EQ(field(same, "ETag"), tag);
        EXPECT_FALSE(field(same, "Content-Security-Policy").empty());
    }
}

TEST(WebPage, TagsAreReadAsLists) {
    for (const char* list : {"\"x\"", "W/\"x\"", "*", "\"a\",\"x\"", " \"a\" ,\tW/\"x\" ", ",,\"x\","})
        EXPECT_TRUE(names_tag(list, "\"x\"")) << list;
    for (const char* list : {"", ",", "x", "\"y\"", "\"xx\"", "W/", "\"x", "W/W/\"x\""})
        EXPECT_FALSE(names_tag(list, "\"x\"")) << list;
}

}  // namespace
}  // namespace sluice::net::web
