#include <array>
#include <bit>
#include <cstring>

#include "net/openai/dialects.h"

namespace sluice::net::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "clients expect little-endian floats");

std::string base64(const std::vector<float>& values) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

class EmbeddingReply final : public Reply {
  public:
    EmbeddingReply(const Call& call, ReplyHeader header)
        : Reply(call, std::move(header)), base64_(call.base64), vectors_(count_) {}

    std::string stream_end() const override { return {}; }  // never streamed
    std::string error_frame(const ApiError&) const override { return {}; }

    std::string body() const override {
        std::string out;
        JsonWriter json(out);
        json.begin_object().key("object").text("list").key("data").begin_array();
        for (size_t i = 0; i < count_; ++i) write_vector(json, i);
        json.end_array().key("model").text(header_.model).key("usage").begin_object();
        json.key("prompt_tokens").integer(usage_.prompt_tokens);
        json.key("total_tokens").integer(usage_.prompt_tokens).end_object().end_object();
        return out;
    }

  protected:
    void start(std::string&) override {}
    void prompt_scored(int32_t, engine::PromptScored, std::string&) override {}
    void delta(size_t, engine::Delta, std::string&) override {}
    void choice_finished(size_t, const engine::ChoiceFinished&, std::string&) override {}
    void embedded(int32_t source, engine::Embedded embedded) override {
        vectors_[static_cast<size_t>(source)] = std::move(embedded.values);
    }

  private:
    void write_vector(JsonWriter& json, size_t i) const {
        json.begin_object().key("object").text("embedding").key("index").integer(static_cast<int64_t>(i));
        json.key("embedding");
        if (base64_) {
            json.text(base64(vectors_[i]));
        } else {
            json.begin_array();
            for (const float value : vectors_[i]) json.number(static_cast<double>(value));
            json.end_array();
        }
        json.end_object();
    }

    const bool base64_;
    std::vector<std::vector<float>> vectors_;  // one an input
};

}  // namespace

std::unique_ptr<Reply> make_embedding_reply(const Call& call, ReplyHeader header) {
    return std::make_unique<EmbeddingReply>(call, std::move(header));
}

}  // namespace sluice::net::openai
