#include "projections/runner/versions.hpp"

#include "projections/runner/columns.hpp"
#include "projections/runner/row_connection.hpp"
#include "projections/runner/version_comparing.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

namespace projection
{
namespace
{
definition under(const definition& code, const version& which)
{
    auto made = code;
    made.version = which.number;
    made.table = which.rows_in;
    return made;
}

const definition* of_code(std::span<const definition* const> all, const version& which)
{
    const auto found = std::ranges::find(all, which.projection, [](const definition* of) { return of->name; });
    return found == all.end() ? nullptr : *found;
}

constexpr std::chrono::milliseconds terms_lock_wait{100}, terms_lock_pause{400};
constexpr int terms_lock_attempts = 60;
constexpr std::chrono::milliseconds claim_pause{20};
constexpr std::string_view lock_not_available = "55P03";

bool is_fed(const version& which)
{
    return which.state == version_state::live || which.state == version_state::beside ||
           which.state == version_state::former;
}

// Refuses what this code would feed wrongly.
void check(const definition& code, const version& which)
{
    const std::string name{code.name};
    if (which.definition == code.version && which.digest != digest_of(code))
        throw unknown_definition(
            "the definition of " + name +
            " has changed under the version that its rows were made with: raise its version, build "
            "the rows with `clientflow projection rebuild " +
            name + "`, and swap");
    if (which.definition < code.version)
        throw unknown_definition("the live rows of " + name + " are of definition " + std::to_string(which.definition) +
                                 " and this program has " + std::to_string(code.version) +
                                 ": run `clientflow projection upgrade` with this program, which builds its own beside "
                                 "them and shows those, or start the program that made them");
    if (which.definition > code.version)
        throw unknown_definition("the live rows of " + name + " are of definition " + std::to_string(which.definition) +
                                 " and this program has " + std::to_string(code.version) +
                                 ": run `clientflow projection rebuild " + name +
                                 "` and `swap` with this program, or "
                                 "start the program that made them");
}
}  // namespace

model::model(const definition& of, version given) : which(std::move(given)), code(of), fed(under(code, which)) {}

std::vector<const definition*> definitions_of(const models& all)
{
    std::vector<const definition*> found;
    for (const auto& each : all)
        found.push_back(&each->fed);
    return found;
}

std::string digest_of(const definition& of)
{
    std::string text{of.name};
    text.append("\n").append(of.category);
    for (const auto& each : columns_of(*of.record))
        text.append("\n").append(each.name).append(" ").append(each.sql_type).append(each.is_nullable ? " null" : "");
    return schema::hex(schema::sha256(text));
}

struct version_store::implementation
{
    explicit implementation(row_store_config config) : rows(std::move(config), "clientflow versions") {}

    std::vector<version> read(const std::string& where, const std::vector<std::string>& parameters)
    {
        return rows.call([&](pqxx::connection_base& raw) {
            pqxx::nontransaction work{raw};
            std::vector<version> found;
            for (const auto& row : work.exec_params(
                     "select projection, version, definition, digest, rows_in, state from read.projection where " +
                         where + " order by projection, version",
                     pqxx::prepare::make_dynamic_params(parameters)))
                found.push_back({row[0].as<std::string>(), row[1].as<int>(), row[2].as<int>(), row[3].as<std::string>(),
                                 row[4].as<std::string>(), row[5].as<std::string>()});
            return found;
        });
    }

    // What the functions refuse by state is told in their words.
    template <class Work>
    auto step(Work work)
    {
        try
        {
            return rows.call(work);
        }
        catch (const store_failed& fault)
        {
            if (fault.sqlstate == "CFP04")
                throw is_behind(fault.what());
            if (fault.sqlstate == "CFP03" || fault.sqlstate == "CFP05")
                throw not_now(fault.what());
            throw;
        }
    }

    // Those that a swap to this version leaves former, be it done or to come: what is live then is none of them.
    static void expect_room_for_former(pqxx::transaction_base& work, const version& next)
    {
        if (next.state != version_state::beside)
            return;
        std::vector<std::string> numbers;
        for (const auto& row : work.exec_params(
                 "select version from read.projection where projection = $1 and definition = $2 and version <> $3"
                 " and state in ('former', 'live') order by changed_at, version",
                 next.projection, next.definition, next.number))
            numbers.emplace_back(row[0].c_str());
        if (numbers.size() <= former_max)
            return;
        std::string all;
        for (const auto& each : numbers)
            all.append(all.empty() ? "" : ", ").append(each);
        throw not_now("versions " + all + " of " + next.projection +
                      " would all be kept as those that were live before, "
                      "and no more than " +
                      std::to_string(former_max) + " are: throw one away with `clientflow projection retire " +
                      next.projection + " --version " + numbers.front() + " --reason …`");
    }

