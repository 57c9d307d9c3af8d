// Finds the token masks of the next step while the model computes it, on a thread of its own ("sl-masks"):
// what sampling then asks for is mostly there. Thread: engine.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "engine/grammar/constraint.h"

namespace sluice::engine {

class MaskMaker {
  public:
    MaskMaker();
    ~MaskMaker();
    MaskMaker(const MaskMaker&) = delete;

    // Of where the matcher stands now, or when its turn comes.
    void make(const grammar::Matcher& matcher);

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<grammar::Matcher> waiting_;
    bool closing_ = false;
    std::thread thread_;
};

}  // namespace sluice::engine
