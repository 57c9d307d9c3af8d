#include "engine/grammar/json_number.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::grammar {
namespace {

namespace json = boost::json;

constexpr int kWhole = 18;     // most digits of a bound before the point
constexpr int kFraction = 12;  // and behind it
constexpr int kDigits = 15;    // of a number without a larger bound: what a double tells apart
constexpr int kUsualFraction = 6;
constexpr int64_t kMultiple = 10'000;  // the largest, in units of its last digit
constexpr size_t kStates = 20'000;

// A bound as decimal digits: no zeros in front of `whole` nor at the end of `fraction`.
struct Decimal {
    bool negative = false;
    std::string whole, fraction;
    bool zero() const { return whole.empty() && fraction.empty(); }
};

Error bad(const char* keyword, const char* what) {
    return {ErrorKind::invalid_request, fmt::format("`{}` {}", keyword, what), keyword};
}

Result<Decimal> decimal(const json::value& value, const char* keyword) {
    if (!value.is_number()) return bad(keyword, "must be a number");
    std::string text = value.is_double()  ? fmt::format("{}", value.get_double())
                       : value.is_int64() ? std::to_string(value.get_int64())
                                          : std::to_string(value.get_uint64());
    Decimal out;
    out.negative = text.front() == '-';
    if (out.negative) text.erase(0, 1);
    int exponent = 0;
    if (const size_t e = text.find('e'); e != std::string::npos) {
        const char* digits = text.c_str() + e + (text[e + 1] == '+' ? 2 : 1);
        std::from_chars(digits, text.c_str() + text.size(), exponent);
        text.resize(e);
    }
    size_t point = std::min(text.find('.'), text.size());
    if (point < text.size()) text.erase(point, 1);
    const int whole = static_cast<int>(point) + exponent;  // digits before the point; may be below 0
    const int size = static_cast<int>(text.size());
    if (whole > 40 || whole < -40) return bad(keyword, "has more digits than are supported");
    if (whole < 0) text.insert(0, static_cast<size_t>(-whole), '0');
    if (whole > size) text.append(static_cast<size_t>(whole - size), '0');
    point = static_cast<size_t>(std::max(0, whole));
    out.whole = text.substr(std::min(text.find_first_not_of('0'), point),
                            point - std::min(text.find_first_not_of('0'), point));
    out.fraction = text.substr(point);
    out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
    if (out.whole.size() > kWhole || out.fraction.size() > kFraction)
        return bad(keyword, "has more digits than are supported");
    return out;
}

// One side of an interval of magnitudes.
struct Side {
    Decimal at{};
    bool included = true;
};
// Magnitudes of one sign: from `low` to `high` (absent: no bound).
struct Interval {
    Side low{};
    std::optional<Side> high{};
};

// How what has been read compares with a bound, digit by digit.
struct Compared {
    int8_t order = 0;  // -1: below, as far as both go
    void whole(const std::string& bound, int position, char digit) {
        if (order == 0 && position < static_cast<int>(bound.size())) {
            const char b = bound[static_cast<size_t>(position)];
            order = static_cast<int8_t>(digit < b ? -1 : digit > b ? 1 : 0);
        }
    }
    // The digits before the point are read: so many.
    void end_whole(const std::string& bound, int digits) {
        const int size = static_cast<int>(bound.size());
        if (digits != size) order = digits < size ? -1 : 1;
    }
    void fraction(const std::string& bound, int position, char digit) {
        const char b = position < static_cast<int>(bound.size()) ? bound[static_cast<size_t>(position)] : '0';
        if (order == 0) order = static_cast<int8_t>(digit < b ? -1 : digit > b ? 1 : 0);
    }
    void end(const std::string& fraction, int digits) {
        if (order == 0 && digits < static_cast<int>(fraction.size())) order = -1;
    }
    auto operator<=>(const Compared&) const = default;
};

enum class Phase : uint8_t { start, zero, whole, point, fraction };
struct State {
    Phase phase = Phase::start;
    int8_t whole = 0, fraction = 0;  // digits read
    Compared low{}, high{};
    int64_t rest = 0;  // of the division by the multiple
    auto operator<=>(const State&) const = default;
};

// All magnitudes of an interval, as a graph of the states that reading them passes.
class Magnitudes {
  public:
    Magnitudes(Builder& b, const Interval& in, int whole, int fraction, int64_t multiple, int scale)
        : b_(b), in_(in), max_whole_(whole), max_fraction_(fraction), multiple_(multiple), scale_(scale) {}

