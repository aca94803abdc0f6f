# Debian packages by find_package; the wheels of .deps/venv by the find modules beside this file.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
if(PMOE_TESTS)
  find_package(GTest REQUIRED)
endif()

file(GLOB PMOE_SITE_PACKAGES LIST_DIRECTORIES true
  ${PMOE_DEPS_DIR}/venv/lib/python3*/site-packages)
if(NOT PMOE_SITE_PACKAGES)
  message(FATAL_ERROR
    "no wheels under ${PMOE_DEPS_DIR}/venv: run ./pmoe build once, it installs them")
endif()
find_package(MujocoWheel REQUIRED)
find_package(NumpyRandom REQUIRED)
if(PMOE_TORCH)
  find_package(TorchWheel REQUIRED)
endif()
