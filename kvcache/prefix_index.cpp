#include "kvcache/prefix_index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/check.h"
#include "kvcache/planted_bug.h"

namespace sluice::kvcache {

PrefixIndex::PrefixIndex(int32_t num_blocks, int hash_bits)
    : entries_(static_cast<size_t>(num_blocks)),
      buckets_(std::bit_ceil(static_cast<size_t>(num_blocks)), -1),
      hash_mask_(hash_bits >= 64 ? ~0ull : (1ull << hash_bits) - 1) {}

bool PrefixIndex::alive(Node node) const {
    if (node.block < 0) return true;
    const Entry& e = entries_[static_cast<size_t>(node.block)];
    return e.alive && e.generation == node.generation;
}

uint64_t PrefixIndex::hash(Node parent, std::span<const int32_t> tokens) const {
    const uint64_t before =
        parent.block < 0 ? parent.generation : entries_[static_cast<size_t>(parent.block)].hash;
    return XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), before) & hash_mask_;
}

std::optional<PrefixIndex::Node> PrefixIndex::find(Node parent, std::span<const int32_t> tokens) const {
    if (!alive(parent)) return std::nullopt;
    const uint64_t wanted = hash(parent, tokens);
    for (int32_t block = buckets_[bucket(wanted)]; block >= 0;) {
        const Entry& e = entries_[static_cast<size_t>(block)];
        const int32_t found = std::exchange(block, e.next);
        if (e.hash != wanted) continue;
        const bool same_parent = e.parent.block == parent.block && e.parent.generation == parent.generation;
        if ((same_parent || planted_bug(3)) && std::equal(tokens.begin(), tokens.end(), e.tokens.begin())) {
            return Node{found, e.generation};
        }
    }
    return std::nullopt;
}

std::optional<PrefixIndex::Node> PrefixIndex::insert(Node parent, std::span<const int32_t> tokens,
                                                     int32_t block) {
    SLUICE_CHECK(tokens.size() == kernels::kBlockTokens);
    if (!alive(parent)) return std::nullopt;
    if (const auto known = find(parent, tokens)) return known;
    Entry& e = entries_[static_cast<size_t>(block)];
    SLUICE_CHECK(!e.alive);
    e.alive = true;
    ++e.generation;
    e.hash = hash(parent, tokens);
    e.parent = parent;
    std::copy(tokens.begin(), tokens.end(), e.tokens.begin());
    e.next = std::exchange(buckets_[bucket(e.hash)], block);
    return Node{block, e.generation};
}

void PrefixIndex::forget(int32_t block) {
    Entry& e = entries_[static_cast<size_t>(block)];
    if (!e.alive) return;
    e.alive = false;
    int32_t* link = &buckets_[bucket(e.hash)];
    while (*link != block) link = &entries_[static_cast<size_t>(*link)].next;
    *link = e.next;
}

}  // namespace sluice::kvcache