    std::optional<Node> add() {
        number_of({});
        for (size_t i = 0; i < states_.size(); ++i) {
            if (states_.size() > kStates) return std::nullopt;
            const State from = states_[i];
            if (is_end(from)) ends_.push_back(static_cast<int32_t>(i));
            for (char c = '0'; c <= '9'; ++c) step(static_cast<int32_t>(i), from, c);
            step(static_cast<int32_t>(i), from, '.');
        }
        return b_.graph(static_cast<int32_t>(states_.size()), steps_, ends_);
    }

  private:
    int32_t number_of(const State& s) {
        const auto [it, is_new] = numbers_.try_emplace(s, static_cast<int32_t>(states_.size()));
        if (is_new) states_.push_back(s);
        return it->second;
    }
    void step(int32_t number, const State& from, char c) {
        const auto to = next(from, c);
        if (to)
            steps_.push_back(
                {number, number_of(*to), b_.byte(static_cast<uint8_t>(c), static_cast<uint8_t>(c))});
    }

    std::optional<State> next(State s, char c) const {
        if (c == '.') {
            if ((s.phase != Phase::zero && s.phase != Phase::whole) || max_fraction_ == 0)
                return std::nullopt;
            end_whole(s);
            s.phase = Phase::point;
            return s;
        }
        if (s.phase == Phase::point || s.phase == Phase::fraction) {
            if (s.fraction == max_fraction_) return std::nullopt;
            s.phase = Phase::fraction;
            s.low.fraction(in_.low.at.fraction, s.fraction, c);
            if (in_.high) s.high.fraction(in_.high->at.fraction, s.fraction, c);
            ++s.fraction;
        } else {
            if (s.phase == Phase::zero || s.whole == max_whole_) return std::nullopt;
            s.phase = s.phase == Phase::start && c == '0' ? Phase::zero : Phase::whole;
            if (s.phase == Phase::zero) return s;
            s.low.whole(in_.low.at.whole, s.whole, c);
            if (in_.high) s.high.whole(in_.high->at.whole, s.whole, c);
            ++s.whole;
        }
        if (multiple_ > 0) s.rest = (s.rest * 10 + (c - '0')) % multiple_;
        return s;
    }
    // Before a fraction, only the orders count.
    void end_whole(State& s) const {
        s.low.end_whole(in_.low.at.whole, s.whole);
        if (in_.high) s.high.end_whole(in_.high->at.whole, s.whole);
        s.whole = 0;
    }
    bool is_end(State s) const {
        if (s.phase == Phase::start || s.phase == Phase::point) return false;
        if (s.phase != Phase::fraction) end_whole(s);
        s.low.end(in_.low.at.fraction, s.fraction);
        if (s.low.order < 0 || (s.low.order == 0 && !in_.low.included)) return false;
        if (in_.high) {
            s.high.end(in_.high->at.fraction, s.fraction);
            if (s.high.order > 0 || (s.high.order == 0 && !in_.high->included)) return false;
        }
        if (multiple_ == 0) return true;
        for (int i = s.fraction; i < scale_; ++i) s.rest = s.rest * 10 % multiple_;
        return s.rest == 0;
    }

