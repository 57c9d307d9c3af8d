// Everything that is not an answer: which status, which body, and what becomes of the connection.
#include "tests/net/server_fixture.h"

namespace sluice::test {
namespace {

class RefusalTest : public ServerTest {
  protected:
    void expect_error(const Answer& answer, int status, const std::string& code, const std::string& param) {
        ASSERT_EQ(answer.status(), status) << answer.raw.body;
        ASSERT_EQ(answer.json.at("error").as_object().size(), 4u);
        EXPECT_FALSE(answer.error("message").empty());
        EXPECT_FALSE(answer.error("type").empty());
        EXPECT_EQ(answer.error("code"), code) << answer.raw.body;
        EXPECT_EQ(answer.error("param"), param) << answer.raw.body;
        EXPECT_FALSE(answer.raw.field("x-request-id").empty());
    }
};

TEST_F(RefusalTest, RoutesAndMethods) {
    start();
    expect_error(get("/nothing"), 404, "null", "null");
    expect_error(get("/v1/models/"), 404, "null", "null");
    const Answer wrong = get(kChat);
    expect_error(wrong, 405, "null", "null");
    EXPECT_EQ(wrong.raw.field("Allow"), "POST");
    EXPECT_EQ(ask(http_request("DELETE", "/v1/models")).raw.field("Allow"), "GET, HEAD");
    EXPECT_EQ(ask(http_request("BREW", "/health")).status(), 501);
    for (const char* method : {"OPTIONS", "TRACE", "QUERY", "PUT"})
        expect_error(ask(http_request(method, kChat)), 405, "null", "null");
    EXPECT_EQ(ask(http_request("OPTIONS", "*")).status(), 404);
    RawClient head(port);  // an answer to HEAD has no body, whatever its status
    head.send(http_request("HEAD", "/nothing") + http_request("HEAD", kChat) +
              http_request("GET", "/health"));
    EXPECT_EQ(head.read_response(false).status, 404);
    EXPECT_EQ(head.read_response(false).status, 405);
    EXPECT_EQ(head.read_response().body, R"({"status":"ok"})");
}

TEST_F(RefusalTest, BodiesThatAreNoRequest) {
    start();
    const std::string bodies[] = {"",
                                  "{",
                                  "[]",
                                  "null",
                                  R"({"model":"default","prompt":"a"}x)",
                                  "{\"model\":\"default\",\"prompt\":\"\xc3\"}",
                                  R"({"model":"default","prompt":"a","seed":1,"seed":2})",
                                  R"({"model":"default","prompt":"a","temperature":1e999})",
                                  "\xef\xbb\xbf{}",
                                  std::string(100'000, '[')};
    for (const std::string& body : bodies) {
        const Answer answer = ask(post(kCompletions, body));
        EXPECT_EQ(answer.status(), 400) << body.substr(0, 50);
        EXPECT_EQ(answer.error("type"), "invalid_request_error");
    }
}

TEST_F(RefusalTest, WrongFieldsAreNamed) {
    start();
    const std::pair<const char*, const char*> rows[] = {{R"("temperature":-1)", "temperature"},
                                                        {R"("temperature":"hot")", "temperature"},
                                                        {R"("top_p":0)", "top_p"},
                                                        {R"("n":0)", "n"},
                                                        {R"("n":1.5)", "n"},
                                                        {R"("n":9)", "n"},
                                                        {R"("max_tokens":-1)", "max_tokens"},
                                                        {R"("max_tokens":9223372036854775808)", "max_tokens"},
                                                        {R"("stop":[1])", "stop"},
                                                        {R"("stop":[""])", "stop"},
                                                        {R"("logit_bias":{"-1":1})", "logit_bias"},
                                                        {R"("logit_bias":{"261":1})", "logit_bias"},
                                                        {R"("stream":"yes")", "stream"},
                                                        {R"("logprobs":6)", "logprobs"},
                                                        {R"("seed":"x")", "seed"},
                                                        {R"("best_of":3)", "best_of"},
                                                        {R"("suffix":"x")", "suffix"},
                                                        {R"("stream_options":1)", "stream_options"}};
    for (const auto& [field, name] : rows) {
        const Answer answer = ask(completion(field));
        EXPECT_EQ(answer.status(), 400) << field;
        EXPECT_EQ(answer.error("param"), name) << field;
    }
    const Answer missing = ask(post(kCompletions, R"({"prompt":"a"})"));
    expect_error(missing, 400, "null", "model");
    expect_error(ask(post(kCompletions, R"({"model":"default","prompt":[300]})")), 400, "null", "prompt");
    expect_error(ask(post(kChat, R"({"model":"default","messages":[]})")), 400, "null", "messages");
    const char* image =
        R"({"model":"default","messages":[{"role":"user","content":[{"type":"image_url"}]}]})";
    expect_error(ask(post(kChat, image)), 400, "unsupported", "messages[0].content");
}

TEST_F(RefusalTest, PromptsWithoutTokensAndOddOnes) {
    start();
    for (const char* prompt : {R"("")", "[]", "[[]]", R"(["a",[1]])", R"([1,"a"])", "[1.5]", "[-1]", "[true]",
                               "{}", "7", R"([["a"]])"}) {
        const Answer answer =
            ask(post(kCompletions, std::string(R"({"model":"default","prompt":)") + prompt + "}"));
        const bool mixed = std::string(prompt) == R"(["a",[1]])";
        EXPECT_EQ(answer.status(), mixed ? 200 : 400) << prompt << answer.raw.body;
        if (!mixed) {
            EXPECT_EQ(answer.error("param"), "prompt") << prompt;
        }
    }
    const Answer nul =
        ask(post(kCompletions, "{\"model\":\"default\",\"prompt\":\"a\\u0000b\",\"echo\":true}"));
    ASSERT_EQ(nul.status(), 200) << nul.raw.body;
    EXPECT_EQ(nul.text().substr(0, 3), std::string("a\0b", 3)) << "a NUL is a character like another";
    EXPECT_EQ(nul.json.at("usage").at("prompt_tokens").as_int64(), 3);
}

TEST_F(RefusalTest, UnknownModelIs404) {
    start();
    for (const std::string& path : {kChat, kCompletions}) {
        const std::string body =
            R"({"model":"gpt-0","prompt":"a","messages":[{"role":"user","content":""}]})";
        expect_error(ask(post(path, body)), 404, "model_not_found", "model");
    }
}

TEST_F(RefusalTest, PromptBeyondTheContext) {
    start({}, {}, fake_info(64, 40));
    const auto prompt_of = [](size_t n) {
        return post(kCompletions, R"({"model":"default","prompt":")" + std::string(n, 'a') + "\"}");
    };
    expect_error(ask(prompt_of(40)), 400, "context_length_exceeded", "prompt");
    EXPECT_EQ(ask(prompt_of(39)).json.at("usage").at("completion_tokens").as_int64(), 1);
    const std::string message = R"({"role":"user","content":")" + std::string(40, 'a') + "\"}";
    expect_error(ask(post(kChat, R"({"model":"default","messages":[)" + message + "]}")), 400,
                 "context_length_exceeded", "messages");
}

TEST_F(RefusalTest, UnknownFieldsAreCounted) {
    start();
    EXPECT_EQ(metric("sluice:unknown_fields_total"), 0);
    EXPECT_EQ(ask(completion(R"("shoe_size":43,"hat":[1],"user":"u","x":null)")).status(), 200);
    EXPECT_EQ(metric("sluice:unknown_fields_total"), 2) << "a null is no field, and `user` is known";
}

TEST_F(RefusalTest, BodyTooLarge) {
    net::Limits limits;
    limits.body_bytes = 100;
    start(limits);
    RawClient by_length(port);
    by_length.send(http_request("POST", kCompletions, "Content-Length: 101\r\n"));
    expect_error(read_answer(by_length), 413, "null", "null");  // before a byte of it has come
    EXPECT_TRUE(by_length.closed());
    RawClient by_chunks(port);
    by_chunks.send(http_request("POST", kCompletions, "Transfer-Encoding: chunked\r\n") + "65\r\n");
    expect_error(read_answer(by_chunks), 413, "null", "null");
    EXPECT_TRUE(by_chunks.closed());
}

TEST_F(RefusalTest, AllBodiesTogetherAreBounded) {
    net::Limits limits;
    limits.bodies_bytes = 1000;
    start(limits);
    const std::string prompt =
        R"({"model":"default","max_tokens":1,"prompt":")" + std::string(600, 'a') + "\"}";
    const std::string first_part = post(kCompletions, prompt).substr(0, 700);
    RawClient slow(port);
    slow.send(first_part);
    std::this_thread::sleep_for(milliseconds(50));
    const Answer refused = ask(post(kCompletions, prompt));
    expect_error(refused, 503, "unavailable", "null");
    EXPECT_EQ(refused.raw.field("Retry-After"), "1");
    slow.send(post(kCompletions, prompt).substr(700));
    EXPECT_EQ(slow.read_response().status, 200);
    EXPECT_EQ(ask(post(kCompletions, prompt)).status(), 200) << "what was held is given back";
    slow.send(first_part);
    slow.close();
    ASSERT_TRUE(metric_becomes("sluice:connections", 1));
    EXPECT_EQ(ask(post(kCompletions, prompt)).status(), 200) << "also when the client leaves half-way";
}

TEST_F(RefusalTest, ABodyThatNobodyWantsIsDroppedIfItIsSmall) {
    start();
    RawClient small(port);
    small.send(http_request("GET", "/health", "Content-Length: 5\r\n") + "abcde" +
               http_request("GET", "/health"));
    EXPECT_EQ(small.read_response().status, 200);
    EXPECT_EQ(small.read_response().status, 200);
    for (const char* fields : {"Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"}) {
        RawClient large(port);
        large.send(http_request("GET", "/health", fields));
        EXPECT_EQ(large.read_response().field("Connection"), "close") << fields;
        EXPECT_TRUE(large.closed());
    }
}

TEST_F(RefusalTest, MediaTypes) {
    start();
    const std::string body = R"({"model":"default","prompt":"ab"})";
    const auto with = [&](const std::string& fields) {
        return ask(http_request("POST", kCompletions,
                                "Content-Length: " + std::to_string(body.size()) + "\r\n" + fields) +
                   body);
    };
    EXPECT_EQ(with("").status(), 200);
    EXPECT_EQ(with("Content-Type: Application/JSON; charset=utf-8\r\n").status(), 200);
    EXPECT_EQ(with("Content-Type: text/plain\r\n").status(), 415);
    EXPECT_EQ(with("Content-Type: application/jsonp\r\n").status(), 415);
    EXPECT_EQ(with("Content-Encoding: gzip\r\n").status(), 415);
}

TEST_F(RefusalTest, FullQueueIs429WithRetryAfter) {
    engine::Options options;
    options.max_queue = 1;
    net::Limits limits;
    limits.retry_after = milliseconds(2500);
    start(limits, options);
    gate->hold();
    RawClient first(port);
    first.send(completion(""));
    ASSERT_TRUE(gate->wait_arrived(1));
    for (const char* rest : {"", R"("stream":true)"}) {
        const Answer refused = ask(completion(rest));
        expect_error(refused, 429, "rate_limit_exceeded", "null");
        EXPECT_EQ(refused.raw.field("Retry-After"), "3");
        EXPECT_EQ(refused.raw.field("retry-after-ms"), "2500");
    }
    gate->open();
    EXPECT_EQ(read_answer(first).status(), 200);
    EXPECT_EQ(metric("sluice:rejected_total"), 2);
}

TEST_F(RefusalTest, TooManyTextJobsIs429) {
    net::Limits limits;
    limits.text_jobs = 0;
    start(limits);
    expect_error(ask(completion("")), 429, "rate_limit_exceeded", "null");
}

TEST_F(RefusalTest, WhileLoading) {
    bind();
    EXPECT_EQ(get("/health").status(), 200);
    for (const std::string& request : {completion(""), chat(""), http_request("GET", "/v1/models"),
                                       http_request("GET", "/experts"), http_request("GET", "/ready")}) {
        const Answer answer = ask(request);
        expect_error(answer, 503, "unavailable", "null");
        EXPECT_EQ(answer.raw.field("Retry-After"), "1");
    }
    EXPECT_NE(get("/metrics").raw.body.find("sluice:connections"), std::string::npos);
    server->set_engine(fake_engine(gate));
    EXPECT_EQ(get("/ready").status(), 200);
    EXPECT_EQ(ask(completion("")).status(), 200);
}

TEST_F(RefusalTest, AfterALoadThatFailed) {
    bind();
    server->set_load_error(
        {ErrorKind::unsupported_architecture, "m.gguf: `martian` is not supported", "key"});
    expect_error(ask(chat("")), 501, "unsupported_architecture", "key");
    EXPECT_EQ(get("/ready").status(), 503);
    EXPECT_EQ(get("/health").status(), 200);
    server->set_load_error({ErrorKind::bad_file, "m.gguf is truncated"});
    expect_error(ask(chat("")), 503, "bad_model_file", "null");
}

TEST_F(RefusalTest, RequestIdsAreEchoedIfHarmless) {
    start();
    const auto id_of = [&](const std::string& id) {
        return ask(http_request("GET", "/health", "x-request-id: " + id + "\r\n")).raw.field("x-request-id");
    };
    EXPECT_EQ(id_of("client-7.a"), "client-7.a");
    EXPECT_TRUE(id_of("a b").starts_with("req-"));
    EXPECT_TRUE(id_of(std::string(200, 'a')).starts_with("req-"));
}

TEST_F(RefusalTest, TooManyConnections) {
    net::Limits limits;
    limits.connections = 2;
    start(limits);
    RawClient one(port), two(port);
    one.send(http_request("GET", "/health"));
    EXPECT_EQ(one.read_response().status, 200);
    two.send(http_request("GET", "/health"));
    EXPECT_EQ(two.read_response().status, 200);
    RawClient three(port);
    const Answer refused = read_answer(three);
    EXPECT_EQ(refused.status(), 503);
    EXPECT_EQ(refused.raw.field("Retry-After"), "1");
    EXPECT_TRUE(three.closed());
    one.close();
    two.send(http_request("GET", "/health"));
    EXPECT_EQ(two.read_response().status, 200) << "those that are open go on";
}

TEST_F(RefusalTest, HistogramsHaveTheBucketsOfVllm) {
    start();
    ASSERT_EQ(ask(completion(R"("max_tokens":3)")).status(), 200);
    ASSERT_TRUE(metric_becomes("vllm:request_success_total", 1));
    const std::string text = get("/metrics").raw.body;
    const auto bounds = [&](const std::string& name) {
        std::string out;
        for (size_t at = 0; (at = text.find("\n" + name + "_bucket{", at)) != std::string::npos; ++at) {
            const size_t from = text.find("le=\"", at) + 4;
            out += text.substr(from, text.find('"', from) - from) + " ";
        }
        return out;
    };
    const char* token_times =
        "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf ";
    const char* request_times =
        "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf ";
    EXPECT_EQ(
        bounds("vllm:time_to_first_token_seconds"),
        "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560 +Inf ");
    EXPECT_EQ(bounds("vllm:inter_token_latency_seconds"), token_times);
    EXPECT_EQ(bounds("vllm:request_time_per_output_token_seconds"), token_times);
    EXPECT_EQ(bounds("vllm:e2e_request_latency_seconds"), request_times);
    EXPECT_EQ(bounds("vllm:request_decode_time_seconds"), request_times);
    for (const char* part : {"queue", "prefill", "inference"})
        EXPECT_EQ(bounds("vllm:request_" + std::string(part) + "_time_seconds"), request_times) << part;
    EXPECT_EQ(bounds("vllm:iteration_tokens_total"),
              "1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384 +Inf ");
}

TEST_F(RefusalTest, TimesSayWhereARequestWaited) {
    engine::Options one;
    one.max_running = 1;
    start({}, one);
    gate->hold();
    Stream first(port, completion(R"("max_tokens":3,"stream":true)"));
    ASSERT_TRUE(gate->wait_arrived(1));
    Stream second(port, completion(R"("max_tokens":3,"stream":true)"));
    ASSERT_TRUE(metric_becomes("vllm:num_requests_waiting", 2)) << "the first counts until its step is done";
    std::this_thread::sleep_for(milliseconds(120));
    EXPECT_EQ(metric("vllm:request_queue_time_seconds_count"), 0);
    gate->open();
    first.all();
    second.all();
    ASSERT_TRUE(metric_becomes("vllm:request_inference_time_seconds_count", 2));
    const double queued = metric("vllm:request_queue_time_seconds_sum");
    const double prefill = metric("vllm:request_prefill_time_seconds_sum");
    const double inference = metric("vllm:request_inference_time_seconds_sum");
    EXPECT_GE(queued, 0.12) << "the second waited for the first";
    EXPECT_GE(prefill, 0.12) << "the first waited in its first step";
    EXPECT_GE(inference, prefill);
    EXPECT_LE(queued + inference, metric("vllm:e2e_request_latency_seconds_sum"));
}

TEST_F(RefusalTest, MetricNames) {
    start();
    ASSERT_EQ(ask(completion(R"("max_tokens":3)")).status(), 200);
    ASSERT_TRUE(metric_becomes("vllm:request_success_total", 1));
    for (const char* name :
         {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"})
        EXPECT_EQ(metric(name), 0) << name;
    EXPECT_EQ(metric("vllm:prompt_tokens_total"), 2);
    EXPECT_EQ(metric("vllm:generation_tokens_total"), 3);
    EXPECT_EQ(metric("vllm:num_preemptions_total"), 0);
    EXPECT_GE(metric("vllm:prefix_cache_queries_total"), 0);
    EXPECT_EQ(metric("vllm:prefix_cache_hits_total"), 0);
    EXPECT_EQ(metric("vllm:cache_config_info"), 1);
    for (const char* name : {"vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds",
                             "vllm:request_time_per_output_token_seconds", "vllm:request_prompt_tokens",
                             "vllm:request_generation_tokens", "vllm:request_decode_time_seconds",
                             "vllm:request_queue_time_seconds", "vllm:request_prefill_time_seconds",
                             "vllm:request_inference_time_seconds"})
        EXPECT_EQ(metric(std::string(name) + "_count"), 1) << name;
    EXPECT_EQ(metric("vllm:inter_token_latency_seconds_count"), 2);
    EXPECT_EQ(metric("vllm:iteration_tokens_total_count"), 3);
    EXPECT_EQ(metric("vllm:iteration_tokens_total_sum"), 4);
    const std::string text = get("/metrics").raw.body;
    EXPECT_NE(text.find(R"(vllm:num_requests_running{model_name="org/fake-1.0")"), std::string::npos) << text;
    EXPECT_NE(text.find("# TYPE vllm:generation_tokens_total counter"), std::string::npos);
}

}  // namespace
}  // namespace sluice::test
