# cf_library, cf_program and cf_tests: a target from all sources of a folder.

# A static library of <folder>/**/*.cpp; of headers alone while the folder has no sources. USES names the libraries of
# ours it may include from, LINKS those of others.
function(cf_library name folder)
    cmake_parse_arguments(arg "" "" "USES;LINKS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    if(sources)
        add_library(${name} STATIC ${sources})
        target_link_libraries(${name} PRIVATE cf_warnings)
        set(scope PUBLIC)
    else()
        add_library(${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(${name} ${scope} ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} ${scope} ${arg_USES} ${arg_LINKS} Threads::Threads)
endfunction()

# A program of <folder>/**/*.cpp; nothing while the folder has no sources.
function(cf_program name folder)
    cmake_parse_arguments(arg "" "" "USES" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    if(NOT sources)
        return()
    endif()
    add_executable(${name} ${sources})
    target_compile_definitions(${name} PRIVATE CLIENTFLOW_VERSION="${PROJECT_VERSION}")
    target_link_libraries(${name} PRIVATE cf_warnings ${arg_USES})
    if(CLIENTFLOW_SANITIZE STREQUAL "address")
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/kit/known_leaks.cpp)
    endif()
endfunction()

# A test program of tests/<suite>/**/*.cpp with the kit and doctest's main; nothing while the folder has no sources.
function(cf_tests name suite)
    cmake_parse_arguments(arg "" "" "USES" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${suite}/*.cpp)
    if(NOT sources)
        return()
    endif()
    add_executable(${name} ${sources} ${CMAKE_SOURCE_DIR}/tests/kit/main.cpp
        ${CMAKE_SOURCE_DIR}/tests/kit/known_leaks.cpp)
    target_link_libraries(${name} PRIVATE cf_warnings cf_kit ${arg_USES})
    add_test(NAME ${suite} COMMAND ${name})
endfunction()

# Options for the target's own files, for a library that may still be headers alone.
function(cf_compile_privately target)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
        target_compile_options(${target} PRIVATE ${ARGN})
    endif()
endfunction()
