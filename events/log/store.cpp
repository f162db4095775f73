#include "events/log/store.hpp"

#include "events/log/round_plan.hpp"
#include "events/log/session.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <span>
#include <thread>

namespace event_log
{
namespace
{
using verdicts = std::vector<verdict>;

// All commands of a round were appended; `heads` are those of its lanes before it.
verdicts all_appended(const round_plan& plan, const std::vector<std::int64_t>& heads)
{
    CF_ASSERT(heads.size() == plan.lanes.size());
    verdicts out(plan.lasts.size());
    for (std::size_t i = 0; i < out.size(); ++i)
    {
        const round_plan::place& last = plan.lasts[i];
        out[i].last = {plan.lanes[last.lane_at], heads[last.lane_at] + last.nth};
    }
    return out;
}

// The columns kinds, scopes, limits, used, lasts.
verdicts one_by_one(const round_plan& plan, const pqxx::row& row, int first_column)
{
    const auto text = [&](int column) { return std::string_view{row[first_column + column].c_str()}; };
    const auto kinds = wire::read_int_array(text(0));
    const auto scopes = wire::read_text_array(text(1));
    const auto limits = wire::read_int_array(text(2));
    const auto used = wire::read_int_array(text(3));
    const auto lasts = wire::read_int_array(text(4));
    CF_ASSERT(kinds.size() == plan.lasts.size() && scopes.size() == kinds.size() && lasts.size() == kinds.size());
    verdicts out(kinds.size());
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = {static_cast<verdict_kind>(kinds[i]),
                  scopes[i],
                  limits[i],
                  used[i],
                  {plan.lanes[plan.lasts[i].lane_at], lasts[i]}};
    return out;
}

// Another id of the same age: the time in it is the caller's, and no clock is read here.
uuid fresh_round_id(const uuid& like)
{
    std::uint64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i)
        ms = ms << 8 | like.bytes[i];
    std::array<std::uint8_t, 10> random{};
    schema::random_bytes(random);
    return uuid::v7(ms, random);
}

// What of a round's deadline is kept back to find out what became of it, on a new connection.
std::chrono::milliseconds settle_reserve(std::chrono::milliseconds append_deadline)
{
    constexpr std::chrono::milliseconds reserve_max{3'000};
    return std::min(reserve_max, append_deadline * 3 / 10);
}

// Anything else is no answer: what became of the call is open.
void expect_one_row(const pqxx::result& answer)
{
    if (answer.size() != 1)
        throw std::runtime_error{"the database answered with " + std::to_string(answer.size()) + " rows, not with one"};
}

std::vector<std::string> with_round(const uuid& id, std::vector<std::string> rest)
{
    rest.insert(rest.begin(), wire::uuid_parameter(id));
    return rest;
}
}  // namespace

struct store::implementation
{
    explicit implementation(store_config config) : link(std::move(config)) {}

    // One round on its way: which id it has now, and whether it has to be judged command by command.
    struct attempt
    {
        const round& asked;
        uuid id;
        round_plan plan;
        bool careful = false;
        time_point send_until;
        time_point settle_until;
    };

    verdicts append(const round& asked);
    verdicts confirm(attempt&);
    std::optional<verdicts> try_once(attempt&);
    std::optional<verdicts> send(attempt&);
    std::optional<verdicts> after_failure(attempt&, const std::exception&);
    std::optional<verdicts> settle(attempt&);

