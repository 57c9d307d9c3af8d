// Boost.JSON, compiled here: Debian ships it as headers only.
#include <boost/json/src.hpp>
