#include "net/repl/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "kernels/check.h"
#include "net/repl/screen.h"

namespace sluice::net::repl {
namespace {

template <auto free_it>
struct Free {
    template <class T>
    void operator()(T* made) const {
        free_it(made);
    }
};
using Easy = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Free<curl_multi_cleanup>>;
using Fields = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;
using Url = std::unique_ptr<CURLU, Free<curl_url_cleanup>>;

constexpr int kPatience = 50;  // milliseconds between two looks at *stop

Error io_error(std::string message) {
    return {ErrorKind::io, std::move(message)};
}

std::string part_of(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
    std::string out(text);
    curl_free(text);
    return out;
}

void add(Fields& fields, const std::string& line) {
    curl_slist* longer = curl_slist_append(fields.get(), line.c_str());
    SLUICE_CHECK(longer != nullptr);
    (void)fields.release();
    fields.reset(longer);
}

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// What one request needs while it runs.
struct Transfer {
    CURL* easy;
    const HttpClient::OnBytes& on_bytes;
    std::string text = {};
    char error[CURL_ERROR_SIZE] = "";

    size_t take(std::string_view bytes) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (status == 200 && on_bytes) return on_bytes(bytes) ? bytes.size() : 0;
        text += bytes.substr(0, HttpClient::kTextBytes - text.size());
        return bytes.size();
    }
};

size_t on_write(char* bytes, size_t, size_t count, void* transfer) {
    return static_cast<Transfer*>(transfer)->take({bytes, count});
}

std::string why(CURLcode code, const char* detail, const std::string& url) {
    const std::string said = printable(*detail ? detail : curl_easy_strerror(code));
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_CONNECT:
            return fmt::format("no server answers at {}: {}", url, said);
        case CURLE_OPERATION_TIMEDOUT:
            return fmt::format("the server at {} says nothing any more: {}", url, said);
        case CURLE_GOT_NOTHING:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
        case CURLE_PARTIAL_FILE:
            return fmt::format("the connection to {} broke: {}", url, said);
        default:
            return fmt::format("no answer from {}: {}", url, said);
    }
}

}  // namespace

struct HttpClient::Curl {
    std::string url;
    bool direct = false;  // past any proxy
    Fields get_fields, post_fields;
    Multi multi{curl_multi_init()};
    Easy easy{curl_easy_init()};

    void prepare(const std::string& address, const std::optional<std::string>& body, Transfer& transfer) {
        CURL* e = easy.get();
        curl_easy_reset(e);
        curl_easy_setopt(e, CURLOPT_URL, address.c_str());
        curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
        curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
        curl_easy_setopt(e, CURLOPT_USERAGENT, "sluice");
        if (direct) curl_easy_setopt(e, CURLOPT_PROXY, "");
        curl_easy_setopt(e, CURLOPT_HTTPHEADER, (body ? post_fields : get_fields).get());
        if (body) {
            curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
            curl_easy_setopt(e, CURLOPT_POSTFIELDS, body->data());
        }
        curl_easy_setopt(e, CURLOPT_ERRORBUFFER, transfer.error);
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
        curl_easy_setopt(e, CURLOPT_WRITEDATA, &transfer);
    }

    // Runs until the end, or until *stop: then nothing.
    std::optional<CURLcode> run(const std::atomic<bool>& stop) {
        SLUICE_CHECK(curl_multi_add_handle(multi.get(), easy.get()) == CURLM_OK);
        std::optional<CURLcode> code;
        for (int running = 1; !stop;) {
            curl_multi_perform(multi.get(), &running);
            if (running == 0) {
                int left = 0;
                const CURLMsg* told = curl_multi_info_read(multi.get(), &left);
                code = told ? told->data.result : CURLE_FAILED_INIT;
                break;
            }
            curl_multi_poll(multi.get(), nullptr, 0, kPatience, nullptr);
        }
        curl_multi_remove_handle(multi.get(), easy.get());  // closes what has not ended
        return code;
    }
};

HttpClient::HttpClient(std::unique_ptr<Curl> curl) : curl_(std::move(curl)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

const std::string& HttpClient::url() const {
    return curl_->url;
}

Result<HttpClient> HttpClient::to(const std::string& given, const std::string& api_key) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    SLUICE_CHECK(ready == CURLE_OK);
    const Url url(curl_url());
    const std::string scheme = given.substr(0, given.find("://"));
    if ((scheme != "http" && scheme != "https") ||
        curl_url_set(url.get(), CURLUPART_URL, given.c_str(), 0) != CURLUE_OK ||
        !part_of(url.get(), CURLUPART_QUERY).empty() || !part_of(url.get(), CURLUPART_USER).empty()) {
        return Error{ErrorKind::invalid_request,
                     fmt::format("--url must be http://HOST:PORT or https://HOST, and may end in a path "
                                 "such as /v1; not `{}`",
                                 printable(given)),
                     "--url"};
    }
    const auto visible = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
    if (!std::ranges::all_of(api_key, visible))
        return Error{ErrorKind::invalid_request, "the API key has characters that no key can have",
                     "--api-key"};
    auto curl = std::make_unique<Curl>();
    SLUICE_CHECK(curl->multi && curl->easy);
    const bool bare = part_of(url.get(), CURLUPART_PATH) == "/";
    curl->url = given;
    while (curl->url.ends_with('/')) curl->url.pop_back();
    if (bare) curl->url += "/v1";
    curl->direct = is_loopback(part_of(url.get(), CURLUPART_HOST));
    for (Fields* fields : {&curl->get_fields, &curl->post_fields}) {
        if (!api_key.empty()) add(*fields, "Authorization: Bearer " + api_key);
        add(*fields, "Expect:");  // no waiting for a leave to send
    }
    add(curl->post_fields, "Content-Type: application/json");
    return HttpClient(std::move(curl));
}

Result<HttpAnswer> HttpClient::ask(const std::string& path, const std::optional<std::string>& body,
                                   const OnBytes& on_bytes, const std::atomic<bool>& stop) {
    CURL* easy = curl_->easy.get();
    Transfer transfer{easy, on_bytes};
    const std::string address = curl_->url + path;
    curl_->prepare(address, body, transfer);
    const auto code = curl_->run(stop);
    HttpAnswer out;
    out.text = std::move(transfer.text);
    out.stopped = !code;
    if (out.stopped) return out;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &out.status);
    const bool given_up = *code == CURLE_WRITE_ERROR && on_bytes;  // the caller knows why
    if (*code != CURLE_OK && !given_up) return io_error(why(*code, transfer.error, curl_->url));
    char* type = nullptr;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    if (type) out.type = type;
    std::ranges::transform(out.type, out.type.begin(), [](unsigned char c) { return std::tolower(c); });
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    out.retry_after = static_cast<long>(seconds);
    return out;
}

}  // namespace sluice::net::repl
