# Helpers that keep every folder's CMakeLists.txt to a list of files.

add_library(kiln_options INTERFACE)
target_compile_options(kiln_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wunused -Woverloaded-virtual -Wconversion -Wnull-dereference
  -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough)
target_include_directories(kiln_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(KILN_SANITIZE)
  target_compile_options(kiln_options INTERFACE
    -fsanitize=${KILN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(kiln_options INTERFACE -fsanitize=${KILN_SANITIZE})
endif()
find_program(KILN_MOLD mold)
if(KILN_MOLD)
  target_link_options(kiln_options INTERFACE -fuse-ld=mold)
endif()

# kiln_library(NAME SOURCES a.cc b.h DEPS kiln_base ... PRIVATE_DEPS sodium ...)
# One static library per folder of src/. Every source is listed.
function(kiln_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC kiln_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# kiln_test(NAME LABELS unit SOURCES a_test.cc DEPS kiln_core [TIMEOUT seconds] [PROCESS_PER_CASE])
# One GoogleTest binary. ctest runs the binary whole (one process: quick), unless
# PROCESS_PER_CASE asks for a process for each case.
function(kiln_test name)
  cmake_parse_arguments(ARG "PROCESS_PER_CASE" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} kiln_options GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  if(ARG_PROCESS_PER_CASE)
    include(GoogleTest)
    gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  else()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  endif()
endfunction()
