"""Pages of lists that are kept in memory."""

from collections.abc import Sequence
from typing import Final, TypeVar

from bopis.domain.errors import TokenInvalid

PAGE_DEFAULT: Final = 100

_Listed = TypeVar("_Listed")


def page_of(
    listed: Sequence[_Listed], keys: Sequence[str], page_size: int, page_token: str
) -> tuple[tuple[_Listed, ...], str]:
    """The page after the element whose key is the token, and the token of the next.

    Raises TokenInvalid if no element has that key (any more).
    """
    start = 0
    if page_token:
        if page_token not in keys:
            raise TokenInvalid("the page token is not one of ours", field="page_token")
        start = keys.index(page_token) + 1
    end = start + (page_size or PAGE_DEFAULT)
    return tuple(listed[start:end]), keys[end - 1] if end < len(listed) else ""
