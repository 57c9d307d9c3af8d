// The chat page at `GET /`: one HTML file without anything from elsewhere, made at build time of the parts in
// this folder. Any thread.
#pragma once
#include "net/http.h"

namespace sluice::net::web {

// The page, or 304 for a client whose copy is the same.
HttpResponse page(const HttpRequest& request);

// Whether an If-None-Match field names the tag, weak or not (RFC 9110, 13.1.2).
bool names_tag(std::string_view field, std::string_view tag);

}  // namespace sluice::net::web
