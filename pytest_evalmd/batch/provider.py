"""A provider's files and batches, through openai's SDK."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any, TypeVar

from pytest_evalmd.batch.lines import ENDPOINT
from pytest_evalmd.batch.remote import Remote, read_id, read_page, read_remote
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.client import SHOWN, redact
from pytest_evalmd.judge.completion import parse_body
from pytest_evalmd.judge.fault import Fault, fault_error, gave_up
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.transport import default_client, fault_of

TIMEOUT_S = 120.0
"""How long a server may keep silent."""
RETRIES = 3
"""How often the SDK tries again what may be repeated."""
BACKOFF_S = (1.0, 4.0)
"""Before what may not be repeated is tried again, once it was looked for."""
TOO_MANY_REQUESTS = 429
"""The status of what may pass and was not done."""
MAX_WAIT_S = 60.0
"""How long a server may have us wait."""
PAGES = 100
"""In how many pages of a listing, of 100 batches each, one is looked for."""

_T = TypeVar("_T")
_NO_BATCHES = (
    "the server has no such file or batch, or no Batch API (HTTP 404); check "
    "OPENAI_BASE_URL and that the key belongs to the project that submitted it"
)


class UncertainError(JudgeError):
    """Whether a batch was made is not known."""


class Provider:
    """Uploads, makes batches, and gets what came of them.

    It connects by the environment's settings once it is asked for something. Every
    method raises ``JudgeError``, whose message is one line without keys, headers and
    URLs.
    """

    @functools.cached_property
    def _client(self) -> Any:  # noqa: ANN401 - an openai.OpenAI
        client = default_client("OpenAI")
        return client.with_options(max_retries=RETRIES, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Give the connections back."""
        if "_client" in vars(self):
            self._client.close()

    def upload(self, name: str, data: bytes) -> str:
        """Upload a file of requests; gives its id. Doing so costs nothing."""
        files = self._client.files.with_raw_response
        made = self._ask(lambda: files.create(file=(name, data), purpose="batch"))
        found = read_id(made)
        if found is None:
            raise JudgeError("unusable", "the server took a file and gave it no id")
        return found

    def create(self, file_id: str, name: str) -> Remote:
        """Make a batch of an uploaded file, once.

        Raises:
            UncertainError: there may be one now; ``find`` tells.
            JudgeError: there is none.
        """
        waits_s, certain = [*BACKOFF_S], True
        while True:
            made = self._create(file_id, name)
            if isinstance(made, Remote):
                return made
            if not made.passing and (made.status or made.kind == "unreachable"):
                raise _error(made)
            # It may be there all the same, and a second one would be paid as well.
            if found := self._find_after(file_id, made):
                return found
            certain = certain and made.status == TOO_MANY_REQUESTS
            if not made.passing or not waits_s:
                error = _error(made)
                raise error if certain else UncertainError(error.kind, str(error))
            wait_s = waits_s.pop(0)
            time.sleep(min(made.retry_after_s or wait_s, MAX_WAIT_S))

    def find(self, file_id: str) -> Remote | None:
        """Look for the batch of an uploaded file among an account's newest ones."""
        batches = self._client.batches.with_raw_response
        after: dict[str, str] = {}
        for _ in range(PAGES):
            listed = read_page(self._ask(lambda: batches.list(limit=100, **after)))  # noqa: B023
            for remote in listed:
                if remote.input_file == file_id:
                    return remote
            if not listed:
                break
            after = {"after": listed[-1].id}
        return None

    def retrieve(self, batch_id: str) -> Remote:
        """Ask how far a batch is."""
        batches = self._client.batches.with_raw_response
        return read_remote(self._ask(lambda: batches.retrieve(batch_id)))

    def cancel(self, batch_id: str) -> Remote:
        """Ask for nothing more of a batch."""
        batches = self._client.batches.with_raw_response
        return read_remote(self._ask(lambda: batches.cancel(batch_id)))

    def download(self, file_id: str, into: IO[bytes]) -> None:
        """Download a file; where it breaks off, what came is in ``into``."""

        def download() -> None:
            files = self._client.files.with_streaming_response
            with files.content(file_id) as response:
                for chunk in response.iter_bytes():
                    into.write(chunk)

        self._try(download)

    def _create(self, file_id: str, name: str) -> Remote | Fault:
        try:
            once = self._client.with_options(max_retries=0)
            response = once.batches.with_raw_response.create(
                input_file_id=file_id,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={"evalmd": name},
            )
            return read_remote(parse_body(response.text))
        except JudgeError as error:
            return Fault(kind=error.kind, what=str(error))
        except Exception as error:  # noqa: BLE001 - the SDK, and what is below it
            return fault_of(error)

    def _find_after(self, file_id: str, fault: Fault) -> Remote | None:
        try:
            return self.find(file_id)
        except JudgeError as error:
            message = f"{fault.what}, and then: {error}"
            raise UncertainError(error.kind, _clean(message)) from None

    def _ask(self, call: Callable[[], Any]) -> object:
        """Give the parsed body that a call gets: the SDK's own types want too much."""
        response = self._try(call)
        try:
            return parse_body(response.text)
        except JudgeError as error:
            raise JudgeError(error.kind, _clean(str(error))) from None

    def _try(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (JudgeError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - the SDK, and what is below it
            raise _error(fault_of(error)) from None


def _error(fault: Fault) -> JudgeError:
    """Say what a fault means for files and batches."""
    if fault.status == 404:
        return JudgeError("no-batches", _NO_BATCHES)
    if fault.passing:
        advice = fault.advice or "try again later"
        error = gave_up(replace(fault, advice=advice), RETRIES + 1, None)
    else:
        error = fault_error(fault, "the judge")
    return JudgeError(error.kind, _clean(str(error)))


def _clean(message: str) -> str:
    return shorten(redact(message), SHOWN)
