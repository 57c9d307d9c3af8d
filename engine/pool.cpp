#include "engine/pool.h"

#include <algorithm>
#include <cmath>

namespace sluice::engine {

void Pool::add(int32_t first, std::span<const float> states, int32_t hidden) {
    const auto size = static_cast<size_t>(hidden);
    const auto rows = static_cast<int32_t>(states.size() / size);
    sum_.resize(size);
    for (int32_t row = std::max(0, next_ - first); row < rows; ++row) {
        const auto state = states.subspan(static_cast<size_t>(row) * size, size);
        if (how_ == Pooling::last) std::ranges::fill(sum_, 0.0);
        for (size_t i = 0; i < size; ++i) sum_[i] += static_cast<double>(state[i]);
    }
    next_ = std::max(next_, first + rows);
}

Result<std::vector<float>> Pool::unit() const {
    double squares = 0;
    for (const double value : sum_) squares += value * value;
    const double length = std::sqrt(squares);
    if (!(length > 0) || !std::isfinite(length))
        return Error{ErrorKind::internal, "the model produced no usable hidden states"};
    std::vector<float> out;
    out.reserve(sum_.size());
    for (const double value : sum_) out.push_back(static_cast<float>(value / length));
    return out;
}

}  // namespace sluice::engine
