# Makes the chat page of its parts, and says what its headers must say of it. The build runs it:
#   cmake -DFROM=net/web -DTO=folder -P make_page.cmake
# Writes TO/page.html (style and scripts inside) and TO/page_hashes.h (for the content security policy; ETag).
set(SCRIPTS api.js markdown.js engine.js experts.js message.js chat.js)

# The base64 form of the SHA-256 of a text, as policies spell it.
function(base64_sha256 text out)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(SHA256 hex "${text}")
  set(result "")
  # 32 bytes and two zero bits of padding are 43 digits of 6 bits; three hex digits are two of them.
  foreach(at RANGE 0 60 3)
    string(SUBSTRING "${hex}" ${at} 3 three)
    math(EXPR high "0x${three} >> 6")
    math(EXPR low "0x${three} & 63")
    string(SUBSTRING "${digits}" ${high} 1 first)
    string(SUBSTRING "${digits}" ${low} 1 second)
    string(APPEND result "${first}${second}")
  endforeach()
  string(SUBSTRING "${hex}" 63 1 last)
  math(EXPR last "0x${last} << 2")
  string(SUBSTRING "${digits}" ${last} 1 last)
  set(${out} "${result}${last}=" PARENT_SCOPE)
endfunction()

file(READ "${FROM}/page.html" page)
file(READ "${FROM}/style.css" style)
set(script "")
foreach(name IN LISTS SCRIPTS)
  file(READ "${FROM}/${name}" part)
  string(APPEND script "${part}")
endforeach()
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
base64_sha256("${style}" style_hash)
base64_sha256("${script}" script_hash)
string(SHA256 tag "${page}")
string(SUBSTRING "${tag}" 0 32 tag)

file(WRITE "${TO}/page.html" "${page}")
file(WRITE "${TO}/page_hashes.h" "// Written by make_page.cmake.
#pragma once
#define SLUICE_STYLE_HASH \"sha256-${style_hash}\"
#define SLUICE_SCRIPT_HASH \"sha256-${script_hash}\"
#define SLUICE_PAGE_TAG \"${tag}\"
")
