#include "net/mailbox.h"

#include <utility>

namespace sluice::net {
namespace {

template <class Sequence>
void append(Sequence& to, Sequence& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

class Mailbox::Slot : public engine::EventSink {
  public:
    Slot(std::shared_ptr<Mailbox> box, int32_t source) : box_(std::move(box)), source_(source) {}
    void on_event(engine::Event event) override { box_->put(source_, std::move(event)); }

  private:
    const std::shared_ptr<Mailbox> box_;
    const int32_t source_;
};

Mailbox::Mailbox(std::function<void()> wake, size_t merge_above)
    : merge_above_(merge_above), wake_(std::move(wake)) {}

std::shared_ptr<engine::EventSink> Mailbox::sink(int32_t source) {
    return std::make_shared<Slot>(shared_from_this(), source);
}

std::vector<Letter> Mailbox::take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(letters_, {});
}

void Mailbox::close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    letters_.clear();
}

void Mailbox::put(int32_t source, engine::Event event) {
    const std::lock_guard lock(mutex_);
    if (!wake_) return;
    auto* delta = std::get_if<engine::Delta>(&event);
    if (delta && letters_.size() >= merge_above_ && merge(source, *delta)) return;
    letters_.push_back({source, engine::Clock::now(), std::move(event)});
    if (letters_.size() == 1) wake_();
}

// The last letter of the same choice is a Delta: nothing follows the end of a choice.
bool Mailbox::merge(int32_t source, engine::Delta& delta) {
    for (auto letter = letters_.rbegin(); letter != letters_.rend(); ++letter) {
        auto* last = std::get_if<engine::Delta>(&letter->event);
        if (letter->source != source || !last || last->choice != delta.choice) continue;
        last->text += delta.text;
        append(last->tokens, delta.tokens);
        append(last->logprobs, delta.logprobs);
        return true;
    }
    return false;
}

}  // namespace sluice::net
