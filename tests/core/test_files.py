"""Files: whole or not at all."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from pytest_evalmd import files
from pytest_evalmd.files import (
    NotWrittenError,
    digest,
    read_file,
    read_regular,
    replace_file,
    write_new,
)

OLD, NEW = b"old\r\n", "neu ä".encode()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "case.md"
    path.write_bytes(OLD)
    return path


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_replaces_what_is_as_expected(path):
    replace_file(path, NEW, expected=digest(OLD))

    assert path.read_bytes() == NEW
    assert names(path) == ["case.md"]


def test_keeps_what_changed(path):
    with pytest.raises(NotWrittenError, match="changed since it was read; run again"):
        replace_file(path, NEW, expected=digest(b"other"))

    assert path.read_bytes() == OLD


def test_a_file_that_is_gone(path):
    path.unlink()

    with pytest.raises(NotWrittenError, match="No such file"):
        replace_file(path, NEW, expected=digest(OLD))
    with pytest.raises(NotWrittenError, match="No such file"):
        read_file(path)
    assert names(path) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(NotWrittenError):
        read_file(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices are POSIX's")
def test_what_has_no_end_is_no_file(path):
    pipe, device = path.with_name("pipe"), path.with_name("device")
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    for one in (pipe, device, path.parent):
        with pytest.raises(OSError, match="it is no file"):
            read_regular(one)
    with pytest.raises(FileNotFoundError):
        read_regular(path.with_name("none"))


@pytest.mark.parametrize("size", [0, 1, 2**13 - 1, 2**13, 2**13 + 1, 3 * 2**13])
def test_a_file_is_read_to_its_end(path, size):
    data = os.urandom(size)
    path.write_bytes(data)
    assert read_regular(path) == data


@pytest.mark.skipif(not pathlib.Path("/proc/cpuinfo").exists(), reason="is Linux's")
def test_a_file_that_does_not_tell_its_size():
    assert read_regular(pathlib.Path("/proc/cpuinfo")).count(b"\n") > 1


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_whatever_happens_the_file_is_whole(path, monkeypatch, step, error):
    def fail(*args):
        raise error

    if step == "fsync":
        monkeypatch.setattr(files.os, "fsync", fail)
    else:
        monkeypatch.setattr(type(path), "replace", fail)

    expected = NotWrittenError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        replace_file(path, NEW, expected=digest(OLD))

    assert path.read_bytes() == OLD
    assert names(path) == ["case.md"]


def test_a_read_only_file(path, monkeypatch):
    monkeypatch.setattr(files.os, "access", lambda *args: False)

    with pytest.raises(NotWrittenError, match=r"^the file is read-only$"):
        replace_file(path, NEW, expected=digest(OLD))
    assert path.read_bytes() == OLD


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_keeps_the_mode(path, mode):
    path.chmod(mode)

    replace_file(path, NEW, expected=digest(OLD))

    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_keeps_links_to_it(path):
    link = path.parent / "link.md"
    again = path.parent / "again.md"
    try:
        link.symlink_to("case.md")
        again.symlink_to("link.md")
    except OSError:
        pytest.skip("this system has no symbolic links")

    replace_file(again, NEW, expected=digest(OLD))

    assert path.read_bytes() == NEW
    assert link.is_symlink()
    assert again.is_symlink()


def test_a_new_file(tmp_path):
    path = tmp_path / "a"
    write_new(path, b"one")
    assert path.read_bytes() == b"one"
    write_new(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_that_the_disk_has_no_room_for(tmp_path, monkeypatch):
    def full(handle, _mode):
        os.close(handle)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="No space left"):
        write_new(tmp_path / "a", b"one")
    assert list(tmp_path.iterdir()) == []
