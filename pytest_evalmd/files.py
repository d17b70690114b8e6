"""Files: read whole, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = "__evalmd__"
"""Where the replies to the cases of a folder are remembered."""
_AT_LEAST = 2**13
_BINARY = getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
_READ = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0)  # for a pipe: no waiting


class NotWrittenError(Exception):
    """A file was left as it is; says why."""


def digest(data: bytes) -> str:
    """Tell contents apart."""
    return hashlib.sha256(data).hexdigest()


def read_regular(path: Path) -> bytes:
    """Read a file that has an end: no pipe, no device.

    Raises:
        OSError: it is something else, or can't be read.
    """
    descriptor = os.open(path, _READ)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        size = max(found.st_size + 1, _AT_LEAST)  # some files don't tell theirs
        read = functools.partial(os.read, descriptor, size)
        return b"".join(iter(read, b""))
    finally:
        os.close(descriptor)


def read_file(path: Path) -> bytes:
    """Read a file.

    Raises:
        NotWrittenError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotWrittenError(_why(error)) from None


def replace_file(path: Path, data: bytes, *, expected: str) -> None:
    """Replace a file's contents atomically; its mode and symlinks to it stay.

    Args:
        path: the file.
        data: its new contents.
        expected: the ``digest`` of what it must still hold.

    Raises:
        NotWrittenError: it changed since it was read, or can't be written.
    """
    target = path.resolve()
    try:
        if digest(target.read_bytes()) != expected:
            message = "the file changed since it was read; run again"
            raise NotWrittenError(message)
        if not os.access(target, os.W_OK):
            message = "the file is read-only"
            raise NotWrittenError(message)
        write_atomically(target, data)
    except OSError as error:
        raise NotWrittenError(_why(error)) from None


def create_file(path: Path, data: bytes) -> None:
    """Create a file that holds all of ``data``, or none.

    Raises:
        NotWrittenError: there is one already, or it can't be written.
    """
    try:
        with _written_beside(path, data, durable=True) as temporary:
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                message = "there is a file already, and is kept"
                raise NotWrittenError(message) from None
            except OSError:  # a file system without links: then with an empty one first
                path.open("xb").close()
                temporary.replace(path)
    except OSError as error:
        raise NotWrittenError(_why(error)) from None


def write_atomically(
    path: Path, data: bytes | Iterable[bytes], *, durable: bool = True
) -> None:
    """Write a file so that it holds all or nothing of ``data``, whatever happens.

    Args:
        path: the file.
        data: its new contents, in one piece or several.
        durable: hold even where the machine loses power; it costs milliseconds.

    Raises:
        OSError: it can't be written; the file is as it was.
    """
    with _written_beside(path, data, durable=durable) as temporary:
        temporary.replace(path)


@contextlib.contextmanager
def _written_beside(
    path: Path, data: bytes | Iterable[bytes], *, durable: bool
) -> Iterator[Path]:
    """Write a temporary file in the folder and with the mode of another one."""
    temporary, mode = path.with_name(f".evalmd-{os.urandom(8).hex()}.tmp"), _mode(path)
    handle = os.open(temporary, _NEW, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_new(path: Path, data: bytes) -> None:
    """Write a file by as few calls as can be, atomically if there is one already.

    Whoever reads it meanwhile, or after a crash, may find half of it.

    Raises:
        OSError: it can't be written; there is none, or the one that there was.
    """
    try:
        handle = os.open(path, _NEW, 0o666)
    except FileExistsError:
        write_atomically(path, data, durable=False)
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _mode(path: Path) -> int | None:
    """Give the mode of a file that is there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _why(error: OSError) -> str:
    return error.strerror or str(error)
