# MuJoCo from its Python wheel: a versioned .so, headers, no CMake config of its own.
include(FindPackageHandleStandardArgs)
file(GLOB MUJOCO_LIBRARY ${PMOE_SITE_PACKAGES}/mujoco/libmujoco.so.*)
find_package_handle_standard_args(MujocoWheel REQUIRED_VARS MUJOCO_LIBRARY)
if(MujocoWheel_FOUND AND NOT TARGET mujoco::mujoco)
  add_library(mujoco::mujoco SHARED IMPORTED)
  set_target_properties(mujoco::mujoco PROPERTIES IMPORTED_LOCATION ${MUJOCO_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${PMOE_SITE_PACKAGES}/mujoco/include)
endif()
