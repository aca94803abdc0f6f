# cpp-httplib as Debian builds it: a header, a shared library, and macros that must be the same in
# both.
include(FindPackageHandleStandardArgs)
find_library(HTTPLIB_LIBRARY cpp-httplib)
find_path(HTTPLIB_INCLUDE_DIR httplib.h)
find_package(OpenSSL)
find_package_handle_standard_args(HttplibPackage
  REQUIRED_VARS HTTPLIB_LIBRARY HTTPLIB_INCLUDE_DIR OPENSSL_FOUND)
if(HttplibPackage_FOUND AND NOT TARGET pmoe::httplib)
  add_library(pmoe::httplib SHARED IMPORTED)
  set_target_properties(pmoe::httplib PROPERTIES IMPORTED_LOCATION ${HTTPLIB_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${HTTPLIB_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES "OpenSSL::SSL;OpenSSL::Crypto"
    INTERFACE_COMPILE_DEFINITIONS
      "CPPHTTPLIB_OPENSSL_SUPPORT;CPPHTTPLIB_ZLIB_SUPPORT;CPPHTTPLIB_BROTLI_SUPPORT")
endif()
