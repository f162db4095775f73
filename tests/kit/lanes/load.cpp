#include "tests/kit/lanes/load.hpp"

namespace kit
{
load::load(site& where, office& through, const schema::uuid& tenant, op_log& log, int threads,
           std::chrono::milliseconds deadline)
    : site_(where), office_(through), tenant_(tenant), log_(log), deadline_(deadline)
{
    for (int i = 0; i < threads; ++i)
        threads_.emplace_back([this, i] { work(i); });
}

load::~load() { stop(); }

void load::stop()
{
    stopping_ = true;
    for (std::thread& each : threads_)
        if (each.joinable())
            each.join();
}

void load::work(int thread)
{
    for (int nth = 0; !stopping_; ++nth)
    {
        const std::string operation = "t" + std::to_string(thread) + "n" + std::to_string(nth);
        const schema::uuid id = site_.new_id();
        const bool gives_up = nth % 3 == 0;
        while (try_once(operation, id) != op_log::outcome::done && !gives_up && !stopping_)
            continue;
    }
}

op_log::outcome load::try_once(const std::string& operation, const schema::uuid& id)
{
    const std::string mark = log_.attempt(operation);
    auto create = with_key(command(tenant_, thing::make(tenant_, {id, operation})), operation);
    create.meta.request_id = mark;
    const auto how = outcome_of(office_.ask(within(std::move(create), deadline_)));
    log_.note(mark, how);
    ++answered_;
    return how;
}

op_log::outcome outcome_of(const lanes::answer& a)
{
    if (a.unavailable || a.broken)
        return a.was_applied == lanes::applied::no ? op_log::outcome::refused : op_log::outcome::unknown;
    return a.refused ? op_log::outcome::refused : op_log::outcome::done;
}
}  // namespace kit
