# Compile settings shared by every target, and the two functions that declare targets.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED)
find_package(TBB REQUIRED)

add_library(sluice_settings INTERFACE)
target_include_directories(sluice_settings INTERFACE ${PROJECT_SOURCE_DIR})
# -ffp-contract=off: results may not depend on what the compiler fuses; kernels ask for fma by name.
target_compile_options(sluice_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -ffp-contract=off -fno-math-errno $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
target_link_libraries(sluice_settings INTERFACE Threads::Threads Boost::headers)
if(SLUICE_SANITIZE)
  # gcc loses track of what is initialised between the checks that it inserts.
  target_compile_options(sluice_settings INTERFACE -Wno-maybe-uninitialized
    -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(sluice_settings INTERFACE -fsanitize=${SLUICE_SANITIZE})
  # Asio's fences stand beside locks, which the thread sanitizer sees; that it does not see the fences costs nothing.
  if(SLUICE_SANITIZE MATCHES thread)
    target_compile_options(sluice_settings INTERFACE -Wno-tsan)
  endif()
endif()

# sluice_library(NAME HEADERS a.h ... SOURCES a.cpp ... DEPS target ...): without sources it is header-only.
function(sluice_library name)
  cmake_parse_arguments(ARG "" "" "HEADERS;SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  if(ARG_HEADERS)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ARG_HEADERS})
  endif()
  target_link_libraries(${name} ${scope} sluice_settings ${ARG_DEPS})
endfunction()

# sluice_test(NAME SOURCES ... DEPS ... [TIMEOUT seconds]): one GoogleTest program, one ctest entry.
function(sluice_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE sluice_settings ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
