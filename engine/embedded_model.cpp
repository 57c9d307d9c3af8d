#include "engine/embedded_model.h"

// SLUICE_EMBEDDED_MODEL is the path of the file, given by the build.
__asm__(
    ".section .rodata\n"
    ".balign 64\n"
    "sluice_embedded_model_begin:\n"
    ".incbin \"" SLUICE_EMBEDDED_MODEL
    "\"\n"
    "sluice_embedded_model_end:\n"
    ".previous\n");

extern "C" const std::byte sluice_embedded_model_begin[];
extern "C" const std::byte sluice_embedded_model_end[];

namespace sluice::engine {

std::span<const std::byte> embedded_model() {
    return {sluice_embedded_model_begin, sluice_embedded_model_end};
}

}  // namespace sluice::engine
