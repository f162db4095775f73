// Where a test finds the checkout, the built programs and room for its files.
#pragma once

#include <filesystem>
#include <string_view>

namespace kit
{
// The checkout this test program was built from: golden files, migrations, corpora.
std::filesystem::path source_root();

// A program built beside this test program, "clientflow" above all. Throws when it is not there.
std::filesystem::path program(std::string_view name);

// A fresh directory with a short name in the system's temporary directory. It is removed with the object, and also when
// the test program dies before that.
class temporary_directory
{
public:
    explicit temporary_directory(std::string_view prefix = "cf");
    ~temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};
}  // namespace kit
