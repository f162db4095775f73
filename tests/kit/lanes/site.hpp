// A place to try lane writers in: a database, a master key, and dispatchers as several processes would have them.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "events/log/seal.hpp"
#include "schemas/time.hpp"
#include "tests/kit/database.hpp"
#include "tests/kit/lanes/thing.hpp"
#include "tests/kit/paths.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace kit
{
// One process's worth of writers: its own keys, caches and connections. May be submitted to from any thread.
class office
{
public:
    office(const std::string& dsn, const std::filesystem::path& master_key, lanes::writer_config,
           std::chrono::milliseconds append_deadline);

    std::future<lanes::answer> send(lanes::submission);
    lanes::answer ask(lanes::submission);
    std::future<std::vector<lanes::answer>> send(lanes::batch);
    std::vector<lanes::answer> ask(lanes::batch);
    lanes::dispatcher& dispatcher() { return *dispatcher_; }
    std::vector<std::int32_t> woken();  // lanes whose feeds were woken, in order, since the last call

private:
    schema::system_clock clock_;
    event_log::keyring keys_;
    std::mutex mutex_;
    std::vector<std::int32_t> woken_;
    std::unique_ptr<lanes::dispatcher> dispatcher_;
};

class site
{
public:
    site();
    explicit site(cluster&);

    std::unique_ptr<office> open(lanes::writer_config = {},
                                 std::chrono::milliseconds append_deadline = std::chrono::seconds{10});
    std::unique_ptr<office> open_through(std::uint16_t port, std::chrono::milliseconds append_deadline);
    const database& db() const { return db_; }
    const std::filesystem::path& master_key() const { return master_key_; }
    schema::uuid new_id();

    // A tenant with its house, built through `by`.
    schema::uuid new_house(office& by, std::int64_t things_max = 0);

private:
    database db_;
    temporary_directory room_;
    std::filesystem::path master_key_;
    std::mutex mutex_;
    schema::uuid_source ids_;
};

// A command of nobody in particular, with time to spare.
lanes::submission command(const schema::uuid& tenant, std::function<lanes::decided(lanes::view&)> decide);
lanes::submission birth(const schema::uuid& tenant, std::int64_t things_max = 0);
lanes::submission with_key(lanes::submission, std::string key, std::string body = "the body");
lanes::submission if_match(lanes::submission, const schema::uuid& thing, std::int64_t version);
lanes::submission within(lanes::submission, std::chrono::milliseconds);

// How an answer reads in a test: "201", "200 replayed", "version_mismatch", "unavailable no", "broken".
std::string told(const lanes::answer&);
std::vector<std::string> told(const std::vector<lanes::answer>&);
}  // namespace kit
