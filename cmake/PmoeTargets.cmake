# pmoe_library(NAME SRCS … DEPS … [PRIVATE_DEPS …] [EXACT_FP] [TORCH] [UNITY]
#              [COMMAND])
#   One target per folder, alias pmoe::NAME.
#   EXACT_FP: no fused multiply-add, so that sums round as NumPy's and MuJoCo's do.
#   TORCH: its files include LibTorch's headers and are compiled a few at a time.
#   UNITY: eight files are compiled as one, since they include the same headers. Only where results
#   cannot change: what is inlined into one function may be fused there (a * b + c), so these files
#   compute nothing that counts, or are EXACT_FP. Names in anonymous namespaces must not collide.
#   COMMAND: what runs once per call and not once per step; -O1 compiles it in three quarters of the
#   time.
# pmoe_binary(NAME SRCS … DEPS … [ON_DEMAND] [UNITY] [COMMAND])
#   A program in bin/, part of the target pmoe-binaries, and installed.
#   ON_DEMAND: neither; ./pmoe builds it before the command that needs it.
# pmoe_test(NAME SRCS … DEPS … [LABELS unit] [TORCH] [ENV VAR=value …])
#   One GoogleTest binary, one ctest entry.

# What a user runs, without benchmarks and tests: what ./pmoe builds before the first training.
add_custom_target(pmoe-binaries)

option(PMOE_UNITY "Compile several files as one where a target allows it" ON)

function(pmoe_unity name)
  set_property(TARGET ${name} PROPERTY UNITY_BUILD ${PMOE_UNITY})
endfunction()

function(pmoe_command name)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
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

function(pmoe_test name)
  cmake_parse_arguments(ARG "TORCH" "" "SRCS;DEPS;LABELS;ENV" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE pmoe::options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(ARG_TORCH)
    set_property(TARGET ${name} PROPERTY JOB_POOL_COMPILE torch)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set(environment PMOE_SOURCE_DIR=${CMAKE_SOURCE_DIR} PMOE_BIN_DIR=${CMAKE_BINARY_DIR}/bin
    PMOE_DEPS=${PMOE_DEPS_DIR} ${ARG_ENV})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" ENVIRONMENT "${environment}")
endfunction()
