"""Files in any file system, by fsspec: on disks, in object stores, in memory; no torch in here."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fast_nst.errors import ClusterError, ImageError, suggest

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Where a file that is put appears complete or not at all. Elsewhere, a temporary one is renamed.
_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "hf", "memory", "oss", "oci", "r2"}
# Where a put can be told to fail if there is such a file.
_EXCLUSIVE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}
# What changes when a file is written, by the names that file systems give it.
_STAMPS = (
    *("mtime", "ino", "size", "LastModified", "last_modified", "modified", "updated", "created"),
    *("generation", "ETag", "etag", "blob_id"),
)
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True)
class Place:
    """A file or a folder somewhere; it can be sent to another process.

    Attributes:
        system: the file system.
        path: there.
        name: as the user would write it.
    """

    system: AbstractFileSystem
    path: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def protocols(self) -> set[str]:
        """What URLs of the file system begin with."""
        protocol = self.system.protocol
        return {protocol} if isinstance(protocol, str) else set(protocol)

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine, or one that machines share under equal paths."""
        return "file" in self.protocols

    @property
    def is_private(self) -> bool:
        """Whether no other process sees it."""
        return "memory" in self.protocols

    def child(self, relative: Path) -> Place:
        """A file below this folder."""
        below = relative.as_posix()
        path = f"{self.path.rstrip('/')}/{below}"
        return Place(self.system, path, f"{self.name.rstrip('/')}/{below}")

    def read(self) -> bytes:
        """The content.

        Raises:
            ImageError: If it cannot be read.
        """
        with explained("read", self):
            content: bytes = self.system.cat_file(self.path)
        return content

    def stamp(self) -> str | None:
        """A text that changes when the file is written; None where there is none.

        Raises:
            ImageError: If that cannot be found out.
        """
        with explained("read", self):
            self.system.invalidate_cache()
            try:
                info = self.system.info(self.path)
            except FileNotFoundError:
                return None
            known = [f"{key}={info[key]}" for key in _STAMPS if key in info]
            return ", ".join(known) or str(self.system.ukey(self.path))

    def modified(self) -> datetime.datetime | None:
        """When the file was written; None where the file system does not say.

        Raises:
            ImageError: If it cannot be read.
        """
        with explained("read", self):
            try:
                when: datetime.datetime = self.system.modified(self.path)
            except (NotImplementedError, KeyError, AttributeError):
                return None
        return when if when.tzinfo else when.replace(tzinfo=datetime.UTC)

    def write(self, content: bytes, replace: bool) -> bool:
        """Write a file that appears when it is complete, or not at all; folders are made.

        Args:
            content: of the file.
            replace: whether one is there already; else, one that appears meanwhile is left.

        Returns:
            Whether it was written.

        Raises:
            ImageError: If it cannot be.
        """
        with explained("write", self):
            if not self.protocols & _ATOMIC:
                return self._write_and_rename(content, replace)
            if replace or not self.protocols & _EXCLUSIVE:
                self.system.pipe_file(self.path, content)
                return True
            try:
                self.system.pipe_file(self.path, content, mode="create")
            except FileExistsError:
                return False
        return True

    def _write_and_rename(self, content: bytes, replace: bool) -> bool:
        folder, _, _ = self.path.rpartition("/")
        # A short name of its own: the final one may be as long as the file system allows.
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        self.system.makedirs(folder, exist_ok=True)
        try:
            self.system.pipe_file(temporary, content)
            if self.is_local:
                return _rename(temporary, self.path, replace)
            if not replace and self.system.exists(self.path):
                return False
            self.system.mv(temporary, self.path)
        finally:
            with contextlib.suppress(OSError):
                if self.system.exists(temporary):
                    self.system.rm_file(temporary)
        return True


def open_place(name: str | os.PathLike[str]) -> Place:
    """Find the file system of a URL or a path; whether there is such a file is not looked at.

    Raises:
        ClusterError: If the file system is unknown, or needs a package that is not installed.
    """
    from fsspec.core import url_to_fs
    from fsspec.registry import known_implementations, registry

    name = os.fspath(name)
    protocol = name.partition("://")[0] if "://" in name else "file"
    try:
        system, path = url_to_fs(name)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or protocol
        package = missing.partition(".")[0].replace("_", "-")
        raise ClusterError(
            f"{protocol}:// needs a package. Install it: pip install {package}"
        ) from error
    except ValueError as error:
        known = sorted({*known_implementations, *registry})
        raise ClusterError(
            f"cannot use {name}: {protocol}:// is no known file system{suggest(protocol, known)}. "
            "Use a path, s3://, gs://, hf:// or another of fsspec."
        ) from error
    except Exception as error:  # file systems raise whatever they stumble on
        raise ClusterError(f"cannot use {name}: {_why(error)}.") from error
    return Place(system, path, name)


@contextlib.contextmanager
def explained(verb: str, place: Place) -> Iterator[None]:
    """Turn whatever a file system raises into one error.

    Raises:
        ImageError: If something was raised.
    """
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(
            f"cannot {verb} {place}: there is no such file. Check the name."
        ) from error
    except Exception as error:  # every file system has exceptions of its own
        raise ImageError(
            f"cannot {verb} {place}: {_why(error)}. Check the name and your access."
        ) from error


def _why(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()).rstrip(".") or type(error).__name__


def _rename(temporary: str, path: str, replace: bool) -> bool:
    if not replace:
        try:
            os.link(temporary, path)  # unlike a renaming, it fails where a file is
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                return False
        else:
            return True
    os.replace(temporary, path)
    return True
