"""What a project's pytest would measure with: its options are part of every key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from pytest_evalmd.measuring import Measuring
from pytest_evalmd.options import OPTIONS, read_options
from pytest_evalmd.running import measuring_of


class _Probe:
    """A plugin that takes pytest's configuration and ends it before anything runs."""

    measuring: Measuring | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> pytest.ExitCode:
        # With "off" or "replay" in the ini file nothing would ever be asked for.
        config.stash[OPTIONS] = replace(read_options(config), mode="auto")
        self.measuring = measuring_of(config)
        return pytest.ExitCode.OK


def measuring_for(arguments: Iterable[str]) -> Measuring | None:
    """Give what ``pytest ARGUMENTS`` would measure with, remembering what it finds.

    Returns:
        ``None`` if pytest refuses its configuration; it has said why then.
    """
    probe = _Probe()
    # Without rewriting: pytest would warn that this package is imported already.
    pytest.main(["--assert=plain", *arguments], plugins=[probe])
    return probe.measuring
