// Leaks of libraries that LeakSanitizer would otherwise hold against us, part of every program built with it.
//
// libpqxx 6.4 loses the PGresult of a statement whose connection broke: a few hundred bytes for each lost connection.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions()
{
    return "leak:PQmakeEmptyPGresult\n";
}
extern "C" const char* __lsan_default_options()
{
    return "print_suppressions=0";
}
#endif
