#include "events/log/binary_rows.hpp"

#include "events/log/libpq_answer.hpp"

#include <libpq-fe.h>
#include <vector>

namespace event_log
{
std::size_t binary_rows::size() const { return static_cast<std::size_t>(PQntuples(held_.get())); }

std::size_t binary_rows::columns() const { return static_cast<std::size_t>(PQnfields(held_.get())); }

std::optional<std::string_view> binary_rows::at(std::size_t row, std::size_t column) const
{
    const auto r = static_cast<int>(row), c = static_cast<int>(column);
    if (PQgetisnull(held_.get(), r, c) != 0)
        return std::nullopt;
    return std::string_view{PQgetvalue(held_.get(), r, c), static_cast<std::size_t>(PQgetlength(held_.get(), r, c))};
}

void prepare(connection& on, const std::string& name, const std::string& statement)
{
    const libpq_answer got{PQprepare(on.handle(), name.c_str(), statement.c_str(), 0, nullptr)};
    if (PQresultStatus(got.get()) != PGRES_COMMAND_OK)
        throw_refusal(on.handle(), got.get(), name);
}

binary_rows ask_prepared(connection& on, const std::string& name, std::span<const std::string> arguments,
                         arguments_come how)
{
    std::vector<const char*> values;
    std::vector<int> lengths;  // of bytes; a text ends where it ends
    for (const auto& each : arguments)
    {
        values.push_back(each.data());
        lengths.push_back(static_cast<int>(each.size()));
    }
    constexpr int in_binary = 1;
    const std::vector<int> forms(how == arguments_come::as_bytes ? values.size() : 0, in_binary);
    libpq_answer got{PQexecPrepared(on.handle(), name.c_str(), static_cast<int>(values.size()), values.data(),
                                    lengths.data(), forms.empty() ? nullptr : forms.data(), in_binary)};
    if (PQresultStatus(got.get()) != PGRES_TUPLES_OK)
        throw_refusal(on.handle(), got.get(), name);
    return binary_rows{std::move(got)};
}

void unprepare(connection& on, const std::string& name)
{
    const libpq_answer got{PQexec(on.handle(), ("deallocate \"" + name + '"').c_str())};
    if (PQresultStatus(got.get()) != PGRES_COMMAND_OK)
        throw_refusal(on.handle(), got.get(), name);
}
}  // namespace event_log
