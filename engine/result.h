// Result<T>: a value, or an Error that a person can act on. Used for everything that comes from outside
// (files, requests, options). Bugs use SLUICE_CHECK instead.
#pragma once
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace sluice {

enum class ErrorKind {
    invalid_request,          // a field of a request is wrong; `param` names it
    context_length_exceeded,  // the prompt can never fit
    model_not_found,
    not_found,  // something else that a request names
    unsupported_architecture,
    unsupported,  // a feature or type that we do not have
    bad_file,     // a model file is damaged or inconsistent
    io,           // the system refused: open, map, bind, ...
    out_of_memory,
    queue_full,
    unavailable,  // loading or draining
    deadline_exceeded,
    cancelled,
    internal,
};

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;
    std::string param = {};  // the request field, flag, metadata key or tensor at fault; may be empty
};

template <class T>
using Result = boost::system::result<T, Error>;

// boost::system::result calls this when value() is asked of an error: a bug of the caller.
[[noreturn]] inline void throw_exception_from_error(const Error& e, const boost::source_location&) {
    throw std::runtime_error(e.message);
}

}  // namespace sluice
