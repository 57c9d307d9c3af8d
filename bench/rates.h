// How fast one core runs the instructions that kernels consist of: what their speed is held against. Any
// thread.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::bench {

inline constexpr int64_t kPerRound = 48;  // four for each of 12 registers, so that none waits for another

// One instruction, or a mix of some that counts as one.
struct Instruction {
    std::string_view name;
    std::string_view isa;  // that it needs, as available_cpu_isas() has it; empty: none
    int macs;              // multiply-adds of one; 0: none
    void (*run)(int64_t rounds, const void* operands);
};

// Those that this machine has. Empty on other processors than x86-64.
std::span<const Instruction> instructions();

// What a strip kernel needs at least for each line of weights and four activations; null where there is none.
//   avx2: vpbroadcastd from memory, vpmaddubsw, vpaddw      avx512: vpdpbusd with a broadcast from memory
const Instruction* least_of(std::string_view isa);

// Runs it for one or two milliseconds: instructions (or mixes) a second.
double rate(const Instruction& instruction);

// The clock of this core now, in 1/s, from a chain of multiplications; 0 on other processors.
double clock_rate();

}  // namespace sluice::bench