    // Searches wait behind whoever waits for them to end, so that is done briefly, and again.
    void drop_terms(const std::string& projection, int number)
    {
        rows.call([&](pqxx::connection_base& raw) {
            pqxx::nontransaction work{raw};
            work.exec_params("select read.quiet_terms($1, $2)", projection, number);
        });
        FAULT_POINT("remove_retired.words_quiet");
        for (int attempt = 1;; ++attempt)
            try
            {
                return rows.call([&](pqxx::connection_base& raw) {
                    pqxx::work work{raw};
                    work.exec0("set local lock_timeout = " + std::to_string(terms_lock_wait.count()));
                    work.exec_params("select read.drop_terms($1, $2)", projection, number);
                    work.commit();
                });
            }
            catch (const store_failed& fault)
            {
                if (fault.sqlstate != lock_not_available)
                    throw;
                if (attempt == terms_lock_attempts)
                    throw not_now("somebody reads the words of " + projection +
                                  " for long (a dump, a comparison): "
                                  "version " +
                                  std::to_string(number) +
                                  " is retired, and `clientflow projection retire` with its number removes the rest");
                std::this_thread::sleep_for(terms_lock_pause);
            }
    }

    // The session that builds the version, ours if that can be; nothing when it ended this moment.
    std::optional<int> claim(pqxx::transaction_base& work, const version& which)
    {
        const auto row =
            work.exec_params1("select read.claim_build($1, $2), pg_backend_pid()", which.projection, which.number);
        if (const auto now = row[1].as<int>(); now != session)
        {
            if (session != 0)
                lost_sessions.insert(session);
            lost_sessions.erase(now);
            session = now;
        }
        return row[0].is_null() ? std::nullopt : std::optional{row[0].as<int>()};
    }

    row_connection rows;
    int session = 0;              // that claims, as the server numbers it
    std::set<int> lost_sessions;  // those before: each holds its claims until the server notices
};

version_store::version_store(row_store_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
version_store::~version_store() = default;
version_store::version_store(version_store&&) noexcept = default;

void version_store::open() { self_->rows.open(); }
bool version_store::is_open() const { return self_->rows.is_open(); }

void version_store::register_missing(std::span<const definition* const> all)
{
    self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        for (const definition* of : all)
        {
            work.exec_params("select read.register_projection($1, $2, $3, $4)", std::string{of->name}, of->version,
                             digest_of(*of), std::string{of->table});
            if (of->find_by != nullptr)
                work.exec_params("select read.keep_terms($1)", std::string{of->name});
        }
    });
}

std::optional<version> version_store::find(std::string_view projection, int number)
{
    auto found = self_->read("projection = $1 and version = $2", {std::string{projection}, std::to_string(number)});
    return found.empty() ? std::nullopt : std::optional{std::move(found.front())};
}

std::vector<version> version_store::all() { return self_->read("state <> 'retired'", {}); }

models version_store::fed(std::span<const definition* const> definitions)
{
    models found;
    for (auto& each : all())
    {
        const definition* code = of_code(definitions, each);
        if (code == nullptr || !is_fed(each))
            continue;
        if (each.state == version_state::live)
            check(*code, each);
        if (each.definition == code->version)
            found.push_back(std::make_unique<model>(*code, std::move(each)));
    }
    // In the order of the code, so that nouns come before what depends on them.
    std::ranges::stable_sort(found, {}, [&](const auto& each) {
        return std::ranges::find(definitions, each->code.name, [](const definition* of) { return of->name; }) -
               definitions.begin();
    });
    return found;
}

models version_store::live(std::span<const definition* const> definitions)
{
    auto found = fed(definitions);
    std::erase_if(found, [](const auto& each) { return each->which.state != version_state::live; });
    return found;
}

