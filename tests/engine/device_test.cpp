// The whole engine on the simulated device: the tokens and logprobs of the CPU, alone and eight at a time,
// and failures of the device that end requests but not the engine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "kernels/cuda/backend.h"
#include "tests/engine/model/model_fixture.h"
#include "tests/support/collector.h"
#include "tests/support/fake_model.h"

namespace sluice::engine {
namespace {

using test::Collector;
using test::Outcome;

tools::TinySpec spec() {
    tools::TinySpec s;
    s.type = "Q8_0";
    return s;
}

class ModelOnDisk {
  public:
    ModelOnDisk() : path(testing::TempDir() + "sluice-device-" + std::to_string(::getpid()) + ".gguf") {
        const auto bytes = tools::TinyModel::make(spec())->bytes();
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    }
    ~ModelOnDisk() { std::remove(path.c_str()); }
    ModelOnDisk(const ModelOnDisk&) = delete;

    std::unique_ptr<Engine> load(Device device) const {
        Options o;
        o.model_path = path;
        o.threads = 1;
        o.kv_memory_bytes = 1 << 20;
        o.weights = WeightLayout::mapped;
        o.device = device;
        auto engine = Engine::load(o);
        EXPECT_TRUE(engine.has_value()) << engine.error().message;
        return std::move(*engine);
    }

    const std::string path;
};

// Greedy, with logprobs, whose bits are compared. Some begin alike and share blocks.
Request request(uint32_t seed, size_t prompt, int32_t max_tokens) {
    std::mt19937 rng(seed % 4);
    Request r;
    for (size_t i = 0; i < prompt; ++i) r.prompt.push_back(static_cast<int32_t>(rng() % 250));
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    r.sampling.temperature = 0;
    r.sampling.top_logprobs = 2;
    return r;
}

std::vector<Request> requests() {
    std::vector<Request> out;
#if defined(__SANITIZE_THREAD__)
    for (uint32_t i = 0; i < 2; ++i) out.push_back(request(i, 3 + i, 2));  // slow there
    return out;
#endif
    for (uint32_t i = 0; i < 8; ++i) out.push_back(request(i, 5 + 9 * i, 6 + static_cast<int32_t>(i)));
    return out;
}

std::vector<Outcome> run(Engine& engine, const std::vector<Request>& requests, bool together) {
    std::vector<std::shared_ptr<Collector>> sinks;
    for (Request r : requests) {
        sinks.push_back(std::make_shared<Collector>());
        r.sink = sinks.back();
        EXPECT_TRUE(engine.submit(std::move(r)).has_value());
        if (!together) sinks.back()->wait();
    }
    std::vector<Outcome> out;
    for (const auto& sink : sinks) out.push_back(sink->wait());
    return out;
}

TEST(EngineOnDevice, gives_the_tokens_and_logprobs_of_the_cpu) {
    const ModelOnDisk model;
    const auto wanted = run(*model.load(Device::cpu), requests(), false);
    const auto engine = model.load(Device::sim);
    EXPECT_EQ(engine->info().backend, "cuda/sim");
    EXPECT_EQ(engine->info().weights, "uploaded");
    EXPECT_NE(engine->info().device.find("weights take 0.4 (27 tensors), the KV cache 1.0"),
              std::string::npos)
        << engine->info().device;
    for (const bool together : {true, false}) {
        const auto got = run(*engine, requests(), together);
        for (size_t i = 0; i < got.size(); ++i) {
            ASSERT_FALSE(got[i].error) << got[i].error->message;
            EXPECT_EQ(static_cast<int32_t>(got[i].tokens.at(0).size()), requests()[i].max_tokens);
            EXPECT_TRUE(got[i].same_bytes(wanted[i]))
                << "request " << i << (together ? " among others" : " alone");
        }
    }
}

// An engine on a device with little memory beside the model.
class SmallDevice {
  public:
    explicit SmallDevice(bool broken = false)
        : fixture_(spec(), backend(), kernels::DType::f16, false, kBlocks) {
        if (broken) break_device(fixture_.model().backend());
        Options o;
        o.step_tokens = 4096;
        o.stretch = 0;
        auto info = test::fake_info(kBlocks, kBlocks * 32);
        info.vocab = fixture_.config().vocab;
        auto made = Engine::create(fixture_.take_model(), test::fake_frontend(), info, o);
        EXPECT_TRUE(made.has_value()) << made.error().message;
        engine_ = std::move(*made);
    }
    Outcome ask(size_t prompt) { return run(*engine_, {request(1, prompt, 4)}, false).front(); }

  private:
    static constexpr int32_t kBlocks = 64;
    // With a kernel that reads what nothing has written.
    static void break_device(kernels::Backend& backend) {
        kernels::Buffer<float> x(backend.device(), "x");
        x.grow(64);
        backend.rms_norm({x.data(), x.data(), x.data(), 1, 64, 1e-6f});
    }
    static std::unique_ptr<kernels::Backend> backend() {
        kernels::cuda::SimOptions options;
        options.host = {1, ""};
        options.memory_bytes = 1040 << 10;
        return kernels::cuda::make_sim_backend(options);
    }
    test::ModelFixture fixture_;
    std::unique_ptr<Engine> engine_;
};

TEST(EngineOnDevice, out_of_memory_ends_the_request_and_not_the_engine) {
    SmallDevice device;
    EXPECT_FALSE(device.ask(10).error);
    const Outcome failed = device.ask(300);
    ASSERT_TRUE(failed.error);
    EXPECT_EQ(failed.error->kind, ErrorKind::internal);
    EXPECT_NE(failed.error->message.find("a step failed: the device is out of memory"), std::string::npos)
        << failed.error->message;
    EXPECT_FALSE(device.ask(10).error);
}

TEST(EngineOnDevice, a_lost_device_ends_every_request_and_not_the_engine) {
    SmallDevice device(true);
    for (int i = 0; i < 3; ++i) {
        const Outcome failed = device.ask(10);
        ASSERT_TRUE(failed.error);
        EXPECT_NE(failed.error->message.find("the device is lost: uninitialised memory"), std::string::npos)
            << failed.error->message;
    }
}

}  // namespace
}  // namespace sluice::engine
