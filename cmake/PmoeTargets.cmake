# pmoe_library(NAME SRCS … DEPS … [PRIVATE_DEPS …] [EXACT_FP] [TORCH] [UNITY]
#              [COMMAND])
#   One target per folder, alias pmoe::NAME.
#   EXACT_FP: no fused multiply-add, so that sums round as NumPy's and MuJoCo's do.
#   TORCH: its files include LibTorch's headers and are compiled a few at a time.
#   UNITY: eight files are compiled as one, since they include the same headers. Only where results
#   cannot change: what is inlined into one function may be fused there (a * b + c), so these files
#   compute nothing that counts, or are EXACT_FP. Names in anonymous namespaces must not collide.
#   COMMAND: what runs once per call and not once per step; -O1 compiles it in three quarters of the
#   time, and under a sanitizer -O0 in two thirds of -O1's.
# pmoe_binary(NAME SRCS … DEPS … [ON_DEMAND] [UNITY] [COMMAND])
#   A program in bin/, part of the target pmoe-binaries, and installed.
#   ON_DEMAND: neither; ./pmoe builds it before the command that needs it.
# pmoe_test(NAME SRCS … DEPS … [LABELS unit] [TORCH] [GRPC] [DEVICE] [ONE_THREAD] [BUSY]
#           [ENV VAR=value …])
#   One GoogleTest binary, one ctest entry. Like COMMAND: what is fast is the code under it. Its
#   first header is tests/testing/precompiled.h, compiled once for all but TORCH's, whose headers
#   want another one, and GRPC's, which take precompiled_grpc.h. Unit tests are what the sanitizers
#   build and run.
#   BUSY: its own loops cost more than compiling them: -O1 under a sanitizer too, without the
#   header, which is compiled with -O0 there.
#   ONE_THREAD: nothing of it runs beside anything else: ThreadSanitizer's build leaves it out.
#   DEVICE: part of it can run on a GPU: a second entry NAME_gpu, labelled gpu, in which
#   PMOE_TEST_DEVICE is cuda unless the environment has another.

# What a user runs, without benchmarks and tests: what ./pmoe builds before the first training.
add_custom_target(pmoe-binaries)
# What the sanitizers run.
add_custom_target(unit-tests)

option(PMOE_UNITY "Compile several files as one where a target allows it" ON)

function(pmoe_unity name)
  set_property(TARGET ${name} PROPERTY UNITY_BUILD ${PMOE_UNITY})
endfunction()

function(pmoe_command name)
  target_compile_options(${name} PRIVATE
    $<$<CONFIG:Release>:-O1> $<$<BOOL:${PMOE_SANITIZE}>:-O0>)
endfunction()

function(pmoe_library name)
  cmake_parse_arguments(ARG "EXACT_FP;TORCH;UNITY;COMMAND" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(pmoe_${name} STATIC ${ARG_SRCS})
  add_library(pmoe::${name} ALIAS pmoe_${name})
  target_include_directories(pmoe_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(pmoe_${name} PUBLIC ${ARG_DEPS}
    PRIVATE pmoe::options ${ARG_PRIVATE_DEPS})
  if(ARG_EXACT_FP)
    target_compile_options(pmoe_${name} PRIVATE -ffp-contract=off)
  endif()
  if(ARG_TORCH)
    set_property(TARGET pmoe_${name} PROPERTY JOB_POOL_COMPILE torch)
  endif()
  if(ARG_UNITY)
    pmoe_unity(pmoe_${name})
  endif()
  if(ARG_COMMAND)
    pmoe_command(pmoe_${name})
  endif()
endfunction()

function(pmoe_binary name)
  cmake_parse_arguments(ARG "ON_DEMAND;UNITY;COMMAND" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE pmoe::options ${ARG_DEPS})
  if(ARG_UNITY)
    pmoe_unity(${name})
  endif()
  if(ARG_COMMAND)
    pmoe_command(${name})
  endif()
  if(NOT ARG_ON_DEMAND)
    add_dependencies(pmoe-binaries ${name})
    # The file as it is, with the RPATH that it was built with (PmoeCompiler.cmake).
    install(PROGRAMS $<TARGET_FILE:${name}> TYPE BIN)
  endif()
endfunction()

# pmoe_precompiled(NAME HEADER DEPS…): tests/testing/HEADER.h is NAME's first header.
# g++ takes a precompiled header only where the macros of the command line are the same: -pthread
# makes one, and not every test's libraries ask for it. -fpch-preprocess: for ccache.
function(pmoe_precompiled name header)
  set(compiled pmoe_test_${header})
  if(NOT TARGET ${compiled})
    add_library(${compiled} OBJECT ${CMAKE_SOURCE_DIR}/tests/testing/precompiled.cc)
    target_include_directories(${compiled} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${compiled} PRIVATE pmoe::options GTest::gmock ${ARGN})
    target_compile_options(${compiled} PRIVATE -pthread -fpch-preprocess)
    target_precompile_headers(${compiled} PRIVATE ${CMAKE_SOURCE_DIR}/tests/testing/${header}.h)
    pmoe_command(${compiled})
  endif()
  target_compile_options(${name} PRIVATE -pthread -fpch-preprocess)
  target_precompile_headers(${name} REUSE_FROM ${compiled})
endfunction()

function(pmoe_test name)
  cmake_parse_arguments(ARG "TORCH;GRPC;DEVICE;ONE_THREAD;BUSY" "" "SRCS;DEPS;LABELS;ENV" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SRCS})
  if(ARG_LABELS STREQUAL unit)
    if(ARG_ONE_THREAD AND PMOE_SANITIZE STREQUAL thread)
      set(ARG_LABELS one-thread)
    else()
      add_dependencies(unit-tests ${name})
    endif()
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE pmoe::options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  pmoe_command(${name})
  if(ARG_BUSY)
    target_compile_options(${name} PRIVATE -O1)
  endif()
  # At -O1 g++ 12 warns falsely inside std::string operator+.
  target_compile_options(${name} PRIVATE -Wno-array-bounds)
  if(ARG_TORCH)
    set_property(TARGET ${name} PROPERTY JOB_POOL_COMPILE torch)
  elseif(ARG_GRPC)
    pmoe_precompiled(${name} precompiled_grpc pmoe::proto_grpc)
  elseif(NOT (ARG_BUSY AND PMOE_SANITIZE))
    pmoe_precompiled(${name} precompiled)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set(environment PMOE_SOURCE_DIR=${CMAKE_SOURCE_DIR} PMOE_BIN_DIR=${CMAKE_BINARY_DIR}/bin
    PMOE_DEPS=${PMOE_DEPS_DIR} ${ARG_ENV})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" ENVIRONMENT "${environment}")
  if(ARG_DEVICE)
    add_test(NAME ${name}_gpu COMMAND sh -c
      "PMOE_TEST_DEVICE=\${PMOE_TEST_DEVICE:-cuda} exec $<TARGET_FILE:${name}>")
    set_tests_properties(${name}_gpu PROPERTIES LABELS gpu ENVIRONMENT "${environment}")
  endif()
endfunction()