    Builder& b_;
    const Interval& in_;
    const int max_whole_, max_fraction_;
    const int64_t multiple_;  // 0: none
    const int scale_;         // its digits behind the point
    std::map<State, int32_t> numbers_;
    std::vector<State> states_;
    std::vector<Step> steps_;
    std::vector<int32_t> ends_;
};

// -1, 0, 1, signs apart.
int compare(const Decimal& a, const Decimal& b) {
    if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -1 : 1;
    const int whole = a.whole.compare(b.whole);
    return whole != 0 ? whole : a.fraction.compare(b.fraction);
}
int compare_signed(const Decimal& a, const Decimal& b) {
    const bool minus_a = a.negative && !a.zero(), minus_b = b.negative && !b.zero();
    if (minus_a != minus_b) return minus_a ? -1 : 1;
    return minus_a ? compare(b, a) : compare(a, b);
}

// The narrower of the inclusive and the exclusive keyword. sign: 1 for minima, -1 for maxima.
Result<std::optional<Side>> read_side(const std::optional<json::value>& included, const char* included_name,
                                      const std::optional<json::value>& excluded, const char* excluded_name,
                                      int sign) {
    std::optional<Side> out;
    if (included) {
        auto at = decimal(*included, included_name);
        if (!at) return at.error();
        out = Side{std::move(*at), true};
    }
    if (excluded) {
        auto at = decimal(*excluded, excluded_name);
        if (!at) return at.error();
        if (!out || sign * compare_signed(*at, out->at) >= 0) out = Side{std::move(*at), false};
    }
    return out;
}

// The magnitudes of numbers of one sign between two bounds, if there are any. Zero has no sign: "-0" is left
// out.
std::optional<Interval> interval(const std::optional<Side>& low, const std::optional<Side>& high,
                                 bool negative) {
    const std::optional<Side>& near = negative ? high : low;  // to zero
    const std::optional<Side>& far = negative ? low : high;
    const auto has_sign = [negative](const Side& s) { return s.at.zero() || s.at.negative == negative; };
    Interval out;
    out.low.included = !negative;
    if (near && has_sign(*near)) {
        out.low = *near;
        if (near->at.zero()) out.low.included = near->included && !negative;
    }
    if (!far) return out;
    if (!has_sign(*far)) return std::nullopt;
    out.high = *far;
    return out;
}

}  // namespace

Result<Node> add_number(Builder& b, const NumberBounds& bounds) {
    auto low = read_side(bounds.minimum, "minimum", bounds.exclusive_minimum, "exclusiveMinimum", 1);
    if (!low) return low.error();
    auto high = read_side(bounds.maximum, "maximum", bounds.exclusive_maximum, "exclusiveMaximum", -1);
    if (!high) return high.error();
    int64_t multiple = 0;
    int scale = 0;
    if (bounds.multiple_of) {
        const auto m = decimal(*bounds.multiple_of, "multipleOf");
        if (!m) return m.error();
        if (m->negative || m->zero()) return bad("multipleOf", "must be above 0");
        const std::string digits = m->whole + m->fraction;
        if (digits.size() > 5) return bad("multipleOf", "has more digits than are supported");
        multiple = std::stoll(digits);
        scale = static_cast<int>(m->fraction.size());
        if (multiple > kMultiple) return bad("multipleOf", "has more digits than are supported");
    }
    size_t whole = 0, fraction = bounds.multiple_of ? static_cast<size_t>(scale) : kUsualFraction;
    for (const auto* side : {&*low, &*high}) {
        if (!*side) continue;
        whole = std::max(whole, (*side)->at.whole.size());
        if (!bounds.multiple_of) fraction = std::max(fraction, (*side)->at.fraction.size());
    }
    if (bounds.integer) fraction = 0;
    whole = std::max(whole, static_cast<size_t>(kDigits) - fraction);
    std::vector<Node> options;
    for (const bool negative : {false, true}) {
        const auto in = interval(*low, *high, negative);
        if (!in) continue;
        const auto node =
            Magnitudes(b, *in, static_cast<int>(whole), static_cast<int>(fraction), multiple, scale).add();
        if (!node) return bad("multipleOf", "makes too many cases together with the bounds");
        const Node parts[] = {b.literal(negative ? "-" : ""), *node};
        options.push_back(b.sequence(parts));
    }
    return b.either(options);
}

}  // namespace sluice::grammar
