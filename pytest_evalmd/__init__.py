"""Regression tests for what language models say, written in markdown notes."""

from pytest_evalmd.judge.model import (
    JudgeError,
    LLMClient,
    Message,
    Reply,
    Request,
    Usage,
)

__all__ = ["JudgeError", "LLMClient", "Message", "Reply", "Request", "Usage"]
