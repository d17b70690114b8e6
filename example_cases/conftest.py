"""A judge that needs no network and no key, so that the example cases run at once.

No model was asked: the replies in ``replies.json`` are written by hand. Without this
file the cases would ask the model that ``OPENAI_API_KEY`` gives access to.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_evalmd import JudgeError, LLMClient, Reply, Request

REPLIES = Path(__file__).with_name("replies.json")


class HandwrittenJudge:
    """Answers each prompt with the reply that was written for it."""

    def __init__(self, path: Path) -> None:
        self._replies = json.loads(path.read_text(encoding="utf-8"))

    async def complete(self, request: Request) -> Reply:
        """Find the reply whose prompt is the task at the end of the request."""
        asked = request.messages[-1].content
        for reply in self._replies:
            if reply["prompt"] in asked:
                envelope = {key: reply[key] for key in ("reason", "response")}
                return Reply(text=json.dumps(envelope), model=request.model)
        message = f"{REPLIES.name} holds no reply to this prompt; write one"
        raise JudgeError("no-reply", message)


@pytest.fixture(scope="session")
def llm_client() -> LLMClient:
    """Put the handwritten judge in the place of a model."""
    return HandwrittenJudge(REPLIES)
