// The AsyncAPI 3.0 document of the events that streams and polls tell, from the public catalogue and the facts' own
// field rows. Pure.
#pragma once

#include <string>

namespace http
{
std::string asyncapi_document();
}
