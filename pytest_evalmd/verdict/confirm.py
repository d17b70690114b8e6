"""Whether a result that differs really changed: curtailed best of N; pure."""

from __future__ import annotations


def decision(agree: int, differ: int, limit: int) -> bool | None:
    """Decide on a recorded result by a vote of the replies so far.

    It stands only if more than half of ``limit`` votes agree with it: with an even
    limit a tie means that it changed, because a result that only every other reply
    confirms is not to be relied on. Asking stops as soon as no further vote could turn
    the verdict, which is therefore that of all ``limit`` votes.

    Args:
        agree: votes that agree with the recorded result, the first reply included.
        differ: votes that differ from it, the first reply included.
        limit: how many votes there are at most; below 1 is as 1, which makes the first
            reply decide.

    Returns:
        True: the recorded result stands. False: it changed. None: ask again.

    Raises:
        ValueError: a count is negative.
    """
    if still_needed(agree, differ, limit) > 0:
        return None
    return 2 * agree > max(1, limit)


def still_needed(agree: int, differ: int, limit: int) -> int:
    """Count the fewest further votes that can decide; 0 once it is decided.

    Takes what ``decision`` takes.

    Raises:
        ValueError: a count is negative.
    """
    if agree < 0 or differ < 0:
        raise ValueError(f"got {agree} and {differ} votes; expected 0 or more")
    limit = max(1, limit)
    return max(0, min(limit // 2 + 1 - agree, (limit + 1) // 2 - differ))