    session link;
};

verdicts store::implementation::append(const round& asked)
{
    if (asked.commands.empty())
        return {};
    const time_point settle_until = watchdog::clock::now() + link.config().append_deadline;
    const time_point send_until = settle_until - settle_reserve(link.config().append_deadline);
    link.open(send_until);
    attempt now{asked, asked.id, plan_round(asked, link.types()), false, send_until, settle_until};
    now.careful = now.plan.needs_care;
    if (!now.plan.writes)
        return confirm(now);
    for (;;)
    {
        if (auto done = try_once(now))
            return *std::move(done);
        if (watchdog::clock::now() >= send_until)
            throw unreachable{"the round could not be appended before the deadline; nothing was written"};
        if (!link.is_open())
        {
            link.open(send_until);
            now.plan = plan_round(asked, link.types());  // a restored database may number its types anew
        }
    }
}

std::optional<verdicts> store::implementation::try_once(attempt& now)
{
    try
    {
        FAULT_POINT("append.before_commit");
    }
    catch (const std::exception& planted)
    {
        throw unreachable{planted.what()};
    }
    try
    {
        auto done = send(now);
        FAULT_POINT("append.after_commit");
        return done;
    }
    catch (const std::exception& problem)
    {
        return after_failure(now, problem);
    }
}

// Nothing: the set-wise path found something against the round, and wrote nothing.
std::optional<verdicts> store::implementation::send(attempt& now)
{
    if (!now.careful)
    {
        const pqxx::result answer = link.run(statement::append, with_round(now.id, now.plan.fast), now.send_until);
        expect_one_row(answer);
        if (!answer[0][0].is_null())
            return all_appended(now.plan, wire::read_int_array(answer[0][0].c_str()));
        now.careful = true;
        return std::nullopt;
    }
    const pqxx::result answer =
        link.run(statement::append_carefully, with_round(now.id, careful_parameters(now.asked, now.plan, link.types())),
                 now.send_until);
    expect_one_row(answer);
    return one_by_one(now.plan, answer[0], 1);
}

std::optional<verdicts> store::implementation::after_failure(attempt& now, const std::exception& problem)
{
    failure why = link.understand(problem);
    const bool from_server = !why.sqlstate.empty();
    if (why.kind == failure_kind::repeat)
        return std::nullopt;
    // Anything that is not the server's own refusal leaves the outcome open, planted faults included.
    if (why.kind == failure_kind::lost || !from_server)
    {
        link.drop();
        return settle(now);
    }
    if (why.sqlstate == "CF001" || why.sqlstate == "23505")
    {
        now.careful = true;
        return std::nullopt;
    }
    if (why.sqlstate == "CF002")
        return settle(now);
    if (why.sqlstate == "CF004" || why.sqlstate == "CF005" || why.sqlstate.starts_with("22"))
        throw std::logic_error{"a round that cannot be appended: " + why.message};
    throw unreachable{"nothing was written: " + why.message};
}

// Finds out what became of the round, by making it void if it was not appended. Nothing: it is void, and is tried again
// under another id.
std::optional<verdicts> store::implementation::settle(attempt& now)
{
    for (std::chrono::milliseconds pause{20};; pause = std::min(pause * 2, std::chrono::milliseconds{500}))
    {
        try
        {
            link.open(now.settle_until);
            FAULT_POINT("settle.before_commit");
            const pqxx::result answer = link.run(statement::settle, {wire::uuid_parameter(now.id)}, now.settle_until);
            FAULT_POINT("settle.after_commit");
            expect_one_row(answer);
            if (answer[0][0].as<bool>())
            {
                now.id = fresh_round_id(now.asked.id);
                return std::nullopt;
            }
            if (answer[0][2].is_null())
                return all_appended(now.plan, wire::read_int_array(answer[0][1].c_str()));
            return one_by_one(now.plan, answer[0], 2);
        }
        catch (const std::exception& problem)
        {
            if (link.is_open() && link.understand(problem).sqlstate.empty())
                link.drop();
            if (watchdog::clock::now() + pause >= now.settle_until)
                throw outcome_unknown{"the database could not be asked what became of the round"};
            // Back-off between attempts to reach a server that is down; nothing is synchronised by it.
            std::this_thread::sleep_for(pause);
        }
    }
}

// Commands that write nothing are only told whether what they rest on still holds.
verdicts store::implementation::confirm(attempt& now)
{
    wire::array heads{link.types().at("head_in")};
    for (const expected_head* expected : now.plan.outside)
        wire::array::row{heads, 5}
            .int8(expected->at.version)
            .uuid(expected->stream.tenant)
            .uuid(expected->stream.id)
            .text(expected->stream.category)
            .uuid(expected->at.last_event_id);
    const pqxx::result answer = link.read(statement::confirm, {now.plan.fast.front(), heads.take()});
    verdicts out = all_appended(now.plan, wire::read_int_array(answer[0][0].c_str()));
    std::vector<bool> moved(now.plan.outside.size());
    for (const std::int64_t nth : wire::read_int_array(answer[0][1].c_str()))
        moved[static_cast<std::size_t>(nth) - 1] = true;
    for (std::size_t i = 0; i < out.size(); ++i)
    {
        const auto& rests_on = now.plan.rests_on[i];
        const auto first =
            std::find_if(rests_on.begin(), rests_on.end(), [&](std::size_t head) { return moved[head]; });
        if (first != rests_on.end() || now.plan.contradicts[i])
            out[i].kind = verdict_kind::head_moved;
    }
    // Siblings stand and fall together here too.
    for (std::size_t i = 0; i < out.size(); ++i)
        for (std::size_t j = 0; j < out.size(); ++j)
            if (now.asked.commands[i].group != 0 && now.asked.commands[i].group == now.asked.commands[j].group &&
                out[j].kind == verdict_kind::head_moved && out[i].kind == verdict_kind::appended)
                out[i].kind = verdict_kind::group_refused;
    return out;
}

store::store(store_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
store::~store() = default;
store::store(store&&) noexcept = default;
store& store::operator=(store&&) noexcept = default;

std::vector<verdict> store::append(const round& asked) { return self_->append(asked); }

verdict store::rehearse(const command_part& asked)
{
    session& link = self_->link;
    link.open(watchdog::clock::now() + link.config().read_deadline);
    const pqxx::result answer = link.read(statement::rehearse, rehearsal_parameters(asked, link.types()));
    const pqxx::row& row = answer.at(0);
    return {static_cast<verdict_kind>(row[0].as<int>()),
            row[1].c_str(),
            row[2].as<std::int64_t>(),
            row[3].as<std::int64_t>(),
            {asked.lane, row[4].as<std::int64_t>()}};
}

namespace
{
recorded read_event(const pqxx::row& row, const stream_key& stream)
{
    recorded out;
    out.at = {row[1].as<std::int32_t>(), row[2].as<std::int64_t>()};
    out.event_id = wire::read_uuid(row[3].c_str());
    out.stream = stream;
    out.version = row[4].as<std::int64_t>();
    out.type = row[5].c_str();
    out.schema_version = row[6].as<std::int32_t>();
    out.data = row[7].c_str();
    out.meta = row[8].c_str();
    out.recorded_at = wire::read_timestamptz(row[9].c_str());
    return out;
}

receipt read_receipt(const pqxx::row& row, const receipt_ask& asked)
{
    receipt out;
    out.tenant = asked.tenant;
    out.key = asked.key;
    out.principal = row[10].c_str();
    const std::string fingerprint = wire::read_bytea(row[11].c_str());
    CF_ASSERT(fingerprint.size() == out.fingerprint.size());
    std::copy(fingerprint.begin(), fingerprint.end(), out.fingerprint.begin());
    out.status = static_cast<std::int16_t>(row[12].as<int>());
    out.shows = {wire::read_uuid(row[13].c_str()), row[14].c_str(), wire::read_uuid(row[15].c_str())};
    out.version = row[16].as<std::int64_t>();
    out.kept_as = static_cast<receipt_class>(row[17].as<int>());
    return out;
}

std::vector<std::string> load_parameters(std::span<const stream_ask> streams, std::span<const receipt_ask> receipts)
{
    wire::array tenants{wire::uuid_oid}, categories{wire::text_oid}, ids{wire::uuid_oid}, after{wire::int8_oid},
        up_to{wire::int8_oid}, receipt_tenants{wire::uuid_oid}, receipt_keys{wire::text_oid};
    for (const stream_ask& ask : streams)
    {
        tenants.uuid(ask.stream.tenant);
        categories.text(ask.stream.category);
        ids.uuid(ask.stream.id);
        after.int8(ask.after_version);
        up_to.int8(ask.up_to_version);
    }
    for (const receipt_ask& ask : receipts)
    {
        receipt_tenants.uuid(ask.tenant);
        receipt_keys.text(ask.key);
    }
    return {tenants.take(), categories.take(),      ids.take(),         after.take(),
            up_to.take(),   receipt_tenants.take(), receipt_keys.take()};
}
}  // namespace

store::loaded store::load(std::span<const stream_ask> streams, std::span<const receipt_ask> receipts)
{
    loaded out;
    out.streams.resize(streams.size());
    out.receipts.resize(receipts.size());
    if (streams.empty() && receipts.empty())
        return out;
    const pqxx::result answer = self_->link.read(statement::load, load_parameters(streams, receipts));
    for (const pqxx::row& row : answer)
    {
        const auto nth = row[0].as<std::size_t>() - 1;
        if (row[1].is_null())
        {
            out.receipts[nth] = read_receipt(row, receipts[nth]);
            continue;
        }
        out.streams[nth].push_back(read_event(row, streams[nth].stream));
    }
    return out;
}

std::optional<tenant_entry> store::find_tenant(const uuid& tenant)
{
    const pqxx::result answer = self_->link.read(statement::find_tenant, {wire::uuid_parameter(tenant)});
    if (answer.empty())
        return std::nullopt;
    return tenant_entry{tenant, answer[0][0].as<std::int32_t>(), wire::read_bytea(answer[0][1].c_str())};
}

std::int64_t store::last_seq(std::int32_t lane)
{
    return self_->link.read(statement::last_seq, {wire::int4_parameter(lane)}).at(0).at(0).as<std::int64_t>();
}

std::int32_t store::lane_for_new_tenant()
{
    return self_->link.read(statement::least_lane, {}).at(0).at(0).as<std::int32_t>();
}

std::optional<claim_entry> store::find_claim(const uuid& tenant, std::string_view scope, const claim_hash& hash)
{
    const pqxx::result answer =
        self_->link.read(statement::find_claim,
                         {wire::uuid_parameter(tenant), std::string{scope}, std::string(hash.begin(), hash.end())});
    if (answer.empty())
        return std::nullopt;
    return claim_entry{
        {wire::read_uuid(answer[0][0].c_str()), answer[0][1].c_str(), wire::read_uuid(answer[0][2].c_str())}};
}

std::vector<subject_key> store::subject_keys(const uuid& tenant, std::span<const uuid> subjects)
{
    wire::array ids{wire::uuid_oid};
    for (const uuid& subject : subjects)
        ids.uuid(subject);
    std::vector<subject_key> out;
    for (const pqxx::row& row : self_->link.read(statement::subject_keys, {wire::uuid_parameter(tenant), ids.take()}))
        out.push_back(
            {tenant, wire::read_uuid(row[0].c_str()), row[1].as<std::int32_t>(), wire::read_bytea(row[2].c_str())});
    return out;
}

std::vector<std::pair<std::string, std::int64_t>> store::quotas(const uuid& tenant)
{
    std::vector<std::pair<std::string, std::int64_t>> out;
    for (const pqxx::row& row : self_->link.read(statement::quotas, {wire::uuid_parameter(tenant)}))
        out.emplace_back(row[0].c_str(), row[1].as<std::int64_t>());
    return out;
}
}  // namespace event_log
