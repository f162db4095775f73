// The fourth part of api.hpp: a batch, whose commands are requests of their own until they are answered together.
#include "http/server/api.hpp"
#include "http/server/batch.hpp"
#include "http/server/command_route.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <utility>

namespace http
{
// One command as the request it stands for. Stays where it is: the request shows the texts, and the call the request.
struct api::batched
{
    batched(batch_command given, const exchange& of, const call& whole);

    batch_command asked;
    exchange x;
    call c;
    lanes::submission submission;
    bool is_submitted = false;
};

struct api::batch_run
{
    bool atomic = false;
    std::vector<std::unique_ptr<batched>> commands;
};

api::batched::batched(batch_command given, const exchange& of, const call& whole) : asked(std::move(given))
{
    request& in = x.in;
    in.method = asked.method;
    in.method_text = text_of(asked.method);
    in.target = asked.path;
    in.path = in.target.substr(0, in.target.find('?'));
    in.query = in.target.substr(std::min(in.path.size() + 1, in.target.size()));
    in.body = std::move(asked.body);
    in.has_body = !in.body.empty();
    in.peer = of.in.peer;
    in.fields.push_back({"User-Agent", of.in.field("user-agent")});
    if (asked.idempotency_key)
        in.fields.push_back({"Idempotency-Key", *asked.idempotency_key});
    if (asked.if_match)
        in.fields.push_back({"If-Match", *asked.if_match});
    c.in = &x.in;
    c.out = &x.out;
    c.server = whole.server;
    c.who = whole.who;
    c.client = whole.client;
    c.request_id = whole.request_id;
    c.traceparent = whole.traceparent;
    c.accepted = whole.accepted;
    c.accepted_steady = whole.accepted_steady;
}

next api::run_batch(exchange& x, const std::shared_ptr<call>& c)
{
    auto read = read_batch(x.in.body);
    if (!read)
        return refuse_faults(*c, std::move(read.error())), next::settled;
    const auto run = std::make_shared<batch_run>();
    run->atomic = read->atomic;
    bool has_keys = false;
    for (batch_command& each : read->commands)
    {
        has_keys = has_keys || each.idempotency_key;
        run->commands.push_back(std::make_unique<batched>(std::move(each), x, *c));
    }
    return with_tenants_key(x, c, has_keys, [this, c, run](exchange& later) { return submit_batch(later, c, run); });
}

next api::submit_batch(exchange& x, const std::shared_ptr<call>& c, const std::shared_ptr<batch_run>& run)
{
    bool some_refused = false;
    for (const auto& each : run->commands)
    {
        each->is_submitted = prepare_batched(*each);
        some_refused = some_refused || !each->is_submitted;
    }
    lanes::batch asked;
    asked.atomic = run->atomic;
    const auto deadline = std::chrono::steady_clock::now() + config_.command_time_max;
    for (const auto& each : run->commands)
    {
        if (!each->is_submitted)
            continue;
        each->is_submitted = !asked.atomic || !some_refused;
        each->submission.deadline = deadline;
        if (each->is_submitted)
            asked.commands.push_back(std::move(each->submission));
        else
            each->c.refuse("batch_refused");
    }
    if (asked.commands.empty())
        return answer_batch(*c, *run, {}), next::settled;
    const auto box = std::make_shared<std::vector<lanes::answer>>();
    x.then = [this, box, c, run](exchange&) {
        answer_batch(*c, *run, std::move(*box));
        return next::settled;
    };
    c->submitted = true;
    parts_.commands.submit(std::move(asked), [box, wake = x.wake](std::vector<lanes::answer> said) {
        *box = std::move(said);
        wake();
    });
    return next::parked;
}

// What a request of its own would go through between its key and the lane writer. False: it is refused.
bool api::prepare_batched(batched& one)
{
    call& c = one.c;
    find_route(one.x, c);
    if (!c.wrong.empty())
        return answer_wrong(c), false;
    if (!authorise(c))
        return false;
    if (!c.where->command)
        return c.refuse(make_problem("bad_query", "This route is no command that a batch can hold.")), false;
    if (!c.in->query.empty())
        return c.refuse(bad_query(std::string{c.in->query.substr(0, c.in->query.find('='))},
                                  "A command of a batch takes no parameters.")),
               false;
    if (c.in->body.size() > c.where->body_bytes_max)
        return c.refuse("too_large"), false;
    return fill_submission(c, one.submission) && c.where->command(c, one.submission);
}

void api::answer_batch(call& c, batch_run& run, std::vector<lanes::answer> answers)
{
    std::optional<event_log::position> newest;
    schema::json_writer json(c.out->body);
    json.begin_object().key("data").begin_array();
    auto said = answers.begin();
    for (const auto& each : run.commands)
    {
        if (each->is_submitted)
        {
            if (said->at.seq > 0 && (!newest || newest->seq < said->at.seq))
                newest = said->at;
            answer_command(each->c, *said++);
        }
        write_batched(json, each->x.out);
    }
    json.end_array().end_object();
    c.out->content_type = "application/json";
    if (newest)
        note_position(c, *newest);
}
}  // namespace http
