// Answers from an OpenAI-compatible server: /v1/chat/completions, streamed.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <utility>

#include "net/json.h"
#include "net/repl/answerer.h"
#include "net/repl/chat_stream.h"
#include "net/repl/http_client.h"
#include "net/repl/screen.h"

namespace sluice::net::repl {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kRequestBytes = 64 << 20;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

Error refused(const HttpAnswer& answer, const std::string& url) {
    const std::string said = server_message(answer.text);
    const std::string detail = said.empty() ? "" : ": " + said;
    switch (answer.status) {
        case 401:
            return {ErrorKind::io,
                    fmt::format("{} wants another API key (401){}; --api-key or SLUICE_API_KEY brings one",
                                url, detail)};
        case 404:
            return {ErrorKind::io, fmt::format("{} has no such model or route (404){}", url, detail)};
        case 429: {
            const std::string when =
                answer.retry_after > 0 ? fmt::format("in {} s", answer.retry_after) : "later";
            return {ErrorKind::io, fmt::format("{} is busy (429){}; try again {}", url, detail, when)};
        }
        default:
            return {ErrorKind::io, fmt::format("{} answers {}{}", url, answer.status, detail)};
    }
}

struct Found {
    std::string model;
    size_t others = 0;  // that it lists beside it
};

Result<Found> first_model(HttpClient& client) {
    const std::atomic<bool> never{false};
    const auto answer = client.ask("/models", std::nullopt, {}, never);
    if (!answer) return answer.error();
    if (answer->status != 200) return refused(*answer, client.url());
    const auto parsed = parse_json(answer->text, 32);
    const json::object* list = parsed ? parsed->if_object() : nullptr;
    const json::value* data = list ? list->if_contains("data") : nullptr;
    const json::array* models = data ? data->if_array() : nullptr;
    const json::object* first = models && !models->empty() ? models->front().if_object() : nullptr;
    const json::value* id = first ? first->if_contains("id") : nullptr;
    if (!id || !id->is_string())
        return Error{ErrorKind::io, client.url() + " lists no model; --model-name says which to ask for"};
    return Found{std::string(id->get_string()), models->size() - 1};
}

class ServerAnswerer final : public Answerer {
  public:
    ServerAnswerer(HttpClient client, Found found)
        : client_(std::move(client)), model_(std::move(found.model)), others_(found.others) {}

    std::string name() const override {
        const std::string more =
            others_ > 0 ? fmt::format(" (and {} more; --model-name chooses)", others_) : "";
        return fmt::format("{} at {}{}", model_, client_.url(), more);
    }

    Result<Reply> answer(json::object body, const OnText& on_text, const std::atomic<bool>& stop) override {
        body["model"] = model_;
        body["stream"] = true;
        body["stream_options"] = json::object{{"include_usage", true}};
        const std::string request = json::serialize(body);
        if (request.size() > kRequestBytes) {
            return Error{ErrorKind::invalid_request,
                         "the conversation has more than 64 MiB; /clear begins a new one"};
        }
        const auto start = Clock::now();
        std::optional<double> to_first;
        ChatStream stream([&](std::string_view text, bool thought) {
            if (!to_first) to_first = since(start);
            on_text(text, thought);
        });
        Result<void> read;
        const auto on_bytes = [&](std::string_view bytes) {
            read = stream.push(bytes);
            return read.has_value() && !stop;
        };
        const auto answer = client_.ask("/chat/completions", request, on_bytes, stop);
        if (auto ok = check(answer, stream, read, stop); !ok) return ok.error();
        Reply out = stream.reply();
        out.stopped = stop;
        out.figures.to_first = to_first;
        out.figures.seconds = since(start);
        return out;
    }

  private:
    Result<void> check(const Result<HttpAnswer>& answer, ChatStream& stream, const Result<void>& read,
                       const std::atomic<bool>& stop) const {
        if (stop) {
            stream.cut();
            return {};
        }
        if (!read) return read.error();
        if (!answer && stream.done()) return {};  // all was said before the connection broke
        if (!answer) return answer.error();
        if (answer->status != 200) return refused(*answer, client_.url());
        if (!answer->type.starts_with("text/event-stream"))
            return Error{ErrorKind::io, client_.url() + " does not stream its answer"};
        return stream.finish();
    }

    HttpClient client_;
    const std::string model_;
    const size_t others_;
};

}  // namespace

Result<std::unique_ptr<Answerer>> make_server_answerer(const ServerAddress& address) {
    auto client = HttpClient::to(address.url, address.api_key);
    if (!client) return client.error();
    Found found{address.model};
    if (found.model.empty()) {
        auto first = first_model(*client);
        if (!first) return first.error();
        found = std::move(*first);
    }
    return std::unique_ptr<Answerer>(std::make_unique<ServerAnswerer>(std::move(*client), std::move(found)));
}

}  // namespace sluice::net::repl
