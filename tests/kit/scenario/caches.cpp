#include "tests/kit/scenario/caches.hpp"

#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>

namespace scenario
{
namespace
{
namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& directory)
{
    std::vector<fs::path> files;
    if (fs::exists(directory))
        for (const auto& entry : fs::recursive_directory_iterator(directory))
            if (entry.is_regular_file() && entry.file_size() > 0)
                files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

void flip_bytes(const fs::path& file, int count, std::mt19937& random)
{
    std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
    const auto size = static_cast<std::streamoff>(fs::file_size(file));
    for (int n = 0; n < count; ++n)
    {
        const auto at = std::uniform_int_distribution<std::streamoff>{0, size - 1}(random);
        bytes.seekg(at);
        const int before = bytes.get();
        bytes.seekp(at);
        bytes.put(static_cast<char>(before ^ std::uniform_int_distribution<int>{1, 255}(random)));
    }
}

class spoiler
{
public:
    spoiler(site& at, const cache_config& config, findings& told)
        : at_(at), config_(config), told_(told), random_(config.seed),
          as_(at.found("caches-" + std::to_string(config.seed))),
          server_({.data = at.data_directory("caches"), .dsn = at.dsn()}), cache_(server_.config.data / "cache"),
          old_(at.room.path() / "cache-of-old")
    {
    }

    void run()
    {
        live("fresh");
        fs::copy(cache_, old_, fs::copy_options::recursive);
        for (int time = 0; time < config_.times; ++time)
        {
            spoil("deleted", [&] { fs::remove_all(cache_); });
            spoil("half deleted", [&] { remove_half(); });
            spoil("corrupted", [&] { corrupt(); });
            spoil("cut short", [&] { cut_short(); });
            spoil("older than the rows", [&] { replace_by_old(); });
            spoil("of another incarnation",
                  [&] { at_.ask("insert into es.incarnation (number, reason) select max(number) + 1, 'restored'"
                                " from es.incarnation"); });
        }
    }

private:
    void spoil(const std::string& how, const std::function<void()>& act)
    {
        told_.expect(!files_below(cache_).empty(), "there is no cache to be " + how);
        act();
        ++told_.counted["caches spoiled"];
        live("cache " + how);
    }

    // One life of the server: it works, and whatever it believed, the read models are what the log says.
    void live(const std::string& when)
    {
        server_.start();
        load work{{.seed = config_.seed, .prefix = "x" + std::to_string(++lives_)}, as_, {server_.port()}};
        work.start();
        kit::await(
            "the load's requests", [&] { return work.attempts() >= config_.attempts; }, kit::milliseconds{60'000});
        work.stop();
        work.settle();
        told_.add(work.replay(), when);
        told_.add(check_store(at_), when);
        told_.add(work.check(at_), when);
        // Killed in every other life, so that the cache's log is not written out.
        if (lives_ % 2 == 0)
        {
            server_.kill();
            server_.wait(kit::milliseconds{10'000});
        }
        else
            told_.expect(server_.stop() == kit::ending{0, 0}, when + ": the server did not stop well");
    }

    void remove_half()
    {
        for (const auto& file : files_below(cache_))
            if (std::uniform_int_distribution<int>{0, 1}(random_) == 0)
                fs::remove(file);
    }

    void corrupt()
    {
        for (const auto& file : files_below(cache_))
        {
            flip_bytes(file, 3, random_);
            ++told_.counted["files damaged"];
        }
    }

    void cut_short()
    {
        for (const auto& file : files_below(cache_))
        {
            fs::resize_file(file, fs::file_size(file) / 2);
            ++told_.counted["files damaged"];
        }
    }

    void replace_by_old()
    {
        fs::remove_all(cache_);
        fs::copy(old_, cache_, fs::copy_options::recursive);
    }

    site& at_;
    const cache_config config_;
    findings& told_;
    std::mt19937 random_;
    const organisation as_;
    node server_;
    const fs::path cache_;
    const fs::path old_;
    int lives_ = 0;
};
}  // namespace

findings spoil_caches(site& at, const cache_config& config)
{
    findings told;
    spoiler{at, config, told}.run();
    return told;
}
}  // namespace scenario
