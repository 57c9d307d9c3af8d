#include <cerrno>
#include <cstdio>
#include <cstring>

#include "net/commands/commands.h"

namespace sluice::net {

int report(const Error& error, int status) {
    const std::string at = error.param.empty() || error.message.find(error.param) != std::string::npos
                               ? ""
                               : " (" + error.param + ")";
    std::fprintf(stderr, "sluice: %s%s\n", error.message.c_str(), at.c_str());
    return status;
}

int report_output(int error_number) {
    if (error_number == EPIPE) return exit_status::closed_pipe;
    return report(
        {ErrorKind::io, std::string("cannot write to standard output: ") + std::strerror(error_number)});
}

int printed(int status) {
    const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
    return written ? status : report_output(errno);
}

int load_status(const Error& error) {
    if (error.kind == ErrorKind::out_of_memory) return exit_status::no_memory;
    if (error.param.starts_with("--") && error.param != "--model") return exit_status::usage;
    return error.kind == ErrorKind::internal ? exit_status::failed : exit_status::bad_model;
}

}  // namespace sluice::net
