#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace sluice::tokenizer {
namespace {

const std::string kBad = "\uFFFD";

std::string whole(const std::string& bytes) {
    Detokenizer detokenizer;
    const std::string text = detokenizer.push(bytes);
    return text + detokenizer.finish();
}

bool ends_on_code_point(const std::string& text) {
    Detokenizer detokenizer;
    return detokenizer.push(text) == text && detokenizer.finish().empty();
}

TEST(Detokenizer, AnyTwoCutsGiveTheSameText) {
    const std::string valid = "a\u00E9\u4E2D\U0001F600\U0001F468\u200D\U0001F469z\u0939\u093F";
    const std::string mixed = "x\xFFy\xE4\xB8z\xF0\x9F\x98\xED\xA0\x80\xC0\xAF\xF4\x90\x80\x80\u4E2D\xE4\xB8";
    for (const std::string& bytes : {valid, mixed}) {
        const std::string expected = whole(bytes);
        for (size_t i = 0; i <= bytes.size(); ++i) {
            for (size_t j = i; j <= bytes.size(); ++j) {
                Detokenizer detokenizer;
                std::string text;
                for (const std::string& part :
                     {bytes.substr(0, i), bytes.substr(i, j - i), bytes.substr(j)}) {
                    const std::string out = detokenizer.push(part);
                    EXPECT_TRUE(ends_on_code_point(out)) << i << ", " << j;
                    text += out;
                }
                EXPECT_EQ(text + detokenizer.finish(), expected) << i << ", " << j;
            }
        }
    }
    EXPECT_EQ(whole(valid), valid);
}

// Unicode 15.0, table 3-8 and the cases around it: one U+FFFD per maximal subpart.
TEST(Detokenizer, ReplacesWhatIsInvalid) {
    EXPECT_EQ(whole("a\xF1\x80\x80\xE1\x80\xC2"
                    "b\x80"
                    "c\x80\xBF"
                    "d"),
              "a" + kBad + kBad + kBad + "b" + kBad + "c" + kBad + kBad + "d");
    EXPECT_EQ(whole("\xC0\xAF"), kBad + kBad);
    EXPECT_EQ(whole("\xED\xA0\x80"), kBad + kBad + kBad);
    EXPECT_EQ(whole("\xF4\x90\x80\x80"), kBad + kBad + kBad + kBad);
    EXPECT_EQ(whole("\xE4\xB8"), kBad);
}

TEST(Detokenizer, ReplacesAsSoonAsItIsKnown) {
    Detokenizer detokenizer;
    EXPECT_EQ(detokenizer.push("\xE4"), "");
    EXPECT_EQ(detokenizer.push("\xB8"), "");
    EXPECT_EQ(detokenizer.push("a"), kBad + "a");
    EXPECT_EQ(detokenizer.push("\xFF"), kBad);
    EXPECT_EQ(detokenizer.push("\xE4\xB8"), "");
    EXPECT_EQ(detokenizer.push("\xAD"), "\u4E2D");
    EXPECT_EQ(detokenizer.finish(), "");
    EXPECT_EQ(detokenizer.push("\xF0\x9F"), "");
    EXPECT_EQ(detokenizer.finish(), kBad);
    EXPECT_EQ(detokenizer.finish(), "");
}

}  // namespace
}  // namespace sluice::tokenizer
