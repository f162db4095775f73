# cf_embed_files: a folder's text files as one table inside a program, so that the program and what it needs to run are
# one file and cannot drift apart.

# Writes <name>.cpp into the build folder, which defines `const std::vector<std::pair<std::string, std::string>>&
# embedded::<name>()`: file names and their exact bytes, by name. Declared in tools/clientflow/embedded.hpp.
function(cf_embed_files target name)
    set(sources ${ARGN})
    list(SORT sources)
    set(made ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.cpp)
    set(text "#include \"tools/clientflow/embedded.hpp\"\n\nnamespace embedded\n{\nconst files& ${name}()\n{\n")
    string(APPEND text "    static const files all{\n")
    foreach(source IN LISTS sources)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
        get_filename_component(file ${source} NAME)
        file(READ ${source} content)
        string(APPEND text "        {\"${file}\", R\"embedded(${content})embedded\"},\n")
    endforeach()
    string(APPEND text "    };\n    return all;\n}\n}  // namespace embedded\n")
    file(CONFIGURE OUTPUT ${made} CONTENT "@text@" @ONLY)
    target_sources(${target} PRIVATE ${made})
endfunction()
