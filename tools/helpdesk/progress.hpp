// How far a tenant's load has come, across runs: a mark below which every write of the plan was answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace helpdesk
{
struct progress
{
    std::uint64_t plan = 0;     // a hash of the plan; another plan starts from zero
    std::uint64_t done = 0;     // writes 0 … done-1 were answered
    std::string last_position;  // Clientflow-Position of the newest answer
};

// A missing, damaged or foreign file is the beginning.
progress read_progress(const std::filesystem::path&, std::uint64_t plan);

// Of the log that begins with `task` (task_id of its first row): how many rows this tenant was given at most, which
// outlives a forgotten progress. 0 when none. Kept beside the progress file.
std::size_t rows_given(const std::filesystem::path& progress_file, const std::string& task);
void note_rows_given(const std::filesystem::path& progress_file, const std::string& task, std::size_t rows);

// Replaces the file in one step, so that a kill leaves the old or the new one.
void write_progress(const std::filesystem::path&, const progress&);
}  // namespace helpdesk
