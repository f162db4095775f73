// Everything that takes part in desk.hpp's day, from the first write to the last question. Its faults to processes,
// database and link lie in desk_faults.cpp, those to what is stored, sent and read in desk_damage.cpp, and what is
// asked in the end in desk_checks.cpp.
#pragma once

#include "tests/kit/process.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/desk.hpp"
#include "tests/kit/scenario/follower.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/onlooker.hpp"
#include "tests/kit/scenario/poison.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace scenario
{
int times(const std::string& text, const std::string& what);
std::string last_of(const std::string& text);  // its end, short enough to be told

class desk_at_work
{
public:
    desk_at_work(site&, const desk_config&);

    findings go();
    // What was done, and what those who took part have to say of it.
    std::string story();

private:
    using fault = void (desk_at_work::*)();

    static constexpr int tenants = 8;
    static constexpr kit::milliseconds patience{60'000};

    // -- The day
    std::vector<std::uint16_t> ports() const { return {one_.port(), other_.port()}; }
    node& any_node() { return random_() % 2 == 0 ? one_ : other_; }
    const organisation& any_organisation() { return of_[random_() % of_.size()]; }
    kit::launch loader(std::vector<std::string> more) const;
    void await_writes();
    void go_through(std::vector<fault>);
    void go_through_faults();

    // An operator's command, and the same again and again until it succeeds: another version may be on its way, or a
    // lane too busy.
    kit::finished ask(std::vector<std::string> words) const;
    kit::finished ask_until_done(const std::vector<std::string>& words) const;
    void until_done(const std::vector<std::string>& words);
    void expect_done(const kit::finished&, const std::vector<std::string>& words);

    // -- Faults to processes, database and link
    void kill_a_server();
    void freeze_a_server();
    void restart_database();
    void crash_database();
    void stop_a_server();
    void end_sessions();
    void lose_everything_at_once();
    void lose_a_cache();
    void freeze_through_a_crash();
    void cut_the_link();
    void stall_the_link();
    void be_without_database();
    void restart_during_a_rebuild();

    // -- Faults to what is stored, sent and read
    void replay_poison() { poison(poison_kind::bad_data, false); }
    void discard_poison() { poison(poison_kind::bad_data, true); }
    void poison_of_a_later_version() { poison(poison_kind::unknown_version, false); }
    void poison_of_a_later_type() { poison(poison_kind::unknown_type, true); }
    void poison(poison_kind, bool is_discarded);
    void free_stopped_keys(const poisoned&, bool by_name);
    std::string make(const organisation&, const std::string& noun, const std::string& name);
    std::string send_until(int status, const organisation&, const request&);
    std::string send_until(int status, const organisation&, const std::string& method, const std::string& target,
                           const std::string& body);
    void send_largest_batch(const organisation&);
    void write_the_largest();
    void read_slowly();
    long cut_as_slow() const;
    void damage_and_repair();
    void go_back_and_forth();
    void swap_under_an_analyst();
    void rebuild_a_tenant();
    void fill_the_logs_disk();
    void fill_a_caches_disk();
    bool has_disks();
    void audit();

    // -- In the end
    void interrupt_the_load();
    void finish_the_load();
    void check_answers();
    void check_readers();
    void check_store_and_versions();
    void check_servers();

    site& at_;
    const desk_config config_;
    std::mt19937 random_;
    findings told_;
    std::vector<organisation> of_;
    node one_{{.data = at_.data_directory("one"), .dsn = at_.dsn()}};
    node other_{{.data = at_.data_directory("other"), .dsn = at_.through()}};
    std::vector<std::unique_ptr<follower>> following_;
    std::unique_ptr<onlooker> reading_;
    std::unique_ptr<kit::process> load_;
    long writes_ = 0;    // of the whole log
    int planted_ = 0;    // things beside the log's, all called "Planted …"
    std::string trail_;  // the faults so far
};
}  // namespace scenario
