#include "engine/model/upload.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "kernels/cuda/limits.h"

namespace sluice::model {
namespace {

using kernels::DType;

constexpr uint64_t kTold = 64 << 20;  // bytes between two reports

using Tensors = std::unordered_map<const std::byte*, const gguf::Tensor*>;  // by where their data is

Tensors tensors_of(const gguf::File& file) {
    Tensors out;
    for (const gguf::Tensor& t : file.tensors()) out.emplace(t.data.data(), &t);
    return out;
}

// Asks about tensors; keeps the first refusal.
class Check {
  public:
    explicit Check(const gguf::File& file) : file_(file), tensors_(tensors_of(file)) {}

    void linear(const kernels::Weight& w) {
        if (w.data)
            tensor(w.data, w.type, kernels::cuda::can_multiply(w.type), "F32, F16, BF16, Q8_0 or Q4_K");
    }
    void feed_forward(const auto& gate, const auto& up, const auto& down) {
        if (!gate.data) return;
        for (const auto* w : {&gate, &up, &down}) {
            tensor(w->data, w->type, kernels::cuda::can_feed_forward(w->type), "Q8_0 or Q4_K");
            tensor(w->data, w->type, w->type == gate.type, "the type of the gate");
        }
    }
    void most(const char* what, int32_t value, int32_t limit) {
        if (value > limit) {
            refuse(std::string("has ") + std::to_string(value) + " " + what +
                       ", and the device computes up to " + std::to_string(limit),
                   what);
        }
    }
    void refuse(const std::string& why, const std::string& param) {
        if (result_) result_ = Error{ErrorKind::unsupported, file_.path() + ": " + why, param};
    }
    Result<void> result() const { return result_; }

  private:
    void tensor(const std::byte* data, DType type, bool can, const std::string& wanted) {
        if (can) return;
        const std::string& name = tensors_.at(data)->name;
        refuse("tensor " + name + " is " + std::string(kernels::dtype_info(type).name) +
                   ", and the device computes with it only as " + wanted,
               name);
    }

    const gguf::File& file_;
    const Tensors tensors_;
    Result<void> result_;
};

class Upload {
  public:
    Upload(const gguf::File& file, kernels::DeviceMemory& device, const RepackProgress& progress)
        : tensors_(tensors_of(file)), device_(device), progress_(progress) {
        for (const auto& [at, tensor] : tensors_) total_ += tensor->data.size();
    }

    // What two names stand for goes once (tied embeddings).
    template <class T>
    void move(const T*& at) {
        if (!at || device_.failed()) return;
        const auto* from = reinterpret_cast<const std::byte*>(at);
        const auto [place, is_new] = places_.try_emplace(from, nullptr);
        if (is_new) place->second = send(*tensors_.at(from));
        at = reinterpret_cast<const T*>(place->second);
    }
    const Uploaded& finish() {
        if (progress_) progress_(total_, total_);
        return done_;
    }

  private:
    const std::byte* send(const gguf::Tensor& tensor) {
        const size_t bytes = tensor.data.size();
        std::byte* at = device_.allocate(tensor.name, bytes, 0);
        if (!at) return nullptr;
        device_.upload(at, tensor.data.data(), bytes);
        ++done_.tensors;
        done_.bytes += bytes;
        if (progress_ && done_.bytes - told_ >= kTold) progress_(told_ = done_.bytes, total_);
        return at;
    }

    const Tensors tensors_;
    kernels::DeviceMemory& device_;
    const RepackProgress& progress_;
    uint64_t total_ = 0, told_ = 0;
    Uploaded done_;
    std::unordered_map<const std::byte*, const std::byte*> places_;
};

}  // namespace

Result<void> check_for_device(const Weights& weights, const Config& config, DType kv_type) {
    Check check(*weights.file);
    check.linear(weights.embedding);
    for (const LayerWeights& l : weights.layers) {
        for (const kernels::Weight* w : {&l.q, &l.k, &l.v, &l.o, &l.router}) check.linear(*w);
        check.feed_forward(l.gate, l.up, l.down);
        check.feed_forward(l.gate_exps, l.up_exps, l.down_exps);
    }
    check.linear(weights.output);
    check.most("elements a head", config.head_dim, kernels::cuda::kMostHeadDim);
    check.most("experts", config.experts, kernels::cuda::kMostExperts);
    check.most("experts a token", config.experts_used, kernels::cuda::kMostTopK);
    if (auto fits = check.result(); !fits) return fits;
    if (kernels::cuda::can_cache(kv_type)) return {};
    return Error{ErrorKind::unsupported,
                 "the device has KV caches in F16, BF16 and F32, not in " +
                     std::string(kernels::dtype_info(kv_type).name),
                 "--kv-type"};
}

Result<Uploaded> upload(Weights& weights, kernels::DeviceMemory& device, const RepackProgress& progress) {
    Upload to(*weights.file, device, progress);
    to.move(weights.embedding.data);
    for (LayerWeights& l : weights.layers) {
        for (const float** v :
             {&l.attn_norm, &l.q_bias, &l.k_bias, &l.v_bias, &l.q_norm, &l.k_norm, &l.ffn_norm})
            to.move(*v);
        for (kernels::Weight* w : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down, &l.router})
            to.move(w->data);
        for (kernels::ExpertWeight* w : {&l.gate_exps, &l.up_exps, &l.down_exps}) to.move(w->data);
    }
    to.move(weights.output_norm);
    to.move(weights.output.data);
    if (auto why = device.take_failure()) return Error{ErrorKind::out_of_memory, *why, "--device"};
    return to.finish();
}

}  // namespace sluice::model
