// Everything that can be set about a loaded model and its step loop. Parsed once in net/options.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/dtype.h"

namespace sluice::engine {

// How weights lie in memory. The results are the same bits.
enum class WeightLayout : uint8_t {
    automatic,  // repacked if they and the KV cache fit into memory beside each other, else mapped
    repacked,   // in strips, read into memory of our own: fast
    mapped      // as the file has them, in the page cache: ready at once, can be evicted
};

// What computes. sim: the CUDA kernels on a simulated device, correct and slow, for tests.
enum class Device : uint8_t { cpu, sim };

// How the hidden states of a prompt become one vector. `last` may use the prefix cache, `mean` needs them
// all.
enum class Pooling : uint8_t { none, mean, last };

struct Options {
    std::string model_path;            // empty: the embedded model
    std::string model_name;            // empty: general.name of the file, else the file's stem
    std::vector<std::string> aliases;  // further names that clients may ask for
    int threads = 0;                   // 0: one per usable core
    std::string isa;                   // empty: best available
    Device device = Device::cpu;
    WeightLayout weights = WeightLayout::automatic;
    kernels::DType kv_type = kernels::DType::f16;
    uint64_t kv_memory_bytes = 0;  // 0: sized to the machine
    int32_t max_context = 0;       // 0: what the model states, bounded by the pool
    int32_t max_running = 64;      // sequences in a step
    int32_t max_queue = 1024;      // requests that wait; more are refused
    int32_t step_tokens = 256;     // prompt tokens that one step may compute beside the decodes
    double stretch = 1.75;         // a step with prompts takes so many times one without, while streams run
    double target_itl_ms = 0;      // nor longer than this; 0: no such bound
    bool prefix_cache = true;
    uint64_t replay_bytes = uint64_t{32} << 20;  // tokens of answers, to know them again; 0: none are kept
    Pooling pooling = Pooling::last;             // of embeddings
};

// Called while a file loads; from the loading thread.
using LoadProgress = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;

}  // namespace sluice::engine
