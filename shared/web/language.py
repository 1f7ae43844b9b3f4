"""The language of an answer: Vietnamese, unless the caller prefers English."""

from __future__ import annotations

from starlette.datastructures import Headers

from shared.office.labels import Language


def language_of(headers: Headers) -> Language:
    """Return the language with the highest weight in `Accept-Language`; Vietnamese if there is none."""
    weights = {Language.VIETNAMESE: 0.0, Language.ENGLISH: 0.0}
    for choice in headers.get("accept-language", "")[:200].split(","):
        tag, _, parameters = choice.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            weights[Language(language)] = max(weights[Language(language)], _quality(parameters))
    english_first = weights[Language.ENGLISH] > weights[Language.VIETNAMESE]
    return Language.ENGLISH if english_first else Language.VIETNAMESE


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
