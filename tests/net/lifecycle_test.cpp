// Connections from first byte to close: order, time limits, clients that leave or lag, draining.
#include <algorithm>
#include <future>

#include "tests/net/server_fixture.h"

namespace sluice::test {
namespace {

using Clock = std::chrono::steady_clock;

class LifecycleTest : public ServerTest {
  protected:
    void expect_everything_freed() {
        EXPECT_TRUE(metric_becomes("vllm:num_requests_running", 0));
        EXPECT_TRUE(metric_becomes("vllm:num_requests_waiting", 0));
        EXPECT_TRUE(metric_becomes("vllm:kv_cache_usage_perc", 0));
        EXPECT_TRUE(metric_becomes("sluice:connections", 1));
    }
};

enum class Leave { fin, rst };

TEST_F(LifecycleTest, DisconnectOfAStreamStopsItWithinOneStep) {
    start();
    int passes = 0;
    for (const Leave how : {Leave::fin, Leave::rst}) {
        gate->hold();
        Stream stream(port, completion(R"("max_tokens":500,"stream":true)"));
        gate->allow(3);
        ASSERT_TRUE(gate->wait_arrived(passes + 4));
        stream.head();
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream.next().has_value());
        EXPECT_GT(metric("vllm:kv_cache_usage_perc"), 0);
        const double before = metric("sluice:disconnects_total");
        how == Leave::fin ? stream.client.close() : stream.client.reset();
        ASSERT_TRUE(metric_becomes("sluice:disconnects_total", before + 1)) << "not noticed";
        gate->open();
        expect_everything_freed();
        EXPECT_EQ(gate->passed(), passes + 4) << "the step that ran was to be the last";
        passes = gate->passed();
    }
    EXPECT_EQ(metric("sluice:requests_cancelled_total"), 2);
}

TEST_F(LifecycleTest, DisconnectOfAWholeAnswerStopsIt) {
    start();
    gate->hold();
    for (const Leave how : {Leave::fin, Leave::rst}) {
        RawClient client(port);
        client.send(completion(R"("max_tokens":500)"));
        ASSERT_TRUE(metric_becomes("sluice:connections", 2));
        std::this_thread::sleep_for(milliseconds(20));
        how == Leave::fin ? client.close() : client.reset();
    }
    ASSERT_TRUE(metric_becomes("sluice:disconnects_total", 2));
    gate->open();
    expect_everything_freed();
    EXPECT_LE(gate->passed(), 2);
}

TEST_F(LifecycleTest, DisconnectInTheQueueFreesThePlace) {
    engine::Options options;
    options.max_running = 1;
    start({}, options);
    gate->hold();
    Stream running(port, completion(R"("max_tokens":2,"stream":true)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    {
        Stream queued(port, completion(R"("max_tokens":500,"stream":true)"));
        ASSERT_TRUE(metric_becomes("vllm:num_requests_waiting", 2)) << "the first has no step behind it yet";
    }
    ASSERT_TRUE(metric_becomes("sluice:disconnects_total", 1));
    gate->open();
    EXPECT_EQ(joined(running.all()), continuation({'a', 'b'}, 2));
    running.client.close();
    expect_everything_freed();
    EXPECT_EQ(metric("vllm:generation_tokens_total"), 2);
}

TEST_F(LifecycleTest, HalfClosedStreamIsServed) {
    start();
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":3,"stream":true)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    stream.client.half_close();
    EXPECT_EQ(stream.head().status, 200);
    EXPECT_EQ(stream.frame(), ": keep-alive") << "sent to find out whether the client is there";
    gate->open();
    EXPECT_EQ(joined(stream.all()), continuation({'a', 'b'}, 3));
    EXPECT_TRUE(stream.done);
}

TEST_F(LifecycleTest, PipelinedRequestsAreAnsweredInOrder) {
    start();
    RawClient client(port);
    client.send(completion(R"("max_tokens":3,"stream":true)") + http_request("GET", "/v1/models") +
                completion(R"("max_tokens":2)") + http_request("GET", "/nothing") +
                http_request("HEAD", "/health") + http_request("GET", "/health"));
    const RawResponse stream = client.read_response();
    EXPECT_EQ(stream.status, 200);
    EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n")) << stream.body;
    client.read_until("\r\n");  // of the last chunk
    EXPECT_NE(client.read_response().body.find("\"list\""), std::string::npos);
    EXPECT_NE(client.read_response().body.find(continuation({'a', 'b'}, 2)), std::string::npos);
    EXPECT_EQ(client.read_response().status, 404);
    const RawResponse head = client.read_response(false);
    EXPECT_EQ(head.field("Content-Length"), "15");
    EXPECT_EQ(client.read_response().body, R"({"status":"ok"})");
}

TEST_F(LifecycleTest, OneConnectionServesAThousandRequests) {
    start();
    RawClient client(port);
    for (int i = 0; i < 1000; ++i) {
        client.send(i % 10 == 0 ? completion(R"("max_tokens":1)") : http_request("GET", "/health"));
        ASSERT_EQ(client.read_response().status, 200) << i;
    }
    EXPECT_EQ(metric("sluice:connections_total"), 2);
}

TEST_F(LifecycleTest, ConnectionCloseIsHonoured) {
    start();
    RawClient client(port);
    client.send(http_request("GET", "/health", "Connection: close\r\n") + http_request("GET", "/health"));
    EXPECT_EQ(client.read_response().field("Connection"), "close");
    EXPECT_TRUE(client.closed());
}

TEST_F(LifecycleTest, ContinueIsSentOnlyToWhatIsWanted) {
    start();
    const std::string body = R"({"model":"default","prompt":"ab"})";
    const std::string fields =
        "Expect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    RawClient wanted(port);
    wanted.send(http_request("POST", kCompletions, fields));
    EXPECT_EQ(wanted.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    wanted.send(body);
    EXPECT_EQ(wanted.read_response().status, 200);
    RawClient refused(port);
    refused.send(http_request("POST", "/nothing", fields));
    EXPECT_EQ(refused.read_response().status, 404);
    EXPECT_TRUE(refused.closed());
    EXPECT_EQ(ask(http_request("POST", kCompletions, "Expect: magic\r\n")).status(), 417);
}

TEST_F(LifecycleTest, SlowHeaderEndsAtADeadlineForAllOfIt) {
    net::Limits limits;
    limits.header_time = milliseconds(200);
    start(limits);
    RawClient silent(port);
    RawClient dripping(port);
    const auto began = Clock::now();
    const std::string head = http_request("GET", "/health", "X: " + std::string(100, 'a') + "\r\n");
    for (size_t i = 0; i < 20; ++i) {
        dripping.send(head.substr(i, 1));
        std::this_thread::sleep_for(milliseconds(15));
    }
    EXPECT_EQ(read_answer(dripping).status(), 408);
    EXPECT_TRUE(silent.closed());
    EXPECT_LT(Clock::now() - began, milliseconds(1500));
}

TEST_F(LifecycleTest, SlowBodyEndsAtADeadline) {
    net::Limits limits;
    limits.body_time = milliseconds(100);
    start(limits);
    RawClient by_length(port), by_chunks(port);
    by_length.send(http_request("POST", kCompletions, "Content-Length: 10\r\n") + "{");
    by_chunks.send(http_request("POST", kCompletions, "Transfer-Encoding: chunked\r\n") + "5\r\n{");
    for (RawClient* client : {&by_length, &by_chunks}) {
        EXPECT_EQ(client->read_response().status, 408);
        EXPECT_TRUE(client->closed());
    }
}

TEST_F(LifecycleTest, ALargeBodyThatComesSteadilyMayTakeLonger) {
    net::Limits limits;
    limits.body_time = milliseconds(200);
    limits.body_rate = 1000;
    start(limits);
    const std::string body =
        R"({"model":"default","max_tokens":1,"prompt":")" + std::string(950, 'a') + "\"}";
    RawClient client(port);
    client.send(
        http_request("POST", kCompletions, "Content-Length: " + std::to_string(body.size()) + "\r\n"));
    for (size_t at = 0; at < body.size(); at += 100) {
        client.send(body.substr(at, 100));
        std::this_thread::sleep_for(milliseconds(40));
    }
    EXPECT_EQ(client.read_response().status, 200) << "0.4 s for 1000 bytes, at 1000 bytes a second";
}

TEST_F(LifecycleTest, ARequestMayComeByteByByte) {
    start();
    RawClient client(port);
    for (const char byte : chat(R"("max_tokens":1)") + http_request("GET", "/health"))
        client.send({&byte, 1});
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_EQ(client.read_response().status, 200);
}

TEST_F(LifecycleTest, IdleConnectionIsClosed) {
    net::Limits limits;
    limits.idle_time = milliseconds(100);
    start(limits);
    RawClient client(port);
    client.send(http_request("GET", "/health"));
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_TRUE(client.silent_for(50));
    EXPECT_TRUE(client.closed());
}

constexpr const char* kFat = R"("n":4,"max_tokens":7000,"logprobs":true,"top_logprobs":20,"stream":true)";

TEST_F(LifecycleTest, ClientThatTakesNothingIsCutOff) {
    net::Limits limits;
    limits.write_stall = milliseconds(150);
    start(limits, {}, fake_info(2048, 8192));
    RawClient client(port);
    client.set_receive_buffer(4096);
    client.send(chat(kFat));
    EXPECT_TRUE(metric_becomes("sluice:disconnects_total", 1, milliseconds(20'000)));
    expect_everything_freed();
}

TEST_F(LifecycleTest, SlowClientGetsEveryTokenInFewerFrames) {
    net::Limits limits;
    limits.lag_events = 8;
    start(limits, {}, fake_info(512, 8192));
    Stream stream(port, chat(R"("max_tokens":6000,"logprobs":true,"top_logprobs":20,"stream":true)"));
    stream.client.set_receive_buffer(256 << 10);
    ASSERT_TRUE(metric_becomes("vllm:request_success_total", 1, milliseconds(20'000)));
    const auto frames = stream.all();
    EXPECT_TRUE(stream.done);
    const std::string whole(
        ask(chat(R"("max_tokens":6000)")).choice().at("message").at("content").as_string());
    EXPECT_EQ(whole.size(), 6000u);
    EXPECT_EQ(joined(frames), whole);
    EXPECT_LT(frames.size(), 5500u) << "nothing was merged: the client was not slow enough to show it";
}

TEST_F(LifecycleTest, DrainLetsStreamsFinishAndRefusesNewWork) {
    start();
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":4,"stream":true)"));
    gate->allow(1);
    stream.head();
    ASSERT_TRUE(stream.next().has_value());
    RawClient idle(port);
    idle.send(http_request("GET", "/health"));
    EXPECT_EQ(idle.read_response().status, 200);
    auto drained =
        std::async(std::launch::async, [&] { server->drain(Clock::now() + std::chrono::seconds(20)); });
    EXPECT_TRUE(idle.closed());
    const Answer refused = ask(completion(""));
    EXPECT_EQ(refused.status(), 503);
    EXPECT_EQ(refused.raw.field("Connection"), "close");
    EXPECT_EQ(get("/ready").status(), 503);
    EXPECT_EQ(get("/health").status(), 200);
    EXPECT_EQ(drained.wait_for(milliseconds(50)), std::future_status::timeout);
    gate->open();
    EXPECT_EQ(joined(stream.all()), continuation({'a', 'b'}, 4).substr(1));
    EXPECT_TRUE(stream.done);
    EXPECT_EQ(drained.wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST_F(LifecycleTest, DrainEndsAtItsDeadlineWithAnError) {
    start();
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":4,"stream":true)"));
    gate->allow(1);
    stream.head();
    ASSERT_TRUE(stream.next().has_value());
    RawClient whole(port);
    whole.send(completion(""));
    ASSERT_TRUE(gate->wait_arrived(2));
    ASSERT_TRUE(metric_becomes("vllm:num_requests_waiting", 1));
    const auto began = Clock::now();
    server->drain(Clock::now() + milliseconds(100));
    EXPECT_LT(Clock::now() - began, milliseconds(1000));
    EXPECT_EQ(stream.next()->at("error").at("code").as_string(), "unavailable");
    EXPECT_FALSE(stream.next().has_value());
    EXPECT_FALSE(stream.done);
    EXPECT_EQ(read_answer(whole).status(), 503);
}

TEST_F(LifecycleTest, StopEndsEverySessionAtOnce) {
    start();
    gate->hold();
    Stream stream(port, completion(R"("max_tokens":4,"stream":true)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    RawClient idle(port), half_a_request(port), half_a_body(port);
    half_a_request.send("POST /v1");
    half_a_body.send(http_request("POST", kCompletions, "Content-Length: 10\r\n") + "{");
    ASSERT_TRUE(metric_becomes("sluice:connections", 5));
    const auto began = Clock::now();
    server->stop();
    EXPECT_LT(Clock::now() - began, milliseconds(900));
    for (RawClient* client : {&stream.client, &idle, &half_a_request, &half_a_body})
        EXPECT_TRUE(client->closed());
}

TEST_F(LifecycleTest, StopWithJobsThatNeverRan) {
    start();
    for (int round = 0; round < 20; ++round) {
        RawClient client(port);
        for (int i = 0; i < 50; ++i) client.send(chat(R"("max_tokens":1)"));
    }
    server->stop();
}

TEST_F(LifecycleTest, NotReadyWhenStepsHaveStopped) {
    net::Limits limits;
    limits.step_stall = milliseconds(100);
    start(limits);
    EXPECT_EQ(get("/ready").status(), 200);
    gate->hold();
    RawClient client(port);
    client.send(completion(R"("max_tokens":2)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    std::this_thread::sleep_for(milliseconds(150));
    EXPECT_EQ(get("/ready").status(), 503);
    EXPECT_EQ(get("/health").status(), 200);
    gate->open();
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_EQ(get("/ready").status(), 200);
}

TEST_F(LifecycleTest, ALargeModelMayTakeLongerForAStep) {
    net::Limits limits;
    limits.step_stall = milliseconds(50);
    limits.step_rate = 1000;
    engine::ModelInfo info = fake_info();
    info.file_bytes = 60'000;
    start(limits, {}, info);
    gate->hold();
    RawClient client(port);
    client.send(completion(R"("max_tokens":1)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_EQ(get("/ready").status(), 200) << "a minute is granted";
}

TEST_F(LifecycleTest, ATakenPortIsAnErrorThatNamesIt) {
    start();
    net::ServerOptions options;
    options.port = port;
    net::Server second(options);
    const auto bound = second.bind();
    ASSERT_FALSE(bound.has_value());
    EXPECT_EQ(bound.error().kind, ErrorKind::io);
    EXPECT_NE(bound.error().message.find(std::to_string(port)), std::string::npos);
}

TEST_F(LifecycleTest, ManyConnectionsOverTwoThreads) {
    bind({}, 2);
    server->set_engine(fake_engine(gate));
    std::vector<std::future<int>> clients;
    for (int c = 0; c < 8; ++c) {
        clients.push_back(std::async(std::launch::async, [&, c] {
            int right = 0;
            for (int i = 0; i < 25; ++i) {
                Stream stream(port, completion(R"("max_tokens":5,"stream":true)"));
                if (c % 4 == 3 && i % 2 == 0) {  // hangs up in between
                    stream.next();
                    ++right;
                } else {
                    right += joined(stream.all()) == continuation({'a', 'b'}, 5);
                }
            }
            return right;
        }));
    }
    for (auto& client : clients) EXPECT_EQ(client.get(), 25);
    expect_everything_freed();
}

}  // namespace
}  // namespace sluice::test
