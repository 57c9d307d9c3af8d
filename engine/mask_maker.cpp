#include "engine/mask_maker.h"

#include <pthread.h>

#include <utility>

namespace sluice::engine {

MaskMaker::MaskMaker() : thread_([this] { run(); }) {}

MaskMaker::~MaskMaker() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void MaskMaker::make(const grammar::Matcher& matcher) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(matcher);
    }
    changed_.notify_one();
}

void MaskMaker::run() {
    pthread_setname_np(pthread_self(), "sl-masks");
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        if (closing_) return;
        const grammar::Matcher next = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        next.allowed();
        lock.lock();
    }
}

}  // namespace sluice::engine
