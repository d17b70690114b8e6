"""Regression tests for what language models say, written in markdown notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_evalmd.judge.model import (
        JudgeError,
        LLMClient,
        Message,
        Reply,
        Request,
        Usage,
    )

__all__ = ["JudgeError", "LLMClient", "Message", "Reply", "Request", "Usage"]


def __getattr__(name: str) -> object:
    """Import a public name once it is used: the plugin loads in every project."""
    if name in __all__:
        from pytest_evalmd.judge import model

        return getattr(model, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
