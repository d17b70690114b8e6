"""The outputs of a case as the fixture ``measure_outputs`` gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_evalmd.case.values import Value
from pytest_evalmd.job import Job
from pytest_evalmd.measuring import Client, Measuring


class MeasureOutputs(Mapping[str, Value]):
    """The outputs of a case's measures by id, each computed when it is asked for."""

    def __init__(self, measuring: Measuring, job: Job, client: Client) -> None:
        self._measuring, self._job, self._client = measuring, job, client

    def __getitem__(self, measure_id: str) -> Value:
        """Give an output.

        Raises:
            KeyError: there is no such measure.
            MeasureError: it can't be computed.
        """
        job = self._job.of(self._job.case.measures[measure_id])
        return self._measuring.output(job, self._client).value

    def __iter__(self) -> Iterator[str]:
        return iter(self._job.case.measures)

    def __len__(self) -> int:
        return len(self._job.case.measures)