std::vector<outdated> version_store::changed(std::span<const definition* const> definitions)
{
    const auto every = all();
    std::vector<outdated> found;
    for (const definition* code : definitions)
    {
        const auto is_of = [&](const version& each) { return each.projection == code->name; };
        const auto live = std::ranges::find_if(
            every, [&](const version& each) { return is_of(each) && each.state == version_state::live; });
        if (live == every.end() || live->definition >= code->version)
            continue;
        outdated made{code, *live, std::nullopt};
        for (const auto& each : every)
            if (is_of(each) && is_fed(each) && each.definition == code->version && each.digest == digest_of(*code))
                made.next = each;  // the last one: they come by number
        found.push_back(std::move(made));
    }
    return found;
}

version version_store::begin(const definition& of)
{
    try
    {
        return self_->step([&](pqxx::connection_base& raw) {
            pqxx::work work{raw};
            const auto row = work.exec_params1("select version, rows_in from read.begin_version($1, $2, $3, $4)",
                                               std::string{of.name}, of.version, digest_of(of), std::string{of.table});
            version made{std::string{of.name}, row[0].as<int>(),         of.version,
                         digest_of(of),        row[1].as<std::string>(), std::string{version_state::building}};
            if (of.find_by != nullptr)
                work.exec_params("select read.begin_terms($1, $2)", made.projection, made.number);
            self_->claim(work, made);  // nobody else sees it yet
            work.commit();
            return made;
        });
    }
    catch (const lost_race&)
    {
        throw not_now("a version of " + std::string{of.name} + " is being built");
    }
}

void version_store::claim(const version& which)
{
    for (const auto begun = std::chrono::steady_clock::now();;)
    {
        const auto holder = self_->step([&](pqxx::connection_base& raw) {
            pqxx::nontransaction work{raw};
            return self_->claim(work, which);
        });
        if (holder && *holder == self_->session)
            return;
        const auto patience = holder && self_->lost_sessions.contains(*holder) ? lost_claim_patience : claim_patience;
        if (holder && std::chrono::steady_clock::now() >= begun + patience)
            throw not_now(
                "version " + std::to_string(which.number) + " of " + which.projection +
                " is being built by another program just now (session " + std::to_string(*holder) +
                " of the database): `clientflow projection list` shows how far it is; wait for it, or cancel it "
                "with `clientflow projection retire`");
        std::this_thread::sleep_for(claim_pause);
    }
}

void version_store::go_on(const definition& of, const version& which)
{
    if (of.find_by == nullptr)
        return;
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("select read.begin_terms($1, $2)", which.projection, which.number);
    });
}

void version_store::expect_room_beside(const definition& of)
{
    const std::string projection{of.name};
    auto beside = self_->read("projection = $1 and state = 'beside'", {projection});
    std::erase_if(beside, [&](const version& each) { return each.definition != of.version; });
    if (beside.size() < beside_max)
        return;
    std::string numbers;
    for (const auto& each : beside)
        numbers.append(numbers.empty() ? "" : ", ").append(std::to_string(each.number));
    throw not_now(
        "versions " + numbers + " of " + projection +
        " stand beside the live one, and no more are kept: throw one away with `clientflow projection retire " +
        projection + " --version " + std::to_string(beside.front().number) + " --reason …`");
}

void version_store::expect_room_for_former(const version& next)
{
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        implementation::expect_room_for_former(work, next);
    });
}

std::optional<version> version_store::under_way(std::string_view projection)
{
    auto found = self_->read("projection = $1 and state = 'building'", {std::string{projection}});
    return found.empty() ? std::nullopt : std::optional{std::move(found.front())};
}

void version_store::finish(const model& of)
{
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        // An index takes as long as it takes; one that went on behind a lost connection is waited for.
        work.exec0("set local lock_timeout = '1h'");
        work.exec_params("select read.finish_version($1, $2, $3)", of.which.projection, of.which.number,
                         std::string{of.code.table});
        if (of.code.find_by != nullptr)
            work.exec_params("select read.finish_terms($1, $2)", of.which.projection, of.which.number);
        work.commit();
    });
}

void version_store::show_beside(const model& of)
{
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("select read.show_version_beside($1, $2)", of.which.projection, of.which.number);
    });
}

void version_store::swap_all(std::span<const version> these, bool with_stopped_keys)
{
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        for (const auto& each : these)
        {
            work.exec_params1("select read.swap_version($1, $2, $3)", each.projection, each.number, with_stopped_keys);
            implementation::expect_room_for_former(work, each);
        }
        FAULT_POINT("swap_all.before_commit");
        work.commit();
    });
    FAULT_POINT("swap_all.after_commit");
}

