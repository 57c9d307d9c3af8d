// The places where a text can be in a grammar, made as texts get there. A place is a set of stacks of states,
// because a grammar may allow several readings of the same beginning; each distinct stack and each distinct
// place is kept once, with where its bytes lead. Not synchronised.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/grammar/automaton.h"

namespace sluice::grammar {

class Positions {
  public:
    static constexpr int32_t kNowhere = 0;               // no text goes on from here, and none ends here
    static constexpr int32_t kDepth = 1'000;             // calls within calls; deeper readings are dropped
    static constexpr size_t kReadings = 4'096;           // stacks of one place; with more it is nowhere
    static constexpr size_t kSteps = 8 * kReadings;      // of a search for one place, likewise
    static constexpr size_t kBytes = size_t{256} << 20;  // of all; then new places are nowhere

    explicit Positions(std::shared_ptr<const Automaton> automaton);

    int32_t start() const { return start_; }
    int32_t next(int32_t place, uint8_t byte) {
        const int32_t known = next_[slot(place, byte)];
        return known >= 0 ? known : find_next(place, byte);
    }
    bool can_end(int32_t place) const { return places_[static_cast<size_t>(place)].can_end; }
    bool can_go_on(int32_t place) const { return places_[static_cast<size_t>(place)].count > 0; }

    // Places of one shape have the same short texts in front of them (see Automaton::alike).
    int32_t shape(int32_t place);

    int32_t readings(int32_t place) const { return places_[static_cast<size_t>(place)].count; }
    bool has_dropped() const { return has_dropped_; }  // a place is nowhere only because of these bounds
    size_t bytes() const;                              // of memory, about
    // Forgets all places but the start and these, which get new numbers.
    void keep(std::span<int32_t* const> places);

  private:
    struct Frame {  // the top of a stack: a state, and the frame to go on with after its part's end
        int32_t state, below, depth;
    };
    struct Place {
        size_t first;  // of its frames in members_
        int32_t count;
        bool can_end;
    };
    size_t slot(int32_t place, uint8_t byte) const {
        return static_cast<size_t>(place) * static_cast<size_t>(automaton_->classes()) +
               automaton_->class_of(byte);
    }
    int32_t find_next(int32_t place, uint8_t byte);
    int32_t frame(int32_t state, int32_t below);
    void follow(int32_t frame);
    int32_t place_of_found(bool can_end = false);
    int32_t shape_of_frame(int32_t frame);
    int32_t copy_frame(const Positions& from, int32_t frame);
    int32_t copy_place(const Positions& from, int32_t place);

    std::shared_ptr<const Automaton> automaton_;
    std::vector<Frame> frames_;
    std::vector<Place> places_;
    std::vector<int32_t> members_, next_;
    std::unordered_map<uint64_t, int32_t> known_frames_;
    std::unordered_multimap<uint64_t, int32_t> known_places_;  // by a hash of their frames
    int32_t start_ = 0;
    bool has_dropped_ = false;

    std::vector<int32_t> frame_shapes_, place_shapes_;  // as far as they were asked for
    std::unordered_map<uint64_t, int32_t> known_frame_shapes_;
    std::map<std::vector<int32_t>, int32_t> known_place_shapes_;

    // The place that is being found.
    std::vector<int32_t> todo_, found_;
    std::vector<uint32_t> seen_;  // a frame's last search
    uint32_t search_ = 0;
    bool found_end_ = false;
};

}  // namespace sluice::grammar
