# libmicrohttpd as Debian builds it: a header and a shared library.
include(FindPackageHandleStandardArgs)
find_library(MICROHTTPD_LIBRARY microhttpd)
find_path(MICROHTTPD_INCLUDE_DIR microhttpd.h)
find_package_handle_standard_args(Microhttpd
  REQUIRED_VARS MICROHTTPD_LIBRARY MICROHTTPD_INCLUDE_DIR)
if(Microhttpd_FOUND AND NOT TARGET pmoe::microhttpd)
  add_library(pmoe::microhttpd SHARED IMPORTED)
  set_target_properties(pmoe::microhttpd PROPERTIES IMPORTED_LOCATION ${MICROHTTPD_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${MICROHTTPD_INCLUDE_DIR})
endif()
