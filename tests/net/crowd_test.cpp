// Many clients at once: a thousand open connections, a wave of requests beyond every limit.
#include <sys/resource.h>

#include <map>

#include "tests/net/server_fixture.h"

namespace sluice::test {
namespace {

constexpr size_t kCrowd = 1000;

class CrowdTest : public ServerTest {
  protected:
    // Client and server ends are both in this process.
    bool enough_descriptors() {
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
        return limit.rlim_cur >= 2 * kCrowd + 200;
    }
};

TEST_F(CrowdTest, AThousandOpenConnectionsDoNotKeepOthersOut) {
    if (!enough_descriptors()) GTEST_SKIP() << "the system grants too few file descriptors";
    start();
    std::vector<std::unique_ptr<RawClient>> crowd;
    for (size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(std::make_unique<RawClient>(port));
        if (i % 2 == 0) crowd.back()->send("POST /v1/completions HTTP/1.1\r\nHo");  // and never ends it
    }
    ASSERT_TRUE(metric_becomes("sluice:connections", kCrowd + 1));
    EXPECT_EQ(ask(completion(R"("max_tokens":4)")).status(), 200);
    for (size_t i = 1; i < kCrowd; i += 2) crowd[i]->send(http_request("GET", "/health"));
    for (size_t i = 1; i < kCrowd; i += 2) ASSERT_EQ(crowd[i]->read_response().status, 200) << i;
    crowd.clear();
    EXPECT_TRUE(metric_becomes("sluice:connections", 1));
}

TEST_F(CrowdTest, EveryRequestOfAWaveIsAnsweredOnce) {
    if (!enough_descriptors()) GTEST_SKIP() << "the system grants too few file descriptors";
    engine::Options options;
    options.max_running = 4;
    options.max_queue = 50;
    net::Limits limits;
    limits.connections = kCrowd - 100;
    start(limits, options);
    gate->hold();
    std::vector<std::unique_ptr<RawClient>> crowd;
    for (size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(std::make_unique<RawClient>(port));
        crowd.back()->send(completion(i % 2 == 0 ? R"("max_tokens":2)" : R"("max_tokens":2,"stream":true)"));
    }
    ASSERT_TRUE(gate->wait_arrived(1));
    std::map<int, size_t> statuses;
    for (size_t i = kCrowd; i-- > 0;) {  // the refused are told before anyone has been served
        if (i == 60) gate->open();
        ++statuses[crowd[i]->read_response().status];
    }
    EXPECT_EQ(statuses[200] + statuses[429] + statuses[503], kCrowd);
    EXPECT_GE(statuses[200], 50u);
    EXPECT_GE(statuses[429], 800u);
    EXPECT_EQ(statuses[503], 100u) << "those beyond --connections";
    crowd.clear();
    EXPECT_TRUE(metric_becomes("vllm:kv_cache_usage_perc", 0));
    EXPECT_EQ(ask(completion("")).status(), 200) << "when the wave is over, all is as before";
}

}  // namespace
}  // namespace sluice::test
