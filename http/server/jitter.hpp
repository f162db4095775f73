// Small random numbers for spreading retries; not for secrets. Each thread has its own generator.
#pragma once

namespace http
{
// Between the two, both included.
int jittered(int least, int most);
}  // namespace http
