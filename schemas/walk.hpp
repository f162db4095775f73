// One reading and one writing under way: what the codecs of this folder share. Nothing outside schemas/ includes this.
#pragma once

#include "schemas/json.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/pointer.hpp"
#include "schemas/record.hpp"

#include <string>
#include <string_view>

namespace schema
{
class reader
{
public:
    reader(reading how, opener* with, faults& found) : strict(how == reading::request), open(with), found_(found) {}

    // Notes a fault of the value at `where` (the current place when not given).
    void refuse(std::string_view code, std::string message) { refuse_at(here, code, std::move(message)); }
    void refuse_at(const step* where, std::string_view code, std::string message);

    faults& found() { return found_; }

    const bool strict;
    opener* const open;
    const step* here = nullptr;  // moved by `inside`

private:
    faults& found_;
};

// Stands one step deeper for as long as it lives.
template <class Walk>
class inside
{
public:
    inside(Walk& walk, std::string_view key) : walk_(walk), step_{walk.here, key} { walk.here = &step_; }
    inside(Walk& walk, std::size_t index) : walk_(walk), step_{walk.here, {}, index} { walk.here = &step_; }
    ~inside() { walk_.here = step_.up; }
    inside(const inside&) = delete;
    inside& operator=(const inside&) = delete;

private:
    Walk& walk_;
    step step_;
};

class writer
{
public:
    writer(std::string& out, sealer* with, bool masked = false) : to(out), seal(with), redact(masked) {}

    json_writer to;
    sealer* const seal;
    const bool redact;
    const step* here = nullptr;
};

// The members of a described struct. `tag`: a member of the object that belongs to whoever picked the struct.
void read_rows(reader&, const record_type&, const json::node& object, void* into, std::string_view tag = {});
void write_rows(writer&, const record_type&, const void* from, std::string_view tag = {});

// Text as it is kept: checked, NFC, trimmed. False: refused. Bounds are those of `row`.
bool keep_text(reader&, const field_row& row, std::string_view given, std::string& kept);

std::string counted(std::int64_t number, std::string_view noun);  // "1 character", "2 characters"
}  // namespace schema
