"""Where files are: on the disks of this machine, or behind a URL; no torch and no fsspec in here.

A :class:`LocalPlace` needs nothing but Python. What has a URL is a ``RemotePlace``
(``remote.py``), which loads fsspec.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fast_nst.errors import ImageError, one_line
from fast_nst.image.io import list_files

PathLike = str | os.PathLike[str]
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_ON_DISK = ("file://", "local://")


@dataclass(frozen=True)
class Place(ABC):
    """A file, a folder or a pattern somewhere; it can be sent to another process.

    Methods that access the file system raise an ImageError if that fails.

    Attributes:
        path: absolute, in its file system.
        name: as the user would write it.
    """

    path: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine, or one that machines share under equal paths."""
        return False

    @property
    def is_private(self) -> bool:
        """Whether only this process can see it."""
        return False

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """A value that is equal for two names of one path."""

    @property
    def identity(self) -> Hashable | None:
        """A value that is equal for two names of one file, links too; None without a file."""
        return self.key

    @abstractmethod
    def is_file(self) -> bool:
        """Whether there is a file."""

    @abstractmethod
    def is_folder(self) -> bool:
        """Whether there is a folder."""

    @abstractmethod
    def is_pattern(self) -> bool:
        """Whether it has wildcards and is not the name of an existing file."""

    def base(self) -> Place:
        """The folder whose structure is kept; for a pattern, its part before wildcards."""
        return self

    @abstractmethod
    def find(
        self, endings: Collection[str], on_other: Callable[[str], None] | None = None
    ) -> list[tuple[Place, Path]]:
        """The files of a folder with its subfolders, or of a pattern.

        Args:
            endings: of the names, in lower case. Hidden files, and hidden folders below, are
                skipped.
            on_other: called with the name of each file that ends otherwise.

        Returns:
            Each file with its path below :meth:`base`, sorted.
        """

    @abstractmethod
    def child(self, relative: Path) -> Place:
        """A file below this folder."""

    @abstractmethod
    def lies_in(self, folder: Place) -> bool:
        """Whether it lies in a folder or one of its subfolders."""

    @abstractmethod
    def read(self) -> bytes:
        """The content."""

    @abstractmethod
    def stamp(self) -> str | None:
        """A text that changes when the file is written; None where there is no file."""

    @abstractmethod
    def modified_ns(self) -> int | None:
        """When the file was written, ns since 1970; None where the file system does not say."""

    @abstractmethod
    def write(self, content: bytes, replace: bool) -> bool:
        """Write a file that appears complete or not at all; missing folders are created.

        Args:
            content: of the file.
            replace: whether to replace an existing file; if not, it is left as it is.

        Returns:
            Whether it was written.
        """


@dataclass(frozen=True)
class LocalPlace(Place):
    """A path on a disk of this machine."""

    @property
    def is_local(self) -> bool:
        """Always."""
        return True

    @property
    def key(self) -> Hashable:
        """The path, without links."""
        return os.path.realpath(self.path)

    @property
    def identity(self) -> Hashable | None:
        """Device and inode, which hard links share."""
        try:
            status = os.stat(self.name)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def is_file(self) -> bool:
        """Whether there is a file."""
        with explained("use", self):
            return Path(self.name).is_file()

    def is_folder(self) -> bool:
        """Whether there is a folder."""
        with explained("use", self):
            return Path(self.name).is_dir()

    def is_pattern(self) -> bool:
        """Whether there are wildcards, and no file with exactly this name."""
        return glob.has_magic(self.name) and not os.path.lexists(self.name)

    def base(self) -> Place:
        """The folder, or the part of a pattern before wildcards."""
        if not self.is_pattern():
            return self
        parts = Path(self.name).parts
        return _on_disk(str(Path(*parts[: _first_wildcard(parts)])))

    def find(
        self, endings: Collection[str], on_other: Callable[[str], None] | None = None
    ) -> list[tuple[Place, Path]]:
        """See :meth:`Place.find`; a folder that matches a pattern is searched, too."""
        path, base = Path(self.name), Path(self.base().name)
        if not self.is_pattern():
            files = list_files(path, endings, on_other)
        else:
            files = []
            for match in sorted(map(Path, glob.glob(self.name, recursive=True))):
                if match.is_dir():
                    # `**` matches the files in these folders as well: do not list them twice.
                    files += [] if path.name == "**" else list_files(match, endings, on_other)
                elif match.suffix.lower() in endings:
                    files.append(match)
                elif on_other is not None:
                    on_other(str(match.relative_to(base)))
        return [(_on_disk(str(file)), file.relative_to(base)) for file in files]

    def child(self, relative: Path) -> Place:
        """A file below this folder."""
        return _on_disk(str(Path(self.name) / relative))

    def lies_in(self, folder: Place) -> bool:
        """Whether it lies in a folder, links followed."""
        if not folder.is_local:
            return False
        return Path(os.path.realpath(folder.path)) in Path(os.path.realpath(self.path)).parents

    def read(self) -> bytes:
        """The content."""
        with explained("read", self):
            return Path(self.path).read_bytes()

    def stamp(self) -> str | None:
        """Time, inode and size."""
        with explained("read", self):
            try:
                status = os.stat(self.path)
            except FileNotFoundError:
                return None
        return f"mtime={status.st_mtime_ns}, ino={status.st_ino}, size={status.st_size}"

    def modified_ns(self) -> int | None:
        """When the file was written."""
        with explained("read", self):
            return os.stat(self.path).st_mtime_ns

    def write(self, content: bytes, replace: bool) -> bool:
        """Write under a temporary name, and rename; see :meth:`Place.write`."""
        folder = os.path.dirname(self.path)
        # A short name of its own: the final one may be as long as the file system allows.
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        with explained("write", self):
            os.makedirs(folder, exist_ok=True)
            try:
                Path(temporary).write_bytes(content)
                return _rename(temporary, self.path, replace)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def open_place(name: PathLike) -> Place:
    """Make a place of a path or a URL; whether the file exists is not checked.

    Raises:
        ClusterError: If the file system of a URL is unknown, or needs a package that is not
            installed.
    """
    name = os.fspath(name)
    for protocol in _ON_DISK:
        name = name.removeprefix(protocol)
    if not is_url(name):
        return _on_disk(name)
    from fast_nst.batch.remote import open_url

    return open_url(name)


def is_url(name: str) -> bool:
    """Whether a name is a URL, which fsspec opens, rather than a path."""
    return "://" in name


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
            f"cannot {verb} {place}: {why(error)}. Check the name and your access."
        ) from error


def why(error: Exception) -> str:
    """The message of an exception, in one line without a final period."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(reason).rstrip(".") or type(error).__name__


def _on_disk(name: str) -> LocalPlace:
    return LocalPlace(os.path.abspath(name), name)


def _first_wildcard(parts: tuple[str, ...]) -> int:
    return next(number for number, part in enumerate(parts) if glob.has_magic(part))


def _rename(temporary: str, path: str, replace: bool) -> bool:
    if not replace:
        try:
            os.link(temporary, path)  # unlike a rename, it fails if the file exists
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
