#include "events/log/binary_copy.hpp"

#include "events/log/libpq_answer.hpp"
#include "schemas/assertion.hpp"

#include <libpq-fe.h>

namespace event_log
{
namespace
{
using namespace std::string_view_literals;

// Signature, flags, length of the header's extension.
constexpr auto header = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;
constexpr auto trailer = "\377\377"sv;

std::string copy_statement(std::string_view table, std::span<const std::string> columns)
{
    std::string made = "copy ";
    made.append(table).append(" (");
    for (std::size_t i = 0; i < columns.size(); ++i)
        made.append(i == 0 ? "" : ", ").append(columns[i]);
    return made.append(") from stdin (format binary)");
}
}  // namespace

binary_copy::binary_copy(connection& on, std::string_view table, std::span<const std::string> columns)
    : on_(on), statement_(copy_statement(table, columns)), columns_(static_cast<std::uint16_t>(columns.size()))
{
    const libpq_answer begun{PQexec(on_.handle(), statement_.c_str())};
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN)
        throw_refusal(on_.handle(), begun.get(), statement_);
    is_under_way_ = true;
    gathered_ = header;
}

binary_copy::~binary_copy()
{
    if (!is_under_way_ || on_.lost())
        return;
    try
    {
        end("cut off");
    }
    catch (const std::exception&)
    {
        // The transaction has failed, which is what was wanted.
    }
}

void binary_copy::row(std::string_view fields)
{
    gathered_.push_back(static_cast<char>(columns_ >> 8));
    gathered_.push_back(static_cast<char>(columns_));
    gathered_.append(fields);
    ++rows_;
    if (gathered_.size() >= sent_bytes)
        send();
}

std::uint64_t binary_copy::finish()
{
    CF_ASSERT(is_under_way_);
    gathered_.append(trailer);
    send();
    end(nullptr);
    return rows_;
}

void binary_copy::send()
{
    if (PQputCopyData(on_.handle(), gathered_.data(), static_cast<int>(gathered_.size())) != 1)
        throw_refusal(on_.handle(), nullptr, statement_);
    gathered_.clear();
}

void binary_copy::end(const char* why_cut_off)
{
    is_under_way_ = false;
    PGconn* const on = on_.handle();
    if (PQputCopyEnd(on, why_cut_off) != 1)
        throw_refusal(on, nullptr, statement_);
    libpq_answer first{PQgetResult(on)};
    while (const libpq_answer more{PQgetResult(on)})
        ;
    if (PQresultStatus(first.get()) != PGRES_COMMAND_OK)
        throw_refusal(on, first.get(), statement_);
}
}  // namespace event_log
