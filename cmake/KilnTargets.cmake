# Helpers that keep every folder's CMakeLists.txt to a list of files.

add_library(kiln_options INTERFACE)
target_compile_options(kiln_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Wcast-qual -Wunused -Woverloaded-virtual -Wconversion
  -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough
  # gcc 12 takes the unused members of a std::variant for uninitialised ones, in optimised builds.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
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

# The interpreter of every Python test and script, by absolute path: another python3 in PATH may lack
# the modules.
set(KILN_PYTHON /usr/bin/python3)
# Each test writes what its cases did there, as NAME.xml; scripts/test_report.py reads it.
set(KILN_REPORTS ${CMAKE_BINARY_DIR}/reports)
file(MAKE_DIRECTORY ${KILN_REPORTS})

# kiln_library(NAME SOURCES a.cc b.h DEPS kiln_base ... PRIVATE_DEPS sodium ...)
# One static library per folder of src/. Every source is listed.
function(kiln_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC kiln_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# kiln_precompile(TARGET <caf/all.hpp> ...)
# Compiles these slow outside headers once for the target. Only outside headers: one of ours would
# rebuild the whole target at each change. Sources still include what they use.
function(kiln_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

# Gives test NAME its labels and time limit, and adds TARGET (if any) to the target
# kiln_tests_LABEL of each label, so that one label can be built alone. Tests that start cells or
# whole clusters run alone: they measure time and watch what is left behind.
function(kiln_label_test name target timeout labels)
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout})
  if("security" IN_LIST labels OR "integration" IN_LIST labels OR "fault" IN_LIST labels)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  foreach(label IN LISTS labels)
    if(NOT TARGET kiln_tests_${label})
      add_custom_target(kiln_tests_${label})
    endif()
    if(target)
      add_dependencies(kiln_tests_${label} ${target})
    endif()
  endforeach()
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
    gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
      RUN_SERIAL ON)
    foreach(label IN LISTS ARG_LABELS)
      if(NOT TARGET kiln_tests_${label})
        add_custom_target(kiln_tests_${label})
      endif()
      add_dependencies(kiln_tests_${label} ${name})
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${name} --gtest_output=xml:${KILN_REPORTS}/${name}.xml)
    kiln_label_test(${name} ${name} ${ARG_TIMEOUT} "${ARG_LABELS}")
  endif()
endfunction()

# kiln_python_test(NAME LABELS house SCRIPT a_test.py [NEEDS kiln ...] [TIMEOUT seconds])
# One file of pytest cases. It finds KILN_SOURCE_DIR, KILN_BUILD_DIR and KILN_BIN (the built kiln) in
# its environment; NEEDS are targets to build before it.
function(kiln_python_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;SCRIPT" "LABELS;NEEDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name}
    COMMAND ${KILN_PYTHON} -m pytest -q -p no:cacheprovider --import-mode=importlib
      --junitxml=${KILN_REPORTS}/${name}.xml ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SCRIPT})
  kiln_label_test(${name} "" ${ARG_TIMEOUT} "${ARG_LABELS}")
  foreach(label IN LISTS ARG_LABELS)
    foreach(need IN LISTS ARG_NEEDS)
      add_dependencies(kiln_tests_${label} ${need})
    endforeach()
  endforeach()
  set_tests_properties(${name} PROPERTIES ENVIRONMENT
    "PYTHONDONTWRITEBYTECODE=1;KILN_SOURCE_DIR=${CMAKE_SOURCE_DIR};KILN_BUILD_DIR=${CMAKE_BINARY_DIR};KILN_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/kiln")
endfunction()

# kiln_fuzzer(NAME SOURCES a_fuzz.cc CORPUS dir DEPS kiln_net [SECONDS n] [MAX_LEN bytes])
# One libFuzzer target, only in a build with KILN_FUZZ (clang; preset fuzz). Its ctest run replays the
# committed corpus and then fuzzes for SECONDS; new inputs go to the build tree, never to the corpus.
function(kiln_fuzzer name)
  if(NOT KILN_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "CORPUS;SECONDS;MAX_LEN" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_SECONDS)
    set(ARG_SECONDS 5)
  endif()
  if(NOT ARG_MAX_LEN)
    set(ARG_MAX_LEN 65536)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} kiln_options)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_BINARY_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME ${name} COMMAND ${name} -max_total_time=${ARG_SECONDS} -max_len=${ARG_MAX_LEN}
    -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=${found}/crash-
    ${found} ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
  math(EXPR limit "${ARG_SECONDS} * 4 + 60")
  kiln_label_test(${name} ${name} ${limit} fuzz)
endfunction()
