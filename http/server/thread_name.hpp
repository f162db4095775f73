// Gives the calling thread a name that ps, top and debuggers show; Linux keeps 15 characters.
#pragma once

#include <pthread.h>
#include <string>

namespace http
{
inline void name_this_thread(const std::string& name)
{
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}
}  // namespace http
