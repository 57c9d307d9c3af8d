#include "engine/sampling/stop_strings.h"

#include <algorithm>
#include <utility>

namespace sluice::sampling {

StopStrings::StopStrings(const std::vector<std::string>& stops) {
    for (const std::string& stop : stops) {
        Pattern p{stop, std::vector<size_t>(stop.size() + 1, 0), 0};
        for (size_t i = 1, border = 0; i < stop.size(); ++i) {
            while (border > 0 && stop[i] != stop[border]) border = p.fallback[border];
            if (stop[i] == stop[border]) ++border;
            p.fallback[i + 1] = border;
        }
        patterns_.push_back(std::move(p));
    }
}

size_t StopStrings::advance(Pattern& p, char c) {
    while (p.state > 0 && p.text[p.state] != c) p.state = p.fallback[p.state];
    if (p.text[p.state] == c) ++p.state;
    return p.state;
}

StopStrings::Piece StopStrings::push(std::string_view text) {
    if (patterns_.empty()) return {std::string(text)};
    size_t open = 0;  // longest beginning of a stop string that the text so far ends with
    for (const char c : text) {
        held_ += c;
        open = 0;
        const Pattern* complete = nullptr;
        for (Pattern& p : patterns_) {
            open = std::max(open, advance(p, c));
            if (p.state == p.text.size() && (!complete || p.text.size() > complete->text.size()))
                complete = &p;
        }
        if (complete) {
            held_.resize(held_.size() - complete->text.size());
            return {std::exchange(held_, {}), true, complete->text};
        }
    }
    if (text.empty()) return {};
    Piece piece{held_.substr(0, held_.size() - open)};
    held_.erase(0, held_.size() - open);
    return piece;
}

std::string StopStrings::finish() {
    return std::exchange(held_, {});
}

}  // namespace sluice::sampling
