// What the process ends with; docs/command-line.md has the same table, and so has the man page.
#pragma once
#include <array>

namespace sluice::net {

namespace exit_status {
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int bad_model = 3;
inline constexpr int no_memory = 4;
inline constexpr int no_port = 5;
inline constexpr int interrupted = 130;  // what a shell makes of SIGINT
inline constexpr int closed_pipe = 141;  // what a shell makes of SIGPIPE
}  // namespace exit_status

struct ExitMeaning {
    int status;
    const char* meaning;
};
inline constexpr std::array kExitMeanings{
    ExitMeaning{exit_status::done, "done"},
    ExitMeaning{exit_status::failed, "a request failed, or anything without a number of its own"},
    ExitMeaning{exit_status::usage, "wrong arguments or settings"},
    ExitMeaning{exit_status::bad_model, "the model file cannot be read, or is none that Sluice computes"},
    ExitMeaning{exit_status::no_memory,
                "too little memory; from `inspect`: the model is described, and does not fit here"},
    ExitMeaning{exit_status::no_port, "the address cannot be listened on"},
    ExitMeaning{exit_status::interrupted, "ended by Ctrl-C (SIGINT) in `run` or while loading"},
    ExitMeaning{exit_status::closed_pipe, "who reads the output has closed it (SIGPIPE), as `head` does"},
};

}  // namespace sluice::net
