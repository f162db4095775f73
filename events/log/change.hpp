// How a fact says that a member of a thing took another value: the old one and the new one, side by side.
//
// A fold sees only its own row and an auditor only the log, so both values are in the fact. Stored as
// `{"old": …, "new": …}`; a member that stayed as it was is left out of the fact.
#pragma once

#include "schemas/record.hpp"

#include <optional>

namespace event_log
{
template <class T>
struct change
{
    T from{};
    T to{};
    friend bool operator==(const change&, const change&) = default;
};

// One member of a `…changed` fact: absent when it stayed.
template <class T>
using edit = schema::patch<change<T>>;

// The same of a personal value. Old and new are sealed as one, so a forgotten person leaves only that there was a
// change.
template <class T>
using personal_edit = schema::patch<schema::personal<change<T>>>;

// What the folds of every noun do with an edit: the new value stands; a forgotten one clears.
template <class T>
void take(T& member, const edit<T>& edited)
{
    if (edited.has_value())
        member = edited.value().to;
}

template <class T>
void take(std::optional<T>& member, const personal_edit<std::optional<T>>& edited)
{
    if (edited.is_absent())
        return;
    if (edited.is_null() || edited.value().forgotten)
        member.reset();
    else
        member = edited.value().value.to;
}

// A personal value as an item shows it: nothing when there is none, or none any more.
template <class T>
std::optional<T> known(const schema::personal<T>& told)
{
    return told.forgotten ? std::nullopt : std::optional<T>(told.value);
}

template <class T>
std::optional<T> known(const std::optional<schema::personal<T>>& told)
{
    return told ? known(*told) : std::nullopt;
}
}  // namespace event_log

template <class T>
inline constexpr schema::record_type schema::schema_of<event_log::change<T>> = schema::record(
    "change", 1, schema::field<&event_log::change<T>::from>("old"), schema::field<&event_log::change<T>::to>("new"));
