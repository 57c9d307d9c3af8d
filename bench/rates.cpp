#include "bench/rates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "kernels/backend.h"

namespace sluice::bench {
namespace {

struct alignas(64) Operands {
    std::array<float, 32> values;
    Operands() {  // no denormals, which could be slow, and bytes that differ
        for (size_t i = 0; i < values.size(); ++i) values[i] = 0.3f + 0.01f * static_cast<float>(i);
    }
};
const Operands kOperands;

#if defined(__x86_64__)

// Registers by name: an array of them that an asm statement changes lies in memory, and then stores and loads
// are what is measured. 0 to 11 are written, 12 is for what lies between, 14 and 15 are read. The
// assembler needs no flags for instructions of newer machines.
#define SLUICE_RATE(registers, each)                                                                     \
    [](int64_t rounds, const void* operands) {                                                           \
        asm volatile("vmovups (%1), %%" registers "14\n\tvmovups 64(%1), %%" registers                   \
                     "15\n\t"                                                                            \
                     ".irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\tvpxor %%xmm\\r, %%xmm\\r, %%xmm\\r\n\t.endr\n" \
                     "1:\n\t.rept 4\n\t.irp r,0,1,2,3,4,5,6,7,8,9,10,11\n\t" each                        \
                     "\n\t.endr\n\t.endr\n\t"                                                            \
                     "dec %0\n\tjnz 1b\n\tvzeroupper"                                                    \
                     : "+r"(rounds)                                                                      \
                     : "r"(operands)                                                                     \
                     : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",   \
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm14", "xmm15");                     \
    }

constexpr std::string_view kAvx2 = "avx2", kAvx512 = "avx512";
const std::vector<Instruction> kAll = {
    {"vpand_ymm", kAvx2, 0, SLUICE_RATE("ymm", "vpand %%ymm14, %%ymm15, %%ymm\\r")},
    {"vpbroadcastd_ymm_memory", kAvx2, 0, SLUICE_RATE("ymm", "vpbroadcastd 4*\\r(%1), %%ymm\\r")},
    {"vpmaddubsw_ymm", kAvx2, 32, SLUICE_RATE("ymm", "vpmaddubsw %%ymm14, %%ymm15, %%ymm\\r")},
    {"vpmaddwd_ymm", kAvx2, 16, SLUICE_RATE("ymm", "vpmaddwd %%ymm14, %%ymm15, %%ymm\\r")},
    {"vpmulld_ymm", kAvx2, 8, SLUICE_RATE("ymm", "vpmulld %%ymm14, %%ymm15, %%ymm\\r")},
    {"vfmadd231ps_ymm", kAvx2, 8, SLUICE_RATE("ymm", "vfmadd231ps %%ymm14, %%ymm15, %%ymm\\r")},
    {"broadcast_maddubs_add_ymm", kAvx2, 32,
     SLUICE_RATE("ymm",
                 "vpbroadcastd 4*\\r(%1), %%ymm12\n\tvpmaddubsw %%ymm12, %%ymm15, %%ymm12\n\t"
                 "vpaddw %%ymm12, %%ymm\\r, %%ymm\\r")},
    {"vpdpbusd_zmm", kAvx512, 64, SLUICE_RATE("zmm", "vpdpbusd %%zmm14, %%zmm15, %%zmm\\r")},
    {"vpdpbusd_zmm_broadcast", kAvx512, 64,
     SLUICE_RATE("zmm", "vpdpbusd 4*\\r(%1)%{1to16%}, %%zmm15, %%zmm\\r")},
    {"vpmulld_zmm", kAvx512, 16, SLUICE_RATE("zmm", "vpmulld %%zmm14, %%zmm15, %%zmm\\r")},
    {"vfmadd231ps_zmm", kAvx512, 16, SLUICE_RATE("zmm", "vfmadd231ps %%zmm14, %%zmm15, %%zmm\\r")},
};

constexpr int kImulClocks = 3;  // from one to the next that needs its result, on all of these processors
constexpr Instruction kImul = {"imul", "", 0, [](int64_t rounds, const void*) {
                                   int64_t product = 1;
                                   asm volatile("1:\n\t.rept 48\n\timul %1, %1\n\t.endr\n\tdec %0\n\tjnz 1b"
                                                : "+r"(rounds), "+r"(product)::"cc");
                               }};
#else
const std::vector<Instruction> kAll;
#endif

std::vector<Instruction> usable() {
    const auto isas = kernels::available_cpu_isas();
    std::vector<Instruction> found;
    for (const Instruction& one : kAll)
        if (std::ranges::find(isas, one.isa) != isas.end()) found.push_back(one);
    return found;
}

}  // namespace

std::span<const Instruction> instructions() {
    static const std::vector<Instruction> found = usable();
    return found;
}

const Instruction* least_of(std::string_view isa) {
    const std::string_view name = isa == "avx512" ? "vpdpbusd_zmm_broadcast" : "broadcast_maddubs_add_ymm";
    for (const Instruction& one : instructions())
        if (one.isa == isa && one.name == name) return &one;
    return nullptr;
}

double rate(const Instruction& instruction) {
    constexpr int64_t kRounds = 250'000;
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    instruction.run(kRounds, kOperands.values.data());
    const std::chrono::duration<double> seconds = Clock::now() - start;
    return static_cast<double>(kRounds * kPerRound) / seconds.count();
}

double clock_rate() {
#if defined(__x86_64__)
    return kImulClocks * rate(kImul);
#else
    return 0;
#endif
}

}  // namespace sluice::bench