void version_store::retire(const definition& of, int number, const std::string& reason)
{
    FAULT_POINT("retire.before");
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("select read.retire_version($1, $2, $3)", std::string{of.name}, number, reason);
    });
    FAULT_POINT("retire.after");
}

// In steps, tenant by tenant along the keys, so that nobody waits for it; the tables last.
void version_store::remove_retired(const definition& of, int number)
{
    const std::string name{of.name};
    std::vector<std::string> tenants;
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("delete from read.checkpoint where projection = $1 and version = $2", name, number);
        for (const auto& row : work.exec("select tenant_id from es.tenant"))
            tenants.emplace_back(row[0].c_str());
    });
    FAULT_POINT("remove_retired.positions_gone");
    for (const auto& tenant : tenants)
    {
        self_->step([&](pqxx::connection_base& raw) {
            pqxx::nontransaction work{raw};
            work.exec_params("delete from read.parked where tenant_id = $1 and projection = $2 and version = $3",
                             tenant, name, number);
            work.exec_params("delete from read.sum where tenant_id = $1 and version = $2 and counter like $3", tenant,
                             number, name + ".%");
        });
        FAULT_POINT("remove_retired.tenant_gone");
    }
    if (of.find_by != nullptr)
        self_->drop_terms(name, number);
    FAULT_POINT("remove_retired.words_gone");
    self_->step([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("select read.drop_version($1, $2, $3)", name, number, std::string{of.table});
    });
    FAULT_POINT("remove_retired.rows_gone");
}

std::optional<version> version_store::live_before(std::string_view projection)
{
    auto found = self_->read("projection = $1 and state = 'former' and changed_at = (select max(q.changed_at)"
                             " from read.projection q where q.projection = $1 and q.state = 'former')",
                             {std::string{projection}});
    return found.empty() ? std::nullopt : std::optional{std::move(found.front())};
}

std::map<std::int32_t, std::uint64_t> version_store::rows_by_lane(const version& of)
{
    return self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::read_transaction work{raw};
        return projection::rows_by_lane(work, of);
    });
}

std::vector<std::int32_t> version_store::lanes_apart(const version& one, const version& other)
{
    return self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::read_transaction work{raw};
        return projection::lanes_apart(work, one, other);
    });
}

version_comparison version_store::compare(const version& one, const version& other, std::size_t differences_max)
{
    return self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> work{raw};
        return projection::compare(work, one, other, differences_max);
    });
}

bool version_store::show_to_analysts(std::string_view projection, std::chrono::milliseconds patience)
{
    try
    {
        self_->rows.call([&](pqxx::connection_base& raw) {
            pqxx::work work{raw};
            work.exec0("set local lock_timeout = " + std::to_string(patience.count()));
            work.exec_params("select read.show_live_version($1)", std::string{projection});
            FAULT_POINT("show_to_analysts.before_commit");
            work.commit();
        });
        FAULT_POINT("show_to_analysts.after_commit");
        return true;
    }
    catch (const store_failed& fault)
    {
        if (fault.sqlstate == lock_not_available || fault.sqlstate == "40P01")
            return false;
        throw;
    }
}

std::optional<int> version_store::still_seen_by_analysts(std::string_view projection)
{
    return self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        const auto row = work.exec_params1("select max(p.version) from read.analyst_view v join read.projection p"
                                           " on p.projection = v.projection and p.rows_in = v.of_table"
                                           " where v.projection = $1 and p.state <> 'live'",
                                           std::string{projection});
        return row[0].is_null() ? std::nullopt : std::optional{row[0].as<int>()};
    });
}

void version_store::note_progress(const version& of, std::int32_t lane, std::int64_t seq, std::int64_t mark,
                                  std::int64_t rows)
{
    self_->rows.call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("insert into read.build as b (projection, version, lane, seq, mark, rows)"
                         " values ($1, $2, $3, $4, $5, $6) on conflict (projection, version, lane)"
                         " do update set seq = excluded.seq, mark = excluded.mark, rows = excluded.rows,"
                         " at = case when (b.seq, b.mark, b.rows) is distinct from"
                         " (excluded.seq, excluded.mark, excluded.rows) then clock_timestamp() else b.at end",
                         of.projection, of.number, lane, seq, mark, rows);
    });
}
}  // namespace projection
