// docs/api.md shows every route and every field as the tables have them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "net/openai/fields.h"
#include "net/router.h"

namespace sluice::net {
namespace {

std::string documentation() {
    std::ifstream file(SLUICE_API_DOC);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string row(const openai::Field& field) {
    constexpr std::string_view kTreatments[] = {"", "ignored", "refused"};
    std::string out = "| " + std::string(field.name) + " | ";
    if (field.required) out += "required";
    out += kTreatments[static_cast<size_t>(field.treatment)];
    if (out.back() != ' ') out += ' ';
    return out + "| " + std::string(field.note) + " |";
}

TEST(ApiDoc, HasEveryField) {
    const std::string text = documentation();
    for (const auto dialect :
         {openai::Dialect::chat, openai::Dialect::completions, openai::Dialect::embeddings,
          openai::Dialect::messages, openai::Dialect::responses}) {
        for (const openai::Field& field : openai::fields(dialect))
            EXPECT_NE(text.find(row(field)), std::string::npos) << row(field);
    }
}

TEST(ApiDoc, HasEveryRoute) {
    const std::string text = documentation();
    for (const RouteEntry& entry : routes()) {
        const std::string line = "| " + std::string(entry.method) + " " + std::string(entry.path) + " | " +
                                 std::string(entry.summary) + " |";
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
}

}  // namespace
}  // namespace sluice::net
