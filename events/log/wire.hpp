// PostgreSQL's binary form of arrays and rows, which goes to the server as it is: no escaping, no parsing of literals.
//
// Measured against text arrays in events/log/README.md. Source: PostgreSQL 15, array_recv and record_recv, and "COPY",
// "Binary Format". Values of a row stand in the order of the composite type's columns.
#pragma once

#include "events/log/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace event_log::wire
{
using oid = std::uint32_t;

inline constexpr oid bool_oid = 16, bytea_oid = 17, int8_oid = 20, int2_oid = 21, int4_oid = 23, text_oid = 25,
                     json_oid = 114, uuid_oid = 2950;

// An array of scalars or of rows, growing at its end.
class array
{
public:
    explicit array(oid element);

    array& int4(std::int32_t);
    array& int8(std::int64_t);
    array& text(std::string_view);
    array& uuid(const schema::uuid&);

    // A row: `columns` values follow.
    class row
    {
    public:
        row(array&, int columns);
        ~row();
        row& int2(std::int16_t);
        row& int4(std::int32_t);
        row& int8(std::int64_t);
        row& int8(std::optional<std::int64_t>);
        row& boolean(bool);
        row& text(std::string_view, oid = text_oid);
        row& bytes(std::string_view value) { return text(value, bytea_oid); }
        row& uuid(const schema::uuid&);
        row& null(oid);

    private:
        row& head(oid, std::int32_t length);

        array& into_;
        std::size_t begun_at_;
        int columns_left_;
    };

    std::int32_t size() const { return count_; }
    std::string take();  // the finished parameter; the array is spent

private:
    std::string out_;
    std::int32_t count_ = 0;
};

// The fields of one row as COPY's binary form has them, one behind another, appended to a text that outlives it.
class fields
{
public:
    explicit fields(std::string& into) : out_(into) {}

    fields& boolean(bool);
    fields& int2(std::int16_t);
    fields& int4(std::int32_t);
    fields& int8(std::int64_t);
    fields& text(std::string_view);  // also a finished array
    fields& uuid(const schema::uuid&);
    fields& timestamptz(const schema::moment&);
    fields& date(const schema::day&);
    fields& null();

private:
    std::string& out_;
};

std::string uuid_parameter(const schema::uuid&);
std::string int4_parameter(std::int32_t);

// Reading values in binary form. Throw std::runtime_error, naming the kind and no value, when they are none.
bool boolean_in(std::string_view);
std::int64_t integer_in(std::string_view);  // of two, four or eight bytes
schema::uuid uuid_in(std::string_view);
schema::moment moment_in(std::string_view);
schema::day day_in(std::string_view);

// for (elements walk{array}; walk.next();) use(walk.value); an array of one dimension or of none, without nulls.
class elements
{
public:
    explicit elements(std::string_view array);
    bool next();

    std::string_view value;

private:
    std::string_view rest_;
    std::int64_t left_ = 0;
};

// Reading results in text form.
schema::uuid read_uuid(const char*);
std::string read_bytea(std::string_view hex);                // \x…
schema::moment read_timestamptz(std::string_view);           // 2026-11-21 06:37:56.123456+00
std::vector<std::int64_t> read_int_array(std::string_view);  // {1,2,3}
std::vector<std::string> read_text_array(std::string_view);  // {a,"",b.c}
}  // namespace event_log::wire
