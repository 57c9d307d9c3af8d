#include "engine/grammar/positions.h"

#include <algorithm>
#include <utility>

namespace sluice::grammar {
namespace {

constexpr int32_t kBottom = -1;   // below the whole grammar's frames
constexpr int32_t kUnknown = -1;  // in next_ and of shapes

size_t at(int32_t i) {
    return static_cast<size_t>(i);
}

uint64_t hash_of(std::span<const int32_t> frames, bool can_end) {
    uint64_t hash = can_end ? 0x9E3779B97F4A7C15u : 0xC2B2AE3D27D4EB4Fu;
    for (const int32_t frame : frames) {
        hash ^= static_cast<uint32_t>(frame);
        hash *= 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    return hash;
}

}  // namespace

Positions::Positions(std::shared_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {
    place_of_found();  // the first place is nowhere: no frames, no end
    ++search_;
    todo_.push_back(frame(automaton_->start(), kBottom));
    start_ = place_of_found();
}

int32_t Positions::frame(int32_t state, int32_t below) {
    const uint64_t key =
        (static_cast<uint64_t>(static_cast<uint32_t>(state)) << 32) | static_cast<uint32_t>(below);
    const auto [known, is_new] = known_frames_.try_emplace(key, static_cast<int32_t>(frames_.size()));
    if (is_new) {
        frames_.push_back({state, below, below == kBottom ? 0 : frames_[at(below)].depth + 1});
        seen_.push_back(0);
    }
    return known->second;
}

int32_t Positions::find_next(int32_t place, uint8_t byte) {
    ++search_;
    const Place from = places_[at(place)];
    for (int32_t i = 0; i < from.count; ++i) {
        const Frame f = frames_[at(members_[from.first + at(i)])];
        for (const Automaton::Edge& edge : automaton_->edges(f.state))
            if (edge.low <= byte && byte <= edge.high) todo_.push_back(frame(edge.to, f.below));
    }
    const int32_t to = place_of_found();
    next_[slot(place, byte)] = to;
    return to;
}

// Where a stack leads without reading: jumps, calls, and after the end of a part to what called it.
void Positions::follow(int32_t id) {
    const Frame f = frames_[at(id)];
    if (automaton_->is_end(f.state)) {
        if (f.below == kBottom) {
            found_end_ = true;
        } else {
            todo_.push_back(f.below);
        }
    }
    for (const int32_t to : automaton_->jumps(f.state)) todo_.push_back(frame(to, f.below));
    for (const Automaton::Call& call : automaton_->calls(f.state)) {
        // Nothing follows a last call: it returns to where its caller would, and stacks do not grow.
        const bool last = automaton_->is_end(call.to);
        const int32_t below = last ? f.below : frame(call.to, f.below);
        if (below == kBottom || frames_[at(below)].depth < kDepth) todo_.push_back(frame(call.start, below));
    }
    if (!automaton_->edges(f.state).empty()) found_.push_back(id);
}

// Where all of todo_ leads to; empties it.
int32_t Positions::place_of_found(bool can_end) {
    found_.clear();
    found_end_ = can_end;
    for (size_t steps = 0; !todo_.empty(); ++steps) {
        const int32_t id = todo_.back();
        todo_.pop_back();
        if (std::exchange(seen_[at(id)], search_) == search_) continue;
        follow(id);
        if (found_.size() > kReadings || steps > kSteps || bytes() > kBytes) {
            todo_.clear();
            has_dropped_ = true;
            return kNowhere;
        }
    }
    std::sort(found_.begin(), found_.end());
    const uint64_t hash = hash_of(found_, found_end_);
    const auto [begin, end] = known_places_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
        const Place& p = places_[at(it->second)];
        if (p.can_end == found_end_ &&
            std::equal(found_.begin(), found_.end(), members_.begin() + static_cast<std::ptrdiff_t>(p.first),
                       members_.begin() + static_cast<std::ptrdiff_t>(p.first + at(p.count))))
            return it->second;
    }
    const auto id = static_cast<int32_t>(places_.size());
    places_.push_back({members_.size(), static_cast<int32_t>(found_.size()), found_end_});
    members_.insert(members_.end(), found_.begin(), found_.end());
    next_.insert(next_.end(), at(automaton_->classes()), kUnknown);
    known_places_.emplace(hash, id);
    return id;
}

// Along the stack from its bottom, and not by recursion: stacks are deep.
int32_t Positions::shape_of_frame(int32_t id) {
    frame_shapes_.resize(frames_.size(), kUnknown);
    std::vector<int32_t> path;
    for (; id != kBottom && frame_shapes_[at(id)] == kUnknown; id = frames_[at(id)].below) path.push_back(id);
    int32_t shape = id == kBottom ? kBottom : frame_shapes_[at(id)];
    for (size_t i = path.size(); i-- > 0;) {
        const auto state = static_cast<uint32_t>(automaton_->alike(frames_[at(path[i])].state));
        const uint64_t key = (uint64_t{state} << 32) | static_cast<uint32_t>(shape);
        const auto number = static_cast<int32_t>(known_frame_shapes_.size());
        shape = frame_shapes_[at(path[i])] = known_frame_shapes_.try_emplace(key, number).first->second;
    }
    return shape;
}

int32_t Positions::shape(int32_t place) {
    place_shapes_.resize(places_.size(), kUnknown);
    if (place_shapes_[at(place)] != kUnknown) return place_shapes_[at(place)];
    const Place p = places_[at(place)];
    std::vector<int32_t> shapes;
    for (int32_t i = 0; i < p.count; ++i) shapes.push_back(shape_of_frame(members_[p.first + at(i)]));
    std::sort(shapes.begin(), shapes.end());
    shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
    shapes.push_back(p.can_end ? 1 : 0);
    const auto number = static_cast<int32_t>(known_place_shapes_.size());
    const auto known = known_place_shapes_.try_emplace(std::move(shapes), number).first;
    return place_shapes_[at(place)] = known->second;
}

size_t Positions::bytes() const {
    constexpr size_t kMapEntry = 48;
    return frames_.size() * (sizeof(Frame) + sizeof(uint32_t) + kMapEntry) +
           places_.size() * (sizeof(Place) + kMapEntry) + (members_.size() + next_.size()) * sizeof(int32_t) +
           (known_frame_shapes_.size() + 2 * known_place_shapes_.size()) * kMapEntry;
}

int32_t Positions::copy_frame(const Positions& from, int32_t id) {
    std::vector<int32_t> stack;
    for (; id != kBottom; id = from.frames_[at(id)].below) stack.push_back(from.frames_[at(id)].state);
    int32_t below = kBottom;
    for (size_t i = stack.size(); i-- > 0;) below = frame(stack[i], below);
    return below;
}

int32_t Positions::copy_place(const Positions& from, int32_t place) {
    const Place& p = from.places_[at(place)];
    ++search_;
    for (int32_t i = 0; i < p.count; ++i) todo_.push_back(copy_frame(from, from.members_[p.first + at(i)]));
    return place_of_found(p.can_end);
}

void Positions::keep(std::span<int32_t* const> places) {
    Positions fresh(automaton_);
    for (int32_t* place : places) *place = fresh.copy_place(*this, *place);
    *this = std::move(fresh);
}

}  // namespace sluice::grammar
