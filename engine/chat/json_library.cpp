// Boost.JSON, compiled once for the whole program: Debian's build needs no library for it.
#include <boost/json/src.hpp>
