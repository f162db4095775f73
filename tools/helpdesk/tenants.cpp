// See tenants.hpp.
#include "tools/helpdesk/tenants.hpp"

#include "schemas/record.hpp"

#include <fcntl.h>
#include <fstream>
#include <map>
#include <spawn.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace helpdesk
{
namespace
{
// What `tools/up` keeps beside the data: the part that the load needs.
struct demo
{
    std::optional<std::string> url;
    std::optional<std::string> api_key;
};

struct made_tenant
{
    std::string org_id;
    std::string api_key;
};
}  // namespace
}  // namespace helpdesk

template <>
inline constexpr schema::record_type schema::schema_of<helpdesk::demo> = schema::record(
    "demo", 1, schema::field<&helpdesk::demo::url>("url"), schema::field<&helpdesk::demo::api_key>("api_key"));
template <>
inline constexpr schema::record_type schema::schema_of<helpdesk::made_tenant> =
    schema::record("made_tenant", 1, schema::field<&helpdesk::made_tenant::org_id>("org_id"),
                   schema::field<&helpdesk::made_tenant::api_key>("api_key"));

namespace helpdesk
{
namespace
{
std::string read_file(const std::filesystem::path& file)
{
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

demo read_demo(const std::filesystem::path& data)
{
    if (auto read = schema::read_json<demo>(read_file(data / "demo.json"), schema::reading::stored))
        return *read;
    return {};
}

// Runs a program to its end and returns what it printed; nothing when it failed.
std::optional<std::string> run(const std::vector<std::string>& words)
{
    std::vector<char*> arguments;
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::nullopt;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string printed;
    char buffer[4096];
    for (ssize_t n = 0; failed == 0 && (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        printed.append(buffer, static_cast<std::size_t>(n));
    ::close(ends[0]);
    int status = 0;
    if (failed != 0 || ::waitpid(child, &status, 0) != child || status != 0)
        return std::nullopt;
    return printed;
}

std::string make_tenant(const tenant_wishes& wishes, const std::string& slug)
{
    if (!wishes.binary || !wishes.data)
        throw bad_wish(wishes.tenants == 1 ? "no key to write with: give --data DIR of a tools/up, or --key KEY"
                                           : "no key for tenant \"" + slug +
                                                 "\": give --data DIR of a tools/up, or one --key per tenant");
    const auto printed = run({wishes.binary->string(), "tenant", "create", "--json", "--data", wishes.data->string(),
                              "--slug", slug, "--name", "Help desk " + slug, "--owner-email",
                              "owner@" + slug + ".example", "--plan", "business", "--rate", "none"});
    if (!printed)
        throw bad_wish("`clientflow tenant create --slug " + slug + "` failed (see above)");
    const auto made = schema::read_json<made_tenant>(*printed, schema::reading::stored);
    if (!made)
        throw bad_wish("`clientflow tenant create` printed something unexpected");
    return made->api_key;
}

// Keys of tenants made by earlier runs: "slug key" per line.
class key_file
{
public:
    explicit key_file(std::filesystem::path file) : file_(std::move(file))
    {
        std::ifstream in{file_};
        for (std::string slug, key; in >> slug >> key;)
            keys_[slug] = key;
    }
    const std::string* find(const std::string& slug) const
    {
        const auto found = keys_.find(slug);
        return found == keys_.end() ? nullptr : &found->second;
    }
    void add(const std::string& slug, const std::string& key)
    {
        keys_[slug] = key;
        const int handle = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        const auto line = slug + ' ' + key + '\n';
        if (handle < 0 || ::write(handle, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
            throw bad_wish("cannot write " + file_.string());
        ::close(handle);
    }

private:
    std::filesystem::path file_;
    std::map<std::string, std::string> keys_;
};

// A key's shown part names the tenant's progress file; the secret itself stays out of file names.
std::filesystem::path progress_file(const tenant_wishes& wishes, const std::string& key)
{
    return wishes.state / ("helpdesk-" + key.substr(0, 16) + ".progress");
}
}  // namespace

std::optional<std::string> url_of(const std::filesystem::path& data) { return read_demo(data).url; }

std::vector<target> find_targets(const tenant_wishes& wishes)
{
    std::filesystem::create_directories(wishes.state);
    std::vector<target> found;
    const auto add = [&](const std::string& name, const std::string& key) {
        found.push_back({name, key, progress_file(wishes, key)});
    };
    const auto count = static_cast<std::size_t>(wishes.tenants);
    if (wishes.keys.size() > count)
        throw bad_wish("more keys than tenants");
    for (const auto& key : wishes.keys)
        add("tenant " + std::to_string(found.size() + 1), key);
    if (count == 1 && found.empty() && wishes.data)
        if (const auto demo_key = read_demo(*wishes.data).api_key)
            add("demo", *demo_key);
    key_file made{wishes.state / "helpdesk-tenants"};
    while (found.size() < count)
    {
        const auto slug = "helpdesk-" + std::to_string(found.size() + 1);
        if (const auto* key = made.find(slug))
        {
            add(slug, *key);
            continue;
        }
        const auto key = make_tenant(wishes, slug);
        made.add(slug, key);
        add(slug, key);
    }
    return found;
}
}  // namespace helpdesk
