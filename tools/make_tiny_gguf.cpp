// Writes a synthetic model (tools/tiny_model.h) to a file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/tiny_model.h"

namespace {

// Mapped, so that a model larger than memory can be written.
bool write_file(const sluice::tools::TinyModel& model, const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return false;
    bool ok = ::ftruncate(fd, static_cast<off_t>(model.size())) == 0;
    void* memory = ok ? ::mmap(nullptr, model.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    ok = memory != MAP_FAILED;
    if (ok) {
        model.write(static_cast<std::byte*>(memory));
        ok = ::munmap(memory, model.size()) == 0;
    }
    return ::close(fd) == 0 && ok;
}

}  // namespace

int main(int argc, char** argv) {
    sluice::tools::TinySpec spec;
    std::string out;
    CLI::App app{"Writes a small synthetic GGUF: random weights, working vocabulary and chat template."};
    app.option_defaults()->always_capture_default();
    app.add_option("--out", out, "file to write")->required();
    app.add_option("--name", spec.name, "general.name");
    app.add_option("--arch", spec.arch, "qwen3moe, qwen3, qwen2 or llama");
    app.add_option("--type", spec.type, "F32, F16, BF16, Q4_0, Q8_0, Q4_K, Q5_K, Q6_K or Q4_K_M");
    app.add_option("--pre", spec.pre, "pre-tokeniser: qwen2 or llama-bpe");
    app.add_option("--layers", spec.layers);
    app.add_option("--hidden", spec.hidden);
    app.add_option("--heads", spec.heads);
    app.add_option("--kv-heads", spec.kv_heads);
    app.add_option("--head-dim", spec.head_dim, "0: hidden / heads");
    app.add_option("--ffn", spec.ffn, "width of a dense layer or of one expert");
    app.add_option("--experts", spec.experts);
    app.add_option("--experts-used", spec.experts_used);
    app.add_option("--context", spec.context);
    app.add_option("--vocab", spec.vocab, "at least so many tokens")->check(CLI::Range(0, 1 << 20));
    app.add_flag("--tied", spec.tied, "no output matrix: the embedding serves");
    app.add_option("--seed", spec.seed);
    CLI11_PARSE(app, argc, argv);

    const auto model = sluice::tools::TinyModel::make(spec);
    if (!model) {
        std::fprintf(stderr, "%s\n", model.error().message.c_str());
        return 1;
    }
    if (!write_file(*model, out)) {
        std::fprintf(stderr, "make_tiny_gguf: %s: %s\n", out.c_str(), std::strerror(errno));
        return 1;
    }
}
