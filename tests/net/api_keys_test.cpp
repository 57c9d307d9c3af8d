// Which requests a server with keys admits, and that what is wrong with keys is said without saying them.
#include "net/api_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace sluice::net {
namespace {

class KeyFile {
  public:
    explicit KeyFile(const std::string& text)
        : path(testing::TempDir() + "keys-" + std::to_string(::getpid()) + ".txt") {
        std::ofstream(path) << text;
    }
    ~KeyFile() { ::unlink(path.c_str()); }
    KeyFile(const KeyFile&) = delete;

    const std::string path;
};

ApiKeys keys(const std::vector<std::string>& given, const std::string& file = "") {
    const auto read = ApiKeys::read(given, file);
    if (!read) ADD_FAILURE() << read.error().message;
    return read ? *read : ApiKeys();
}

bool admits(const ApiKeys& keys, const std::string& name, const std::string& value) {
    HttpRequest request;
    request.fields = {{name, value}};
    return keys.admit(request);
}

TEST(ApiKeys, WithoutKeysEveryoneMayAsk) {
    EXPECT_TRUE(ApiKeys().admit(HttpRequest{}));
    EXPECT_FALSE(keys({}).required());
    EXPECT_TRUE(admits(keys({}), "authorization", "Bearer anything"));
}

TEST(ApiKeys, OneOfThemMustCome) {
    const ApiKeys both = keys({"sk-first", "sk-second"});
    EXPECT_TRUE(both.required());
    EXPECT_FALSE(both.admit(HttpRequest{}));
    for (const std::string name : {"sk-first", "sk-second"}) {
        EXPECT_TRUE(admits(both, "authorization", "Bearer " + name));
        EXPECT_TRUE(admits(both, "authorization", "bEARER   " + name));
        EXPECT_TRUE(admits(both, "x-api-key", name));
        EXPECT_FALSE(admits(both, "authorization", name));
        EXPECT_FALSE(admits(both, "authorization", "Basic " + name));
        EXPECT_FALSE(admits(both, "cookie", name));
    }
    for (const std::string wrong : {"", " ", "sk-firs", "sk-firstsk-first", "sk-first ,sk-second", "SK-FIRST",
                                    "sk-secont", "sk-", "Bearer sk-first"}) {
        EXPECT_FALSE(admits(both, "authorization", "Bearer " + wrong)) << wrong;
        EXPECT_FALSE(admits(both, "x-api-key", wrong)) << wrong;
    }
}

TEST(ApiKeys, AFileHasOneALine) {
    const KeyFile file("first\n\n  second \r\nthird");
    const ApiKeys read = keys({"fourth"}, file.path);
    for (const char* key : {"first", "second", "third", "fourth"})
        EXPECT_TRUE(admits(read, "x-api-key", key)) << key;
    EXPECT_FALSE(admits(read, "x-api-key", ""));
    EXPECT_FALSE(admits(read, "x-api-key", "first\n\n  second"));
}

void expect_refused(const std::vector<std::string>& given, const std::string& file, const std::string& place,
                    const std::string& secret) {
    const auto read = ApiKeys::read(given, file);
    ASSERT_FALSE(read) << place;
    EXPECT_NE(read.error().message.find(place), std::string::npos) << read.error().message;
    EXPECT_TRUE(secret.empty() || read.error().message.find(secret) == std::string::npos);
}

TEST(ApiKeys, MistakesAreNamedAndKeysAreNot) {
    for (const std::string& key : {std::string("two words"), std::string("tab\t"),
                                   std::string("sch\xc3\xb6n"), std::string(), std::string(513, 'k')}) {
        expect_refused({"good", key}, "", "--api-key", key);
        if (key.empty() || key == "tab\t") continue;  // as lines: passed over, and trimmed
        const KeyFile file("good\n\n" + key + "\n");
        expect_refused({}, file.path, file.path + ":3", key);
    }
    const KeyFile empty("\n \n");
    expect_refused({"good"}, empty.path, "no key", "");
    expect_refused({"good"}, "nowhere/keys.txt", "nowhere/keys.txt", "");
    expect_refused({"good"}, testing::TempDir(), "cannot be read", "");
    expect_refused({"good"}, "/dev/zero", "bytes", "");
    std::string many;
    for (int i = 0; i <= 10'000; ++i) many += "sk#" + std::to_string(i) + "\n";
    const KeyFile crowd(many);
    expect_refused({}, crowd.path, "10000 keys", "sk#");
}

}  // namespace
}  // namespace sluice::net
