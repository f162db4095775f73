#include "tests/kit/lanes/thing.hpp"

#include "schemas/json_writer.hpp"

#include <utility>

namespace
{
lanes::refusal refuse(lanes::refusal_kind kind, std::string code)
{
    lanes::refusal r;
    r.kind = kind;
    r.code = std::move(code);
    return r;
}

lanes::stream_key house_of(const schema::uuid& tenant) { return {tenant, "org", tenant}; }

lanes::stream_key thing_of(const schema::uuid& tenant, const schema::uuid& id) { return {tenant, "thing", id}; }

template <class State>
lanes::decision shows(lanes::stream_key stream, std::int16_t status = 200)
{
    lanes::decision d;
    d.shows = std::move(stream);
    d.shown_as = &lanes::aggregate_of<State>();
    d.status = status;
    return d;
}

// What every command on things asks first.
std::optional<lanes::refusal> closed_house(lanes::view& sight, const schema::uuid& tenant)
{
    const auto& home = sight.look<house::state>(tenant);
    if (home.version == 0)
        return refuse(lanes::refusal_kind::not_found, "not_found");
    if (home.is_shut)
        return refuse(lanes::refusal_kind::forbidden, "house.shut");
    return std::nullopt;
}
}  // namespace

namespace house
{
state evolve(state now, const event& happened, const event_log::stamp& at)
{
    now.version = at.version;
    if (const auto* fact = std::get_if<built>(&happened))
    {
        now.id = fact->id;
        now.things_max = fact->things_max;
    }
    now.is_shut = now.is_shut || std::holds_alternative<shut>(happened);
    return now;
}

std::string render(const state& now)
{
    std::string out;
    schema::json_writer{out}
        .begin_object()
        .member("id", now.id.text())
        .key("version")
        .integer(now.version)
        .end_object();
    return out;
}

std::size_t bytes(const state&) { return sizeof(state); }

std::function<lanes::decided(lanes::view&)> build(const schema::uuid& tenant, std::int64_t things_max)
{
    return [=](lanes::view& sight) -> lanes::decided {
        if (sight.look<state>(tenant).version > 0)
            return refuse(lanes::refusal_kind::conflict, "already_exists");
        auto d = shows<state>(house_of(tenant), 201);
        d.add<event>(house_of(tenant), built{{tenant}, things_max});
        return d;
    };
}

std::function<lanes::decided(lanes::view&)> shut_down(const schema::uuid& tenant)
{
    return [=](lanes::view& sight) -> lanes::decided {
        auto d = shows<state>(house_of(tenant));
        if (!sight.look<state>(tenant).is_shut)
            d.add<event>(house_of(tenant), shut{{tenant}});
        return d;
    };
}
}  // namespace house

namespace thing
{
state evolve(state now, const event& happened, const event_log::stamp& at)
{
    now.version = at.version;
    if (const auto* born = std::get_if<created>(&happened))
    {
        now.id = born->id;
        now.name = born->name;
        if (born->email && !born->email->forgotten)
            now.email = born->email->value;
    }
    if (const auto* fact = std::get_if<renamed>(&happened))
        now.name = fact->name.to;
    now.is_closed = now.is_closed || std::holds_alternative<closed>(happened);
    return now;
}

std::string render(const state& now)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("id", now.id.text()).key("version").integer(now.version).member("name", now.name);
    json.key("email");
    now.email ? json.string(*now.email) : json.null();
    json.key("closed").boolean(now.is_closed).end_object();
    return out;
}

std::size_t bytes(const state& now) { return sizeof(state) + now.name.size() + (now.email ? now.email->size() : 0); }

std::function<lanes::decided(lanes::view&)> make(const schema::uuid& tenant, create asked)
{
    return [=](lanes::view& sight) -> lanes::decided {
        if (auto refused = closed_house(sight, tenant))
            return *refused;
        const auto key = thing_of(tenant, asked.id);
        if (const auto& now = sight.look<state>(asked.id); now.version > 0)
        {
            if (now.name != asked.name)
                return refuse(lanes::refusal_kind::conflict, "already_exists");
            auto same = shows<state>(key);
            same.replayed = true;
            return same;
        }
        auto d = shows<state>(key, 201);
        created born{{asked.id}, asked.name, std::nullopt};
        if (!asked.email.empty())
            born.email = schema::personal<std::string>{asked.email};
        d.add<event>(key, std::move(born));
        if (const auto limit = sight.look<house::state>(tenant).things_max; limit > 0)
            d.quotas.push_back({"things", 1, limit, std::nullopt});
        if (asked.is_named_once)
            d.claims.push_back({true, false, "thing.name", asked.name, false, key});
        return d;
    };
}

std::function<lanes::decided(lanes::view&)> rename(const schema::uuid& tenant, const schema::uuid& id, std::string name)
{
    return [=](lanes::view& sight) -> lanes::decided {
        if (auto refused = closed_house(sight, tenant))
            return *refused;
        const auto& now = sight.look<state>(id);
        if (now.version == 0)
            return refuse(lanes::refusal_kind::not_found, "not_found");
        if (now.is_closed)
            return refuse(lanes::refusal_kind::conflict, "thing.closed");
        auto d = shows<state>(thing_of(tenant, id));
        if (now.name != name)
            d.add<event>(thing_of(tenant, id), renamed{{id}, {now.name, name}});
        return d;
    };
}

std::function<lanes::decided(lanes::view&)> close(const schema::uuid& tenant, const schema::uuid& id)
{
    return [=](lanes::view& sight) -> lanes::decided {
        if (auto refused = closed_house(sight, tenant))
            return *refused;
        const auto& now = sight.look<state>(id);
        if (now.version == 0)
            return refuse(lanes::refusal_kind::not_found, "not_found");
        auto d = shows<state>(thing_of(tenant, id));
        if (!now.is_closed)
            d.add<event>(thing_of(tenant, id), closed{{id}});
        return d;
    };
}
}  // namespace thing
