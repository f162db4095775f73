// Words of texts and of searches: one reading for both, and every bound holds.
#include "projections/runner/terms.hpp"
#include "projections/search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using projection::searchable;
using projection::sought_terms;
using projection::term_place;
using projection::terms_of;

namespace
{
// "word word / word of the text"
std::string terms(std::string_view title, std::string_view text = {})
{
    std::string in_title, in_text;
    for (const auto& each : terms_of(searchable{title, text, {}}))
    {
        auto& to = each.place == term_place::title ? in_title : in_text;
        to += (to.empty() ? "" : " ") + each.word;
    }
    return in_text.empty() ? in_title : in_title + " / " + in_text;
}

std::string sought(std::string_view q)
{
    std::string all;
    for (const auto& word : sought_terms(q))
        all += (all.empty() ? "" : " ") + word;
    return all;
}

// Whether a row with this title is found: every word that is sought begins one of its words.
bool finds(std::string_view q, std::string_view title)
{
    const auto words = sought_terms(q);
    const auto held = terms_of(searchable{title, {}, {}});
    return !words.empty() && std::ranges::all_of(words, [&](const auto& word) {
        return std::ranges::any_of(held, [&](const auto& each) { return each.word.starts_with(word); });
    });
}

std::string repeated(std::string_view text, int times)
{
    std::string made;
    for (int i = 0; i < times; ++i)
        made += text;
    return made;
}
}  // namespace

TEST_CASE("a text's words are its runs of letters and digits, folded, each once")
{
    CHECK(terms("Print the plan, PLAN!") == "plan print the");
    CHECK(terms("O'Brien's 2nd C++ a_b 50%") == "2nd 50 a b brien c o s");
    CHECK(terms("2026-11-27") == "11 2026 27");
    CHECK(terms("") == "");
    CHECK(terms("... --- %") == "");
    CHECK(terms("one", "two one three") == "one / three two");
}

TEST_CASE("one word in several spellings is one term")
{
    CHECK(terms("Straße STRASSE straẞe") == "strasse");
    CHECK(terms("ΟΔΟΣ οδος οδοσ") == "οδοσ");
    CHECK(terms("Cafe\xCC\x81 CAFÉ") == "café");
    CHECK(terms("co\xC2\xADop coop") == "coop");                    // a soft hyphen
    CHECK(terms("\xEF\xBB\xBFone\xE2\x80\x8Bmore") == "more one");  // a mark of byte order, a space without width
    CHECK(finds("strass", "Große Straße"));
    CHECK(finds("CAFE\xCC\x81", "das Café"));
    CHECK_FALSE(finds("cafe", "das Café"));
    CHECK_FALSE(finds("lan", "plan"));
}

TEST_CASE("scripts without spaces are found anywhere, by one character or many")
{
    CHECK(terms("日本語") == "日本 本語 語");
    CHECK(sought("日本語") == "日本 本語");
    CHECK(sought("語") == "語");
    CHECK(terms("第3回ABC会議") == "3 abc 会議 回 第 議");
    for (const char* part : {"東", "京", "東京", "東京都", "会議", "ビル", "ル", "東京都庁の会議"})
    {
        CAPTURE(part);
        CHECK(finds(part, "東京都庁の会議、ビル"));
    }
    CHECK_FALSE(finds("京東", "東京都庁"));
    CHECK(finds("ไทย", "ภาษาไทย"));
    CHECK(finds("한국", "한국어 문서"));
    CHECK_FALSE(finds("국어", "한국어 문서"));  // written with spaces
}

TEST_CASE("a symbol is a word of one character")
{
    CHECK(finds("🚀", "Launch 🚀 today"));
    CHECK(finds("🚀", "Launch🚀🚀today"));
    CHECK(finds("❤", "❤\xEF\xB8\x8F red"));
    CHECK(finds("launch🚀", "🚀 Launch"));
    CHECK_FALSE(finds("%", "50%"));
    CHECK(sought("% - !").empty());
    CHECK(sought("").empty());
}

TEST_CASE("no text makes more terms than its bound, or longer ones")
{
    const std::string long_word = repeated("ä", 100);
    CHECK(terms(long_word) == repeated("ä", projection::term_code_points_max));
    CHECK(finds(long_word, long_word));
    CHECK(finds(repeated("ä", 40), long_word));

    std::string many, text;
    for (int i = 0; i < 200; ++i)
    {
        many += "w" + std::to_string(i) + " ";
        text += "t" + std::to_string(i % 50) + " ";
    }
    CHECK(terms_of(searchable{many, {}, {}}).size() == projection::title_terms_max);
    CHECK(terms_of(searchable{"title", text, {}}).size() == 1 + projection::text_terms_max);
    CHECK(terms_of(searchable{repeated("語", 200), {}, {}}).size() == 2);
    CHECK(terms("a", repeated(". ", projection::text_code_points_max) + "late") == "a");
    CHECK(sought_terms(many).size() == projection::sought_terms_max);
    for (const char* broken : {"\xFF\xFE", "\xE6\x97", "a\xC3", "\xED\xA0\x80"})
        CHECK(terms_of(searchable{broken, broken, {}}).size() <= 2);
}

TEST_CASE("what changes is what the new row has and the old one had not, and the other way round")
{
    const searchable old{"red green", "blue", {1}}, fresh{"green blue", "white", {1}};
    const auto changed = projection::change_of(old, fresh);
    CHECK(changed.gone == std::vector<std::string>{"red"});
    REQUIRE(changed.put.size() == 2);
    CHECK(changed.put[0].word == "blue");  // moved into the title
    CHECK(changed.put[0].place == term_place::title);
    CHECK(changed.put[1].word == "white");

    CHECK(projection::change_of(old, old).is_nothing());
    CHECK(projection::change_of({}, {}).is_nothing());
    CHECK(projection::change_of(old, {}).gone.size() == 3);
    CHECK(projection::change_of({}, old).put.size() == 3);
    CHECK(projection::change_of(old, searchable{"red green", "blue", {2}}).put.size() == 3);
}

TEST_CASE("a snippet is one line around the word found, and never cuts a character")
{
    const auto around = [](std::string_view text, std::string_view q) {
        return search::snippet(text, projection::first_found(text, sought_terms(q)));
    };
    CHECK(around("a short\ntext\tof words", "TEX") == "a short text of words");
    const std::string long_text = repeated("äöü ", 80) + "needle " + repeated("xyz ", 40);
    const auto shown = around(long_text, "needle");
    CHECK(shown.find("needle") != std::string::npos);
    CHECK(shown.starts_with("…"));
    CHECK(shown.ends_with("…"));
    CHECK(around(long_text, "nothing").starts_with("äöü äöü"));
    CHECK(search::snippet("", {}).empty());
}
