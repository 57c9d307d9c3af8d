#include "net/responses/stored.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "net/json.h"
#include "net/openai/fields.h"

namespace sluice::net::openai {
namespace {

// The first value of a name in a=b&c=d.
std::optional<std::string> parameter(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const size_t equals = pair.find('=');
        if (pair.substr(0, equals) != name) continue;
        return percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    }
    return std::nullopt;
}

struct Page {
    size_t limit = 20;
    bool ascending = false;
    std::string after = {};
};

Result<Page> read_page(std::string_view query) {
    constexpr size_t kMost = 100;
    Page page;
    if (const auto limit = parameter(query, "limit")) {
        const char* end = limit->data() + limit->size();
        const auto read = std::from_chars(limit->data(), end, page.limit);
        if (read.ec != std::errc{} || read.ptr != end || page.limit < 1 || page.limit > kMost)
            return bad_field("limit", fmt::format("must be a number from 1 to {}", kMost));
    }
    if (const auto order = parameter(query, "order")) {
        if (*order != "asc" && *order != "desc") return bad_field("order", "must be asc or desc");
        page.ascending = *order == "asc";
    }
    page.after = parameter(query, "after").value_or("");
    return page;
}

// What the model was given: all of the turns before, then the input.
std::vector<const StoredItem*> items_of(const Turns& turns) {
    std::vector<const StoredItem*> out;
    for (const auto& turn : turns) {
        for (const StoredItem& item : turn->input) out.push_back(&item);
        if (turn == turns.back()) break;
        for (const StoredItem& item : turn->output) out.push_back(&item);
    }
    return out;
}

Result<std::string> list_input(const Turns& turns, std::string_view query) {
    const auto page = read_page(query);
    if (!page) return page.error();
    auto items = items_of(turns);
    if (!page->ascending) std::ranges::reverse(items);
    auto from = items.begin();
    if (!page->after.empty()) {
        from = std::ranges::find_if(items, [&](const StoredItem* item) { return item->id == page->after; });
        if (from == items.end()) return bad_field("after", "names no item of this response");
        ++from;
    }
    const auto left = static_cast<size_t>(items.end() - from);
    const auto end = from + static_cast<ptrdiff_t>(std::min(left, page->limit));
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("object").text("list").key("data").begin_array();
    for (auto item = from; item != end; ++item) json.raw((*item)->json);
    json.end_array().key("first_id");
    from == end ? json.null() : json.text((*from)->id);
    json.key("last_id");
    from == end ? json.null() : json.text((*(end - 1))->id);
    json.key("has_more").boolean(end != items.end()).end_object();
    return out;
}

std::string deleted(std::string_view id) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("id").text(id).key("object").text("response").key("deleted").boolean(true);
    json.end_object();
    return out;
}

}  // namespace

Result<std::string> answer_stored(const RouteMatch& match, std::string_view query, ResponseStore& store) {
    if (match.route == Route::cancel_response || match.route == Route::delete_response) {
        if (const auto running = store.running(match.id)) running->cancel();
    }
    const Turns turns = store.find(match.id);
    if (turns.empty()) {
        return Error{ErrorKind::not_found, fmt::format("the response `{}` is not stored here", match.id),
                     "response_id"};
    }
    switch (match.route) {
        case Route::delete_response:
            store.erase(match.id);
            return deleted(match.id);
        case Route::cancel_response:
            if (!turns.back()->background)
                return bad_field("response_id", "names a response that was not made in the background");
            break;
        case Route::response_input:
            return list_input(turns, query);
        default:
            break;
    }
    if (match.route == Route::response && parameter(query, "stream").value_or("false") != "false")
        return Error{ErrorKind::unsupported, "a stored response cannot be streamed", "stream"};
    return turns.back()->body;
}

}  // namespace sluice::net::openai
