# Compiler settings every target shares: language, warnings, hardening, sanitizers, compiler cache and job limits.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12.2)
    message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} is too old, 12.2 is needed: apt-get install g++")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
    message(FATAL_ERROR "clang ${CMAKE_CXX_COMPILER_VERSION} is too old, 16 is needed: apt-get install clang-16")
endif()

# Debug and Release mean the same in every preset. Release keeps its assertions (a broken invariant stops the program)
# and enough debug information for a readable stack.
set(CMAKE_CXX_FLAGS_DEBUG "-g1" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1" CACHE STRING "" FORCE)

# Neither messages nor debug information carry the path of the checkout.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_options(-fno-omit-frame-pointer)

# What every file of ours is compiled with. Third-party headers are system headers and stay silent.
add_library(cf_warnings INTERFACE)
target_compile_options(cf_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion
    -Wno-missing-field-initializers)  # designated initializers leave out what has a default
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False in g++ 12 for std::string concatenation, and for optionals and variants once a sanitizer has rewritten them.
    target_compile_options(cf_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(CLIENTFLOW_WERROR)
    # libpqxx 6.4 marks calls as deprecated that have no successor in 6.4.
    target_compile_options(cf_warnings INTERFACE -Werror -Wno-error=deprecated-declarations)
endif()

if(CLIENTFLOW_FAULT_POINTS)
    add_compile_definitions(CLIENTFLOW_FAULT_POINTS=1)
endif()

if(CLIENTFLOW_HARDENED)
    if(CLIENTFLOW_FAULT_POINTS)
        message(FATAL_ERROR "A hardened build is what users run: fault points do not belong into it")
    endif()
    add_compile_options(
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong -fstack-clash-protection
        -ftrivial-auto-var-init=zero)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        add_compile_options(-fcf-protection)
    endif()
    add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

if(CLIENTFLOW_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS)
    add_link_options(-fsanitize=address,undefined)
elseif(CLIENTFLOW_SANITIZE STREQUAL "thread")
    # -Wno-tsan: Asio uses a fence where it must, and the compiler says it cannot follow fences.
    add_compile_options(-fsanitize=thread)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan)
    endif()
    add_link_options(-fsanitize=thread)
elseif(CLIENTFLOW_SANITIZE)
    message(FATAL_ERROR "CLIENTFLOW_SANITIZE is 'address', 'thread' or nothing, not '${CLIENTFLOW_SANITIZE}'")
endif()

if(CLIENTFLOW_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A compiler cache that also serves a second checkout and a build directory elsewhere.
find_program(CLIENTFLOW_CCACHE ccache)
if(CLIENTFLOW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CLIENTFLOW_CCACHE})
endif()

# A coroutine unit with sanitizers takes up to 1.9 GB: as many compilers as there are cores, but 1.5 GiB for each.
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
cmake_host_system_information(RESULT memory_mib QUERY TOTAL_PHYSICAL_MEMORY)
if(EXISTS /sys/fs/cgroup/memory.max)
    file(READ /sys/fs/cgroup/memory.max limit)
    if(limit MATCHES "^([0-9]+)([0-9][0-9][0-9][0-9][0-9][0-9])\n?$")  # bytes, too many digits for math(): cut to MB
        if(CMAKE_MATCH_1 LESS memory_mib)
            set(memory_mib ${CMAKE_MATCH_1})
        endif()
    endif()
endif()
math(EXPR jobs "${memory_mib} / 1536")
if(jobs GREATER cores)
    set(jobs ${cores})
endif()
if(jobs LESS 1)
    set(jobs 1)
endif()
set_property(GLOBAL PROPERTY JOB_POOLS compile=${jobs} link=${jobs})
set(CMAKE_JOB_POOL_COMPILE compile)
set(CMAKE_JOB_POOL_LINK link)
