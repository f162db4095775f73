// The only file that includes Beast: its parser works on bytes, no stream and no coroutine is compiled with it.
#include "http/server/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>

namespace http
{
namespace
{
namespace beast = boost::beast;

bool is_token_character(char c)
{
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
}

bool is_host(std::string_view value)
{
    constexpr std::string_view others = "-._~%:[]!$&'()*+,;=";
    return value.size() <= 260 && std::all_of(value.begin(), value.end(), [&](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      others.find(c) != std::string_view::npos;
           });
}

// Whether a comma-separated field names this option.
bool lists(std::string_view field, std::string_view option)
{
    while (!field.empty())
    {
        const auto comma = field.find(',');
        auto one = field.substr(0, comma);
        while (!one.empty() && (one.front() == ' ' || one.front() == '\t'))
            one.remove_prefix(1);
        while (!one.empty() && (one.back() == ' ' || one.back() == '\t'))
            one.remove_suffix(1);
        if (equals_ignoring_case(one, option))
            return true;
        field = comma == std::string_view::npos ? std::string_view{} : field.substr(comma + 1);
    }
    return false;
}

bool has_folded_field(std::string_view lines)
{
    return lines.find("\r\n ") != std::string_view::npos || lines.find("\r\n\t") != std::string_view::npos;
}
}  // namespace

// Hands fields over as views into the head (none is folded, so Beast copies none) and body bytes into a string.
class wire_reader::parser final : public beast::http::basic_parser<true>
{
public:
    request* into = nullptr;
    std::string* body = nullptr;  // nullptr: thrown away
    std::uint64_t body_bytes = 0;
    bool in_head = true;
    const char* trailer = nullptr;  // where it begins in the bytes put last, once the last chunk was seen
    unsigned version = 11;

private:
    void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int v,
                         beast::error_code&) override
    {
        into->method_text = {method.data(), method.size()};
        into->target = {target.data(), target.size()};
        version = static_cast<unsigned>(v);
    }
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                       beast::error_code&) override
    {
        if (in_head)  // trailers are read and ignored
            into->fields.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
    }
    void on_header_impl(beast::error_code&) override { in_head = false; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
    std::size_t on_body_impl(beast::string_view bytes, beast::error_code&) override { return take(bytes); }
    void on_chunk_header_impl(std::uint64_t size, beast::string_view extensions, beast::error_code&) override
    {
        if (size == 0)
            trailer = extensions.data() + extensions.size();
    }
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, beast::error_code&) override
    {
        return take(bytes);
    }
    void on_finish_impl(beast::error_code&) override {}

    std::size_t take(beast::string_view bytes)
    {
        if (body)
            body->append(bytes.data(), bytes.size());
        body_bytes += bytes.size();
        return bytes.size();
    }
};

wire_reader::wire_reader(const listener_config& limits) : limits_(limits) {}
wire_reader::~wire_reader() = default;

wire_reader::step wire_reader::fail(int status, std::string_view code, std::string_view detail)
{
    failure_ = {status, code, detail};
    return step::failed;
}

wire_reader::step wire_reader::refuse_oversize(std::string_view unread)
{
    const auto line_end = unread.find('\r');
    if (line_end == std::string_view::npos || line_end > limits_.uri_bytes_max)
        return fail(414, "uri_too_long", "The request's target is longer than this server reads.");
    return fail(431, "headers_too_large", "The request's header fields are larger than this server reads.");
}

// No line feed without its carriage return and the other way round, no NUL, no folded field.
bool wire_reader::lines_are_strict(std::string_view seen)
{
    for (std::size_t i = scanned_; i < seen.size(); ++i)
    {
        const char c = seen[i];
        if (c >= ' ')
            continue;
        if (c == '\n' && (i == 0 || seen[i - 1] != '\r'))
            return false;
        if (c == '\r' && i + 1 < seen.size() && seen[i + 1] != '\n')
            return false;
        if (c == '\0')
            return false;
        if (c == '\n' && i + 1 < seen.size() && (seen[i + 1] == ' ' || seen[i + 1] == '\t'))
            return false;
    }
    return true;
}

wire_reader::step wire_reader::head(std::string_view unread, std::size_t& consumed, request& into)
{
    consumed = 0;
    if (!has_skipped_ && scanned_ <= 1 && unread.starts_with("\r\n"))
    {
        has_skipped_ = true;
        scanned_ = 0;
        consumed = 2;
        unread.remove_prefix(2);
    }
    const auto from = scanned_ < 3 ? 0 : scanned_ - 3;
    const auto end = unread.substr(0, limits_.header_bytes_max).find("\r\n\r\n", from);
    const auto seen = unread.substr(0, end == std::string_view::npos ? limits_.header_bytes_max : end + 4);
    scanned_ = scanned_ < 2 ? 0 : scanned_ - 2;  // the last two bytes could not be judged without what follows them
    if (!lines_are_strict(seen))
        return fail(400, "malformed", "Every line of a request ends with CR LF, and no field is folded.");
    if (end == std::string_view::npos)
    {
        if (unread.size() >= limits_.header_bytes_max)
            return refuse_oversize(unread);
        if (unread.find('\r') == std::string_view::npos && unread.size() > limits_.uri_bytes_max + 32)
            return refuse_oversize(unread);
        scanned_ = seen.size();
        return step::need_more;
    }

    scanned_ = 0;
    has_skipped_ = false;
    consumed += seen.size();
    head_.assign(seen);
    into.fields.clear();
    into.body.clear();
    into.has_body = false;
    body_bytes_ = 0;
    parser_ = std::make_unique<parser>();
    parser_->into = &into;
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes_max) + 8);
    parser_->body_limit(boost::none);
    boost::system::error_code ec;
    parser_->put(boost::asio::buffer(head_), ec);
    if (ec && ec != beast::http::error::need_more)
        return fail(400, "malformed", "The request line or a header field is not HTTP/1.1.");
    if (!parser_->is_header_done())
        return fail(400, "malformed", "The request line or a header field is not HTTP/1.1.");
    if (into.fields.size() > limits_.header_fields_max)
        return fail(431, "headers_too_large", "The request has more header fields than this server reads.");
    if (!read_target(into) || !read_framing(into))
        return step::failed;
    return step::done;
}

