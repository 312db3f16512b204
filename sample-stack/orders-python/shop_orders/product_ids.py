"""Checks the product ids of requests."""

import re
from collections.abc import Sequence

from .refusals import invalid, quoted

_PATTERN = re.compile(r"[a-z0-9-]{1,40}")


def is_product_id(text: str) -> bool:
    """Whether a product could have this id."""
    return _PATTERN.fullmatch(text) is not None


def check(product_id: str) -> None:
    """Refuse what cannot be the id of a product."""
    if not is_product_id(product_id):
        raise invalid(
            f"product id {quoted(product_id)} must be 1 to 40 lower-case letters, digits or hyphens"
        )


def check_all(product_ids: Sequence[str], least: int, most: int) -> None:
    """Check every id, and that there are `least` to `most` of them."""
    if not least <= len(product_ids) <= most:
        raise invalid(f"{len(product_ids)} product ids given; it must be {least} to {most}")
    for product_id in product_ids:
        check(product_id)
