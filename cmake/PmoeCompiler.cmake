# Compiler baseline, warnings, sanitizers and ccache. The flags are those of pmoe::options, which
# every target of ours links.
option(PMOE_WERROR "Warnings are errors; the presets set it" OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(PMOE_CCACHE ccache)
if(PMOE_CCACHE)
  # Paths below the checkout count as relative ones, so that one cache serves every clone of it. The
  # sloppiness is what precompiled headers need.
  set(PMOE_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${PMOE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PMOE_LAUNCHER})
  set(CMAKE_C_COMPILER_LAUNCHER ${PMOE_LAUNCHER})
endif()
add_library(pmoe_options INTERFACE)
add_library(pmoe::options ALIAS pmoe_options)
# One baseline for every file: Eigen types cross targets, so mixed -march flags would break the ABI.
# CMake's own build RPATH: an install RPATH of link paths leaves out those below the checkout, where
# .deps lies by default.
# RPATH, not RUNPATH: LD_LIBRARY_PATH, as conda and module systems set it, cannot put another
# libmujoco or libtorch in the place of the pinned one; nor, by the system's folder at its end,
# another libprotobuf or libstdc++, which libraries need as well.
# The loader then refuses a CPU without x86-64-v3 in words, where the program would die of SIGILL.
target_link_options(pmoe_options INTERFACE -Wl,--disable-new-dtags -Wl,-z,x86-64-v3)
set(CMAKE_CXX_STANDARD_LIBRARIES -Wl,-rpath,/lib/${CMAKE_LIBRARY_ARCHITECTURE})  # comes last
target_compile_options(pmoe_options INTERFACE -march=x86-64-v3 -Wall -Wextra
  $<$<BOOL:${PMOE_WERROR}>:-Werror> -Wno-unused-parameter
  -Wno-restrict)  # g++ 12 warns falsely inside std::string operator+
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
if(PMOE_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1") # Eigen's and our assertions stay on
  # -g1: lines for the reports, in three quarters of the time that -g takes.
  target_compile_options(pmoe_options INTERFACE
    -fsanitize=${PMOE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(pmoe_options INTERFACE -fsanitize=${PMOE_SANITIZE})
endif()
# A Torch translation unit takes 1 GB, with debug information more.
cmake_host_system_information(RESULT PMOE_MEMORY_MIB QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR PMOE_TORCH_JOBS "${PMOE_MEMORY_MIB} / 3072 + 1")
set_property(GLOBAL PROPERTY JOB_POOLS torch=${PMOE_TORCH_JOBS})