bool wire_reader::read_target(request& in)
{
    if (!std::all_of(in.method_text.begin(), in.method_text.end(), is_token_character))
        return fail(400, "malformed", "The method is not a token."), false;
    in.method = verb_of(in.method_text);
    if (in.target.size() > limits_.uri_bytes_max)
        return fail(414, "uri_too_long", "The request's target is longer than this server reads."), false;
    bool has_no_path = false;  // http://host?query asks for the root
    if (in.target.starts_with("http://") || in.target.starts_with("https://"))
    {
        const auto end = in.target.find_first_of("/?#", in.target.find("//") + 2);
        in.target = end == std::string_view::npos ? std::string_view{"/"} : in.target.substr(end);
        has_no_path = in.target.starts_with('?');
    }
    if (in.target != "*" && !in.target.starts_with('/') && !has_no_path)
        return fail(400, "malformed", "The request's target does not start with a slash."), false;
    if (in.target.find('#') != std::string_view::npos)
        return fail(400, "malformed", "The request's target holds a fragment."), false;
    const auto question = in.target.find('?');
    in.path = has_no_path ? std::string_view{"/"} : in.target.substr(0, question);
    in.query = question == std::string_view::npos ? std::string_view{} : in.target.substr(question + 1);
    return true;
}

bool wire_reader::read_framing(request& in)
{
    http_1_0_ = parser_->version == 10;
    const auto hosts = in.count("host");
    if (hosts > 1 || (hosts == 0 && !http_1_0_) || !is_host(in.field("host")))
        return fail(400, "malformed", "A request names one host."), false;

    const auto lengths = in.count("content-length");
    const auto encodings = in.count("transfer-encoding");
    if (lengths > 1 || encodings > 1 || (lengths == 1 && encodings == 1))
        return fail(400, "malformed", "The length of the body is stated more than once."), false;
    if (encodings == 1 && (http_1_0_ || !equals_ignoring_case(in.field("transfer-encoding"), "chunked")))
        return fail(400, "malformed", "The only transfer coding read here is chunked, on HTTP/1.1."), false;
    if (lengths == 1)
    {
        const auto text = in.field("content-length");
        const bool digits = !text.empty() && text.size() <= 18 &&
                            std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!digits)
            return fail(400, "malformed", "Content-Length is not a number of bytes."), false;
        in.has_body = text.find_first_not_of('0') != std::string_view::npos;
    }
    in.has_body = in.has_body || encodings == 1;

    const auto expected = in.field("expect");
    expects_continue_ = !http_1_0_ && equals_ignoring_case(expected, "100-continue");
    if (!expected.empty() && !expects_continue_)
        return fail(400, "malformed", "The only expectation met here is 100-continue."), false;
    const auto connection = in.joined("connection");
    keep_alive_ = http_1_0_ ? lists(connection, "keep-alive") : !lists(connection, "close");
    return true;
}

wire_reader::step wire_reader::body(std::string_view unread, std::size_t& consumed, request& into,
                                    std::size_t bytes_max, bool keep)
{
    consumed = 0;
    if (parser_->is_done() || !into.has_body)
        return step::done;
    const auto announced = parser_->content_length();
    if (announced && *announced > bytes_max)
        return fail(413, "too_large", "The body is larger than this route reads.");
    if (announced && keep && into.body.empty())
        into.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*announced, 64 * 1024)));
    parser_->body = keep ? &into.body : nullptr;
    while (!parser_->is_done() && consumed < unread.size())
    {
        boost::system::error_code ec;
        const auto rest = unread.substr(consumed);
        // Beast asserts that it is never shown "0\r\n" and then a single byte more. At least the five bytes of a last
        // chunk and its end are still to come, so nothing is kept waiting that could be complete.
        if (!announced && rest.size() < 5 && rest.front() == '0')
            break;
        const auto used = parser_->put(boost::asio::buffer(rest.data(), rest.size()), ec);
        consumed += used;
        body_bytes_ = parser_->body_bytes;
        if (body_bytes_ > bytes_max)
            return fail(413, "too_large", "The body is larger than this route reads.");
        if (ec && ec != beast::http::error::need_more)
            return fail(400, "malformed", "The chunked body is not framed as HTTP/1.1 says.");
        if (parser_->is_done() && parser_->trailer && has_folded_field({parser_->trailer, rest.data() + used}))
            return fail(400, "malformed", "A field of the trailer is folded.");
        if (used == 0 || ec == beast::http::error::need_more)
            break;
    }
    if (parser_->is_done())
        return step::done;
    if (unread.size() - consumed > limits_.header_bytes_max)
        return fail(400, "malformed", "A chunk's header or the trailer is larger than this server reads.");
    return step::need_more;
}
}  // namespace http
