#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "kernels/check.h"

namespace sluice::tokenizer {
namespace {

uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Order of a heap whose top is the lowest rank, and the leftmost of equals.
bool later(const Bpe::Scratch::Candidate& a, const Bpe::Scratch::Candidate& b) {
    return std::tie(a.rank, a.position) > std::tie(b.rank, b.position);
}

}  // namespace

bool Bpe::add_merge(int32_t left, int32_t right, int32_t rank, int32_t result) {
    return merges_.try_emplace(key(left, right), Merge{rank, result}).second;
}

const Bpe::Merge* Bpe::find(int32_t left, int32_t right) const {
    const auto it = merges_.find(key(left, right));
    return it == merges_.end() ? nullptr : &it->second;
}

void Bpe::push(Scratch& s, int32_t position) const {
    if (position < 0 || s.symbols[position].next < 0) return;
    const int32_t left = s.symbols[position].token;
    const int32_t right = s.symbols[s.symbols[position].next].token;
    if (const Merge* merge = find(left, right)) {
        s.heap.push_back({merge->rank, position, left, right});
        std::push_heap(s.heap.begin(), s.heap.end(), later);
    }
}

void Bpe::merge_all(Scratch& s) const {
    while (!s.heap.empty()) {
        std::pop_heap(s.heap.begin(), s.heap.end(), later);
        const Scratch::Candidate top = s.heap.back();
        s.heap.pop_back();
        ++s.steps;
        Scratch::Symbol& left = s.symbols[top.position];
        if (left.token != top.left || left.next < 0) continue;
        Scratch::Symbol& right = s.symbols[left.next];
        if (right.token != top.right) continue;
        left.token = find(top.left, top.right)->result;
        right.token = -1;
        left.next = right.next;
        if (left.next >= 0) s.symbols[left.next].previous = top.position;
        push(s, left.previous);
        push(s, top.position);
    }
}

void Bpe::encode(std::string_view piece, Scratch& s, std::vector<int32_t>& out) const {
    SLUICE_CHECK(piece.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()));
    s.symbols.clear();
    s.heap.clear();
    const auto n = static_cast<int32_t>(piece.size());
    for (int32_t i = 0; i < n; ++i)
        s.symbols.push_back({byte_tokens_[static_cast<uint8_t>(piece[i])], i - 1, i + 1 < n ? i + 1 : -1});
    for (int32_t i = 0; i < n; ++i) push(s, i);
    merge_all(s);
    for (int32_t i = 0; i >= 0 && i < n; i = s.symbols[i].next) out.push_back(s.symbols[i].token);
}

}  // namespace sluice::tokenizer
