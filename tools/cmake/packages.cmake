# The libraries of the distribution, each with the oldest version known to work and the package that brings it.
#
# All are asked for before the first complaint, so that one apt-get line repairs a fresh machine.

set(CMAKE_THREAD_PREFER_PTHREAD ON)
find_package(Threads REQUIRED)
find_package(PkgConfig)
if(NOT PKG_CONFIG_FOUND)
    message(FATAL_ERROR "pkg-config is missing: apt-get install pkg-config")
endif()

set(missing_packages "")
set(missing_reasons "")

function(cf_missing what debian_package)
    set(missing_packages ${missing_packages} ${debian_package} PARENT_SCOPE)
    set(missing_reasons "${missing_reasons}\n  ${what} (${debian_package})" PARENT_SCOPE)
endfunction()

# A library known to pkg-config, as the target cf_<name>.
macro(cf_pkg_config name module version debian_package)
    pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module}>=${version})
    add_library(cf_${name} INTERFACE)
    if(${name}_FOUND)
        target_link_libraries(cf_${name} INTERFACE PkgConfig::${name})
    else()
        cf_missing("${module} ${version} or newer" ${debian_package})
    endif()
endmacro()

# A library that brings its own CMake targets.
macro(cf_package name version debian_package)
    find_package(${name} ${version} QUIET ${ARGN})
    if(NOT ${name}_FOUND)
        cf_missing("${name} ${version}" ${debian_package})
    endif()
endmacro()

cf_pkg_config(pqxx libpqxx 6.4 libpqxx-dev)
cf_pkg_config(pq libpq 15 libpq-dev)
cf_pkg_config(argon2 libargon2 0 libargon2-dev)
cf_pkg_config(simdjson simdjson 3.0 libsimdjson-dev)
cf_pkg_config(utf8proc libutf8proc 2.6 libutf8proc-dev)  # what 2.8.0 says of itself
cf_pkg_config(rocksdb rocksdb 7.8 librocksdb-dev)
cf_pkg_config(rdkafka rdkafka 2.0 librdkafka-dev)
cf_pkg_config(prometheus prometheus-cpp-core 1.0 prometheus-cpp-dev)
cf_pkg_config(zlib zlib 1.2.13 zlib1g-dev)
cf_pkg_config(jemalloc jemalloc 5.2 libjemalloc-dev)
cf_package(OpenSSL 3.0 libssl-dev)
cf_package(CURL 7.80 libcurl4-openssl-dev)
cf_package(Boost 1.81 libboost1.81-dev)
cf_package(fmt 9.1 libfmt-dev CONFIG)
cf_package(spdlog 1.10 libspdlog-dev CONFIG)
cf_package(CLI11 2.1 libcli11-dev CONFIG)
cf_package(tomlplusplus 3.3 libtomlplusplus-dev CONFIG)
cf_package(date 3.0 libhowardhinnant-date-dev CONFIG)
find_path(DOCTEST_INCLUDE doctest/doctest.h)
if(NOT DOCTEST_INCLUDE)
    cf_missing("doctest" doctest-dev)
endif()

if(missing_packages)
    list(JOIN missing_packages " " line)
    message(FATAL_ERROR "Missing or too old:${missing_reasons}\nRun tools/install, or: apt-get install ${line}")
endif()

# Asio, Beast and Boost.URL compiled once instead of in every file that includes them. They are not ours: no warnings.
set(boost_sources "")
foreach(part IN ITEMS asio/impl asio/ssl/impl beast url)
    string(REPLACE "/" "_" unit ${part})
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/boost/${unit}.cpp CONTENT "#include <boost/${part}/src.hpp>\n")
    list(APPEND boost_sources ${CMAKE_BINARY_DIR}/boost/${unit}.cpp)
endforeach()
add_library(cf_boost STATIC EXCLUDE_FROM_ALL ${boost_sources})
target_compile_definitions(cf_boost PUBLIC
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_URL_NO_LIB)
target_compile_options(cf_boost PRIVATE -w)
if(CLIENTFLOW_SANITIZE)
    target_compile_options(cf_boost PRIVATE -O0)
endif()
target_link_libraries(cf_boost PUBLIC Boost::headers OpenSSL::SSL Threads::Threads)
