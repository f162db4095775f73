#include "tests/kit/lanes/site.hpp"

#include "schemas/text.hpp"

#include <algorithm>
#include <utility>

namespace kit
{
office::office(const std::string& dsn, const std::filesystem::path& master_key, lanes::writer_config config,
               std::chrono::milliseconds append_deadline)
    : keys_({master_key})
{
    event_log::store_config where;
    where.dsn = dsn;
    where.append_deadline = append_deadline;
    where.read_deadline = std::min(where.read_deadline, append_deadline);
    dispatcher_ =
        std::make_unique<lanes::dispatcher>(std::move(config), where, keys_, clock_, [this](std::int32_t lane) {
            const std::lock_guard lock(mutex_);
            woken_.push_back(lane);
        });
}

std::future<lanes::answer> office::send(lanes::submission what)
{
    auto promised = std::make_shared<std::promise<lanes::answer>>();
    auto answer = promised->get_future();
    dispatcher_->submit(std::move(what), [promised](lanes::answer a) { promised->set_value(std::move(a)); });
    return answer;
}

lanes::answer office::ask(lanes::submission what) { return send(std::move(what)).get(); }

std::future<std::vector<lanes::answer>> office::send(lanes::batch what)
{
    auto promised = std::make_shared<std::promise<std::vector<lanes::answer>>>();
    auto answers = promised->get_future();
    dispatcher_->submit(std::move(what),
                        [promised](std::vector<lanes::answer> all) { promised->set_value(std::move(all)); });
    return answers;
}

std::vector<lanes::answer> office::ask(lanes::batch what) { return send(std::move(what)).get(); }

std::vector<std::int32_t> office::woken()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(woken_, {});
}

site::site() : site(plain_cluster()) {}

site::site(cluster& in) : db_(in), master_key_(room_.path() / "master.key")
{
    event_log::create_master_key(master_key_);
}

std::unique_ptr<office> site::open(lanes::writer_config config, std::chrono::milliseconds append_deadline)
{
    return std::make_unique<office>(db_.dsn(), master_key_, std::move(config), append_deadline);
}

std::unique_ptr<office> site::open_through(std::uint16_t port, std::chrono::milliseconds append_deadline)
{
    return std::make_unique<office>(db_.dsn_through(port), master_key_, lanes::writer_config{}, append_deadline);
}

schema::uuid site::new_id()
{
    const std::lock_guard lock(mutex_);
    return ids_.next(schema::system_clock{}.now().us);
}

schema::uuid site::new_house(office& by, std::int64_t things_max)
{
    const schema::uuid tenant = new_id();
    const lanes::answer built = by.ask(birth(tenant, things_max));
    if (built.was_applied != lanes::applied::yes)
        throw std::runtime_error("no house could be built: " + told(built) + ", " +
                                 by.dispatcher().take_figures().last_fault);
    return tenant;
}

lanes::submission command(const schema::uuid& tenant, std::function<lanes::decided(lanes::view&)> decide)
{
    const schema::moment now = schema::system_clock{}.now();
    lanes::submission s;
    s.tenant = tenant;
    s.from.tenant = tenant;
    s.from.by = {event_log::actor_type::key, "key_test"};
    s.from.now = now;
    s.from.occurred_at = now;
    s.meta.by = s.from.by;
    s.meta.request_id = "test-request";
    s.meta.occurred_at = now;
    s.decide = std::move(decide);
    s.shown_as = &lanes::aggregate_of<thing::state>();
    s.bytes = 100;
    return within(std::move(s), std::chrono::seconds{30});
}

lanes::submission birth(const schema::uuid& tenant, std::int64_t things_max)
{
    lanes::submission s = command(tenant, house::build(tenant, things_max));
    s.shown_as = &lanes::aggregate_of<house::state>();
    s.tenant_born = event_log::new_tenant{tenant, 0, {}};
    return s;
}

lanes::submission with_key(lanes::submission s, std::string key, std::string body)
{
    lanes::receipt_wanted wanted;
    wanted.key = std::move(key);
    wanted.fingerprint = schema::sha256(body);
    wanted.principal = "key_test";
    s.remember = std::move(wanted);
    return s;
}

lanes::submission if_match(lanes::submission s, const schema::uuid& thing, std::int64_t version)
{
    s.match = lanes::if_match{false, {version}, {s.tenant, "thing", thing}};
    return s;
}

lanes::submission within(lanes::submission s, std::chrono::milliseconds time)
{
    s.deadline = std::chrono::steady_clock::now() + time;
    return s;
}

std::string told(const lanes::answer& a)
{
    if (a.broken)
        return "broken";
    if (a.unavailable)
        return a.was_applied == lanes::applied::no ? "unavailable no" : "unavailable unknown";
    if (a.refused)
        return a.refused->code;
    return std::to_string(a.status) + (a.replayed ? " replayed" : "");
}

std::vector<std::string> told(const std::vector<lanes::answer>& all)
{
    std::vector<std::string> words;
    for (const lanes::answer& each : all)
        words.push_back(told(each));
    return words;
}
}  // namespace kit
