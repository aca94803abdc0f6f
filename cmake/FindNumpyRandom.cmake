# NumPy's distributions as the static archive that its wheel ships: the ziggurat tables must be
# NumPy's own bits.
include(FindPackageHandleStandardArgs)
find_library(NPYRANDOM_LIBRARY libnpyrandom.a PATHS ${PMOE_SITE_PACKAGES}/numpy/random/lib
  NO_DEFAULT_PATH NO_CACHE)
find_package_handle_standard_args(NumpyRandom REQUIRED_VARS NPYRANDOM_LIBRARY)
if(NumpyRandom_FOUND AND NOT TARGET numpy::npyrandom)
  add_library(numpy::npyrandom STATIC IMPORTED)
  set_target_properties(numpy::npyrandom PROPERTIES IMPORTED_LOCATION ${NPYRANDOM_LIBRARY})
endif()
