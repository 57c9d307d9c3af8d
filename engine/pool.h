// The hidden states of a prompt, pooled to one vector as they come. In double and by position, so that the
// bits do not depend on the chunks. Thread: engine.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/request.h"
#include "engine/result.h"

namespace sluice::engine {

class Pool {
  public:
    explicit Pool(Pooling how) : how_(how) {}

    // `states` [rows, hidden] of positions first, first + 1, ...; positions that were seen before come back
    // after a preemption and are passed over.
    void add(int32_t first, std::span<const float> states, int32_t hidden);

    int32_t positions() const { return next_; }  // up to here all has been seen, or was not needed

    // Scaled to length 1; internal if there is no such vector.
    Result<std::vector<float>> unit() const;

  private:
    Pooling how_;
    int32_t next_ = 0;
    std::vector<double> sum_;  // mean: of all positions; last: of the last alone
};

}  // namespace sluice::engine
