#include "engine/model/repack.h"

#include <sys/mman.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/gguf/mapping.h"
#include "kernels/strips.h"

namespace sluice::model {
namespace {

using kernels::kStripRows;

constexpr size_t kAlignment = 64;      // of a matrix: strips are read by lines
constexpr size_t kHugePage = 2 << 20;  // of the whole
constexpr size_t kChunk = 1 << 20;     // of the file that one task reads
constexpr size_t kReadAhead = 16;      // chunks that the kernel fetches before they are needed

// A tensor that becomes strips: `matrices` of rows x cols, one after the other.
struct Tensor {
    kernels::DType type;
    int64_t matrices, rows, cols;
    const std::byte* from;
    std::byte* to;

    size_t strip_bytes() const { return kStripRows * kernels::row_bytes(type, cols); }
    int64_t strips() const { return matrices * rows / kStripRows; }
    size_t bytes() const { return static_cast<size_t>(strips()) * strip_bytes(); }
};
struct Chunk {
    const Tensor* tensor;
    int64_t first, count;  // strips
    std::span<const std::byte> bytes() const {
        return {tensor->from + static_cast<size_t>(first) * tensor->strip_bytes(),
                static_cast<size_t>(count) * tensor->strip_bytes()};
    }
};

// Calls `each` with every matrix of the model, a stack of experts as (type, experts, rows, cols, data,
// layout).
template <class Each>
void each_matrix(Weights& w, Each&& each) {
    const auto one = [&](kernels::Weight& m) {
        if (m.data) each(m.type, int64_t{1}, m.rows, m.cols, m.data, m.layout);
    };
    const auto stack = [&](kernels::ExpertWeight& m) {
        if (m.data) each(m.type, m.experts, m.rows, m.cols, m.data, m.layout);
    };
    for (LayerWeights& l : w.layers) {
        for (kernels::Weight* m : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down, &l.router}) one(*m);
        for (kernels::ExpertWeight* m : {&l.gate_exps, &l.up_exps, &l.down_exps}) stack(*m);
    }
    one(w.output);  // rows of the embedding are looked up one by one: it stays in the file
}

// All of them in file order, so that the file is read from front to back.
std::vector<Tensor> tensors_of(Weights& w) {
    std::vector<Tensor> out;
    each_matrix(w, [&](kernels::DType type, int64_t matrices, int64_t rows, int64_t cols,
                       const std::byte* data, kernels::Layout) {
        if (kernels::fits_strips(type, rows)) out.push_back({type, matrices, rows, cols, data, nullptr});
    });
    std::ranges::sort(out, {}, &Tensor::from);
    return out;
}

// Anonymous memory for all of them.
std::shared_ptr<std::byte> allocate(size_t bytes) {
    const size_t size = bytes + kHugePage;
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    std::shared_ptr<void> owner(at, [size](void* p) { ::munmap(p, size); });
    const auto address = (reinterpret_cast<uintptr_t>(at) + kHugePage - 1) / kHugePage * kHugePage;
    auto* aligned = reinterpret_cast<std::byte*>(address);
    ::madvise(aligned, bytes, MADV_HUGEPAGE);  // fewer page walks; systems without them refuse, which is fine
    return {std::move(owner), aligned};
}

std::vector<Chunk> chunks_of(const std::vector<Tensor>& tensors) {
    std::vector<Chunk> out;
    for (const Tensor& t : tensors) {
        const auto at_once = static_cast<int64_t>(std::max<size_t>(1, kChunk / t.strip_bytes()));
        for (int64_t s = 0; s < t.strips(); s += at_once)
            out.push_back({&t, s, std::min(at_once, t.strips() - s)});
    }
    return out;
}

void write(const Chunk& chunk) {
    const Tensor& t = *chunk.tensor;
    const int64_t per_matrix = t.rows / kStripRows;
    for (int64_t s = chunk.first; s < chunk.first + chunk.count; ++s) {
        const size_t matrix = static_cast<size_t>(s / per_matrix * per_matrix) * t.strip_bytes();
        kernels::write_strip(t.type, t.rows, t.cols, s % per_matrix,
                             t.from + static_cast<size_t>(s) * t.strip_bytes(), t.to + matrix);
    }
}

class Report {
  public:
    Report(const RepackProgress& progress, uint64_t total) : progress_(progress), total_(total) {}
    void add(size_t bytes) {
        const std::lock_guard lock(mutex_);
        done_ += bytes;
        if (!progress_ || (done_ - told_ < (64u << 20) && done_ < total_)) return;
        told_ = done_;
        progress_(done_, total_);
    }

  private:
    const RepackProgress& progress_;
    const uint64_t total_;
    std::mutex mutex_;
    uint64_t done_ = 0, told_ = 0;
};

}  // namespace

Result<void> repack(Weights& weights, const RepackProgress& progress) {
    std::vector<Tensor> tensors = tensors_of(weights);
    size_t total = 0;
    for (const Tensor& t : tensors) total += (t.bytes() + kAlignment - 1) / kAlignment * kAlignment;
    auto memory = allocate(total);
    if (!memory) {
        return Error{ErrorKind::out_of_memory,
                     "no memory for " + std::to_string(total >> 20) + " MiB of repacked weights",
                     "--weights"};
    }
    std::byte* next = memory.get();
    std::unordered_map<const std::byte*, std::byte*> place;
    for (Tensor& t : tensors) {
        t.to = place[t.from] = next;
        next += (t.bytes() + kAlignment - 1) / kAlignment * kAlignment;
    }

    const gguf::File& file = *weights.file;
    uint64_t all = 0;
    for (const gguf::Tensor& t : file.tensors()) all += t.data.size();
    Report report(progress, all);
    const std::vector<Chunk> chunks = chunks_of(tensors);
    std::atomic<size_t> taken{0};  // in order, whatever the order of tasks: the disk likes it
    tbb::parallel_for(size_t{0}, chunks.size(), [&](size_t) {
        const size_t i = taken.fetch_add(1);
        if (i + kReadAhead < chunks.size()) file.will_need(chunks[i + kReadAhead].bytes());
        write(chunks[i]);
        file.release(chunks[i].bytes());
        report.add(chunks[i].bytes().size());
    });
    for (const gguf::Tensor& t : file.tensors()) {
        if (place.contains(t.data.data())) continue;
        gguf::touch_pages(t.data);
        report.add(t.data.size());
    }
    const bool tied = weights.embedding.data == weights.output.data;
    each_matrix(weights, [&](kernels::DType, int64_t, int64_t, int64_t, const std::byte*& data,
                             kernels::Layout& layout) {
        const auto it = place.find(data);
        if (it == place.end()) return;
        data = it->second;
        layout = kernels::Layout::strips;
    });
    if (tied) weights.embedding = weights.output;
    weights.strips = std::move(memory);
    return {};
}

}  // namespace sluice::model
