// The main function of every test program: doctest's, with broken pipes arriving as errors instead of as a signal.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <csignal>

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    return doctest::Context(argc, argv).run();
}
