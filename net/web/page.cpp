#include "net/web/page.h"

#include <algorithm>

#include "net/web/page_hashes.h"

// SLUICE_PAGE is the path of the file, given by the build.
__asm__(
    ".section .rodata\n"
    "sluice_page_begin:\n"
    ".incbin \"" SLUICE_PAGE
    "\"\n"
    "sluice_page_end:\n"
    ".previous\n");

extern "C" const char sluice_page_begin[];
extern "C" const char sluice_page_end[];

namespace sluice::net::web {
namespace {

constexpr std::string_view kTag = "\"" SLUICE_PAGE_TAG "\"";

// Only the style and the script that were compiled in; nothing from elsewhere, nothing made from text.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src '" SLUICE_SCRIPT_HASH "'; style-src '" SLUICE_STYLE_HASH
    "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

}  // namespace

bool names_tag(std::string_view field, std::string_view tag) {
    while (!field.empty()) {
        std::string_view one = field.substr(0, field.find(','));
        field.remove_prefix(std::min(field.size(), one.size() + 1));
        while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
        while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == tag || one == "*") return true;
    }
    return false;
}

HttpResponse page(const HttpRequest& request) {
    HttpResponse out;
    out.fields = {{"ETag", std::string(kTag)},
                  {"Cache-Control", "no-cache"},
                  {"Content-Security-Policy", std::string(kPolicy)},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Referrer-Policy", "no-referrer"}};
    if (names_tag(request.field("if-none-match"), kTag)) {
        out.status = 304;
        out.content_type.clear();
        return out;
    }
    out.content_type = "text/html; charset=utf-8";
    out.body.assign(sluice_page_begin, sluice_page_end);
    return out;
}

}  // namespace sluice::net::web
