// A server on a free port of 127.0.0.1 with the fake model behind it, and clients for it.
#pragma once
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/server.h"
#include "tests/support/fake_model.h"
#include "tests/support/raw_client.h"

namespace sluice::test {

using std::chrono::milliseconds;

inline std::string http_request(const std::string& method, const std::string& path,
                                const std::string& fields = "") {
    return method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body, const std::string& fields = "") {
    return http_request("POST", path,
                        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                            "\r\n" + fields) +
           body;
}

inline const std::string kChat = "/v1/chat/completions";
inline const std::string kCompletions = "/v1/completions";

// {"model":"default","prompt":"ab", and the rest of the fields.
inline std::string completion(const std::string& rest) {
    return post(kCompletions, R"({"model":"default","prompt":"ab")" + (rest.empty() ? "" : "," + rest) + "}");
}
inline std::string chat(const std::string& rest) {
    return post(kChat, R"({"model":"default","messages":[{"role":"user","content":"hi"}])" +
                           (rest.empty() ? "" : "," + rest) + "}");
}

// What the fake model says after these tokens.
inline std::string continuation(const std::vector<int32_t>& prompt, int tokens) {
    std::string out;
    int32_t token = prompt.back();
    for (int i = 0; i < tokens; ++i) {
        token = FakeModel::next(token, static_cast<int32_t>(prompt.size()) - 1 + i);
        out += static_cast<char>(token);
    }
    return out;
}

struct Answer {
    RawResponse raw;
    boost::json::value json;

    int status() const { return raw.status; }
    std::string error(const char* key) const {
        const auto& value = json.at("error").at(key);
        return value.is_null() ? "null" : std::string(value.as_string());
    }
    const boost::json::value& choice(size_t i = 0) const { return json.at("choices").at(i); }
    std::string text(size_t i = 0) const { return std::string(choice(i).at("text").as_string()); }
};

inline Answer read_answer(RawClient& client) {
    Answer out{client.read_response(), {}};
    boost::json::error_code ec;
    out.json = boost::json::parse(out.raw.body, ec);
    return out;
}

// A streamed answer, frame by frame.
class Stream {
  public:
    Stream(uint16_t port, const std::string& request) : client(port) { client.send(request); }

    RawResponse head() { return client.read_head(); }
    // The next frame's data or comment; empty when none comes.
    std::string frame(int patience_ms = 10'000) {
        const std::string bytes = client.read_until("\n\n", patience_ms);
        for (const char* mark : {"data: ", ": "}) {
            const size_t at = bytes.find(mark);
            if (at != std::string::npos) return bytes.substr(at, bytes.size() - at - 2);
        }
        return {};
    }
    // The next data frame; nothing at [DONE] or the end.
    std::optional<boost::json::value> next(int patience_ms = 10'000) {
        std::string data;
        do data = frame(patience_ms);
        while (data.starts_with(": "));
        done = data == "data: [DONE]";
        if (done || data.empty()) return std::nullopt;
        return boost::json::parse(data.substr(6));
    }
    std::vector<boost::json::value> all() {
        std::vector<boost::json::value> out;
        while (auto one = next()) out.push_back(std::move(*one));
        return out;
    }

    RawClient client;
    bool done = false;  // [DONE] has come
};

// The texts of a choice, joined; chat or completions.
inline std::string joined(const std::vector<boost::json::value>& frames, int64_t index = 0) {
    std::string out;
    for (const auto& frame : frames) {
        for (const auto& choice : frame.at("choices").as_array()) {
            if (choice.at("index").as_int64() != index) continue;
            const auto* delta = choice.as_object().if_contains("delta");
            const auto* text =
                delta ? delta->as_object().if_contains("content") : choice.as_object().if_contains("text");
            if (text) out += std::string(text->as_string());
        }
    }
    return out;
}

class ServerTest : public testing::Test {
  protected:
    ~ServerTest() override {
        gate->open();
        server.reset();
    }

    void bind(const net::Limits& limits = {}, int io_threads = 1) {
        net::ServerOptions options;
        options.port = 0;
        options.io_threads = io_threads;
        options.limits = limits;
        server = std::make_unique<net::Server>(options);
        const auto bound = server->bind();
        ASSERT_TRUE(bound.has_value()) << bound.error().message;
        port = server->port();
    }
    void start(const net::Limits& limits = {}, const engine::Options& options = {},
               const engine::ModelInfo& info = fake_info()) {
        bind(limits);
        server->set_engine(fake_engine(gate, options, info));
    }

    Answer ask(const std::string& request) {
        RawClient client(port);
        client.send(request);
        return read_answer(client);
    }
    Answer get(const std::string& path) { return ask(http_request("GET", path)); }

    // Sum of a metric over its labels; -1 when it is not exported.
    double metric(const std::string& name) {
        const std::string text = "\n" + get("/metrics").raw.body;
        double sum = 0;
        bool found = false;
        for (size_t at = 0; (at = text.find("\n" + name, at)) != std::string::npos; ++at) {
            const char after = text[at + 1 + name.size()];
            if (after != ' ' && after != '{') continue;
            const size_t end = text.find('\n', at + 1);
            sum += std::atof(text.substr(text.rfind(' ', end), end).c_str());
            found = true;
        }
        return found ? sum : -1;
    }
    bool metric_becomes(const std::string& name, double value, milliseconds patience = milliseconds(5000)) {
        const auto until = std::chrono::steady_clock::now() + patience;
        while (metric(name) != value) {
            if (std::chrono::steady_clock::now() > until) return false;
            std::this_thread::sleep_for(milliseconds(2));
        }
        return true;
    }

    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::unique_ptr<net::Server> server;
    uint16_t port = 0;
};

}  // namespace sluice::test
