#include "tests/kit/scenario/held.hpp"

#include <pqxx/pqxx>

namespace scenario
{
struct held_transaction::session
{
    explicit session(const std::string& dsn) : link(dsn), work(link) {}

    pqxx::connection link;
    pqxx::nontransaction work;  // what is open is begun by hand, so that losing the link is no exception
};

held_transaction::held_transaction(const std::string& dsn, const std::vector<std::string>& statements)
    : self_(std::make_unique<session>(dsn))
{
    run("begin");
    for (const std::string& each : statements)
        run(each);
}

held_transaction::~held_transaction() = default;

std::string held_transaction::run(const std::string& statement)
{
    const auto rows = self_->work.exec(statement);
    return rows.empty() || rows.columns() == 0 || rows[0][0].is_null() ? "" : rows[0][0].as<std::string>();
}

void held_transaction::release() { self_.reset(); }
}  // namespace scenario
