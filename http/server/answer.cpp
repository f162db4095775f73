// See answer.hpp.
#include "http/server/answer.hpp"

#include <charconv>

namespace http
{
namespace
{
std::string_view reason_of(int status)
{
    switch (status)
    {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 204:
        return "No Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 424:
        return "Failed Dependency";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

void append_number(std::string& out, std::size_t number)
{
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}
}  // namespace

void append_answer(std::string& to, const reply& answer, std::string_view date_field, bool with_body, bool last,
                   framing how)
{
    const auto text = answer.text();
    const bool has_no_body = answer.status == 204 || answer.status == 304;
    to.reserve(to.size() + text.size() + answer.fields.size() + 256);
    to += "HTTP/1.1 ";
    append_number(to, static_cast<std::size_t>(answer.status));
    to += ' ';
    to += reason_of(answer.status);
    to += "\r\n";
    to += date_field;
    if (!has_no_body)
    {
        if (!answer.content_type.empty())
            to.append("Content-Type: ").append(answer.content_type).append("\r\n");
        if (how == framing::length)
        {
            to += "Content-Length: ";
            append_number(to, text.size());
            to += "\r\n";
        }
        else if (how == framing::chunks)
            to += "Transfer-Encoding: chunked\r\n";
    }
    to += answer.fields;
    if (last)
        to += "Connection: close\r\n";
    to += "\r\n";
    if (!has_no_body && with_body && how == framing::length)
        to += text;
}
}  // namespace http
