# find_package(lshjoin) and link with lshjoin::lshjoin.
include(CMakeFindDependencyMacro)
find_dependency(MPI COMPONENTS C)
include(${CMAKE_CURRENT_LIST_DIR}/lshjoinTargets.cmake)
