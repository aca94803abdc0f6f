# LibTorch from its Python wheel. The wheel's own CMake config demands a CUDA toolkit, so the two
# libraries that the CPU path needs are imported by hand.
include(FindPackageHandleStandardArgs)
set(TORCH_ROOT ${PMOE_SITE_PACKAGES}/torch)
find_library(TORCH_CPU_LIBRARY libtorch_cpu.so PATHS ${TORCH_ROOT}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(TORCH_C10_LIBRARY libc10.so PATHS ${TORCH_ROOT}/lib NO_DEFAULT_PATH NO_CACHE)
find_package_handle_standard_args(TorchWheel REQUIRED_VARS TORCH_CPU_LIBRARY TORCH_C10_LIBRARY)
if(TorchWheel_FOUND AND NOT TARGET torch::cpu)
  add_library(torch::c10 SHARED IMPORTED)
  set_target_properties(torch::c10 PROPERTIES IMPORTED_LOCATION ${TORCH_C10_LIBRARY})
  add_library(torch::cpu SHARED IMPORTED)
  set_target_properties(torch::cpu PROPERTIES IMPORTED_LOCATION ${TORCH_CPU_LIBRARY})
  # SYSTEM: the wheel's headers are not ours to warn about.
  target_include_directories(torch::cpu SYSTEM INTERFACE ${TORCH_ROOT}/include
    ${TORCH_ROOT}/include/torch/csrc/api/include)
  # A file includes the headers of the operators that it calls, and then only theirs.
  target_compile_definitions(torch::cpu INTERFACE AT_PER_OPERATOR_HEADERS)
  target_link_libraries(torch::cpu INTERFACE torch::c10)
  target_link_options(torch::cpu INTERFACE -Wl,-rpath-link,${PMOE_SITE_PACKAGES}/nvidia/cu13/lib
    -Wl,-rpath,${PMOE_SITE_PACKAGES}/nvidia/cu13/lib -Wl,--no-as-needed)
endif()
