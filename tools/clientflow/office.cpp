// See office.hpp.
#include "tools/clientflow/office.hpp"

#include "commands/limits.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/record.hpp"
#include "schemas/text.hpp"

#include <future>
#include <pwd.h>
#include <unistd.h>
#include <utility>

namespace cli
{
namespace
{
constexpr std::chrono::seconds patience{15};

lanes::writer_config one_writer()
{
    lanes::writer_config made;
    made.writers = 1;
    made.refusal_for = limits::refused_by;
    return made;
}

[[noreturn]] void refuse(const lanes::refusal& why)
{
    std::string sentence;
    bool told = why.detail.empty();
    for (const auto& fault : why.faults)
    {
        sentence += (sentence.empty() ? "" : " ") + fault.where + ": " + fault.message;
        told = told || fault.message == why.detail;
    }
    if (!told)
        sentence = why.detail + (sentence.empty() ? "" : " ") + sentence;
    if (sentence.empty())
        sentence = why.code;
    switch (why.kind)
    {
    case lanes::refusal_kind::not_found:
        throw failure(not_found, why.code, sentence);
    case lanes::refusal_kind::invalid:
        throw failure(usage, why.code, sentence);
    case lanes::refusal_kind::busy:
        throw failure(unreachable, why.code, sentence);
    default:
        throw failure(refused, why.code, sentence);
    }
}
}  // namespace

office::office(const settings& of)
    : keys_(of.keys), commands_(one_writer(), of.store, keys_, clock_, [](std::int32_t) {})
{}

lanes::answer office::submit(const schema::uuid& tenant,
                             std::function<lanes::decided(lanes::view&, const lanes::origin&)> decide,
                             const lanes::aggregate_type* shown_as, bool tenant_is_born)
{
    lanes::submission asked;
    asked.tenant = tenant;
    asked.from.tenant = tenant;
    asked.from.by = {event_log::actor_type::operator_, operator_name()};
    asked.from.now = asked.from.occurred_at = clock_.now();
    asked.meta.by = asked.from.by;
    asked.meta.occurred_at = asked.from.occurred_at;
    asked.meta.request_id = "cli-" + new_id().text();
    asked.decide = [decide = std::move(decide), from = asked.from](lanes::view& seen) { return decide(seen, from); };
    asked.shown_as = shown_as;
    if (tenant_is_born)
        asked.tenant_born = event_log::new_tenant{tenant, 0, {}};
    asked.deadline = std::chrono::steady_clock::now() + patience;

    std::promise<lanes::answer> promise;
    commands_.submit(std::move(asked), [&](lanes::answer given) { promise.set_value(std::move(given)); });
    auto given = promise.get_future().get();
    if (given.refused)
        refuse(*given.refused);
    if (given.unavailable || given.broken)
    {
        auto sentence = commands_.take_figures().last_fault;
        if (given.was_applied == lanes::applied::unknown)
            sentence += "; it is unknown whether the command was applied";
        throw failure(given.broken ? failed : unreachable, given.broken ? "internal" : "unavailable",
                      sentence.empty() ? "the store cannot be reached" : sentence);
    }
    return given;
}

std::string office::rehearse(const schema::uuid& tenant,
                             std::function<lanes::decided(lanes::view&, const lanes::origin&)> decide,
                             const lanes::aggregate_type* shown_as)
{
    // The last decision counts: a lost race decides again.
    auto seen = std::make_shared<std::vector<lanes::fact>>();
    submit(
        tenant,
        [seen, decide = std::move(decide)](lanes::view& in, const lanes::origin& from) {
            auto made = decide(in, from);
            if (made)
            {
                *seen = std::exchange(made->facts, {});
                made->claims.clear();
                made->quotas.clear();
            }
            return made;
        },
        shown_as);

    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("dry_run").boolean(true).key("count").integer(static_cast<std::int64_t>(seen->size()));
    json.key("sample").begin_array();
    for (const auto& each : *seen)
    {
        json.begin_object().member("type", each.type->name).key("version").integer(each.type->version);
        std::string data;
        schema::write_json(*each.type, each.alternative.get(), data);
        json.key("data").raw(data).end_object();
    }
    json.end_array().end_object();
    return out;
}

std::array<std::uint8_t, 20> office::random_secret()
{
    std::array<std::uint8_t, 20> bytes{};
    schema::random_bytes(bytes);
    return bytes;
}

std::string operator_name()
{
    const auto* entry = ::getpwuid(::geteuid());
    return entry != nullptr && entry->pw_name != nullptr ? entry->pw_name : std::to_string(::geteuid());
}
}  // namespace cli
