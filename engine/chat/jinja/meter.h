// What one rendering may still spend, and the error that ends it. Lives on the renderer's stack; one thread.
#pragma once
#include <stdexcept>
#include <string>

#include "engine/chat/chat_template.h"

namespace sluice::chat::jinja {

// Thrown inside this module only; ChatTemplate turns it into an Error with the line.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Meter {
  public:
    explicit Meter(const Budget& budget) : budget_(budget) {}

    void charge(size_t steps) {
        if (steps > static_cast<size_t>(budget_.steps - used_))
            throw Failure("the template passed its budget of " + std::to_string(budget_.steps) + " steps");
        used_ += static_cast<int64_t>(steps);
    }
    // Reading costs what writing costs, so that searching a long string in a loop is bounded too.
    void read(size_t bytes) { charge(bytes / 64); }
    // Going through a text by code point is slower.
    void walk(size_t bytes) { charge(bytes / 8); }
    void grow(size_t from, size_t by) {
        if (by > static_cast<size_t>(budget_.output_bytes) ||
            from + by > static_cast<size_t>(budget_.output_bytes))
            throw Failure("the template made a string of more than " + std::to_string(budget_.output_bytes) +
                          " bytes");
        charge((from + by) / 64 - from / 64);
    }
    int32_t max_depth() const { return budget_.depth; }

    // One nested call, expression or value.
    class Level {
      public:
        explicit Level(Meter& meter) : meter_(meter) {
            if (meter_.depth_ >= meter_.budget_.depth)
                throw Failure("the template passed its budget of " + std::to_string(meter_.budget_.depth) +
                              " nested calls and expressions");
            ++meter_.depth_;
            meter_.charge(1);
        }
        ~Level() { --meter_.depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        Meter& meter_;
    };

  private:
    Budget budget_;
    int64_t used_ = 0;
    int32_t depth_ = 0;
};

}  // namespace sluice::chat::jinja
