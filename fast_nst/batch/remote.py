"""Files behind URLs, by fsspec: in object stores, on web servers, in memory; no torch in here."""

from __future__ import annotations

import contextlib
import datetime
import glob
import uuid
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fast_nst.batch.places import Place, explained, why
from fast_nst.errors import ClusterError, suggest

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Uploads appear complete or not at all here. Elsewhere, a temporary file is renamed.
_ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "hf", "memory", "oss", "oci", "r2"}
# Uploads can be told to fail here if the file exists.
_EXCLUSIVE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}
# Keys of a file's information that change when it is written; file systems name them differently.
_STAMPS = (
    *("mtime", "ino", "size", "LastModified", "last_modified", "modified", "updated", "created"),
    *("generation", "ETag", "etag", "blob_id"),
)


@dataclass(frozen=True)
class RemotePlace(Place):
    """A file, a folder or a pattern in a file system of fsspec.

    Attributes:
        system: the file system.
    """

    system: AbstractFileSystem

    @property
    def protocols(self) -> set[str]:
        """The protocols of its URLs, such as ``s3``."""
        protocol = self.system.protocol
        return {protocol} if isinstance(protocol, str) else set(protocol)

    @property
    def is_private(self) -> bool:
        """Whether only this process can see it."""
        return "memory" in self.protocols

    @property
    def key(self) -> Hashable:
        """The file system and the path in it."""
        return self.system, self.path

    def is_file(self) -> bool:
        """Whether there is a file."""
        with explained("read", self):
            return bool(self.system.isfile(self.path))

    def is_folder(self) -> bool:
        """Whether there is a folder."""
        with explained("use", self):
            return bool(self.system.isdir(self.path))

    def is_pattern(self) -> bool:
        """Whether there are wildcards, and no file with exactly this name."""
        return glob.has_magic(self.path) and not self.is_file()

    def base(self) -> RemotePlace:
        """The folder, or the part of a pattern before wildcards."""
        path = self.path.rstrip("/")
        if self.is_pattern():
            parts = path.split("/")
            fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
            path = "/".join(parts[:fixed])
        return RemotePlace(path, self.name, self.system)

    def find(
        self, endings: Collection[str], on_other: Callable[[str], None] | None = None
    ) -> list[tuple[Place, Path]]:
        """See :meth:`Place.find`."""
        pattern, base = self.is_pattern(), self.base().path
        with explained("read", self):
            if pattern:
                files = self.system.glob(self.path)
            elif self.system.isdir(self.path):
                files = self.system.find(base)
            else:
                raise FileNotFoundError(self.path)
            found: list[tuple[Place, Path]] = []
            for file in sorted(files):
                relative = Path(file[len(base) :].lstrip("/") if base else file)
                hidden = any(part.startswith(".") for part in relative.parts)
                if hidden:
                    continue
                if relative.suffix.lower() not in endings:
                    if on_other is not None:
                        on_other(str(relative))
                    continue
                name = self.system.unstrip_protocol(file)
                if not pattern:  # as the user wrote it
                    name = self.child(relative).name
                found.append((RemotePlace(file, name, self.system), relative))
        return found

    def child(self, relative: Path) -> RemotePlace:
        """A file below this folder."""
        below = relative.as_posix()
        path = f"{self.path.rstrip('/')}/{below}"
        return RemotePlace(path, f"{self.name.rstrip('/')}/{below}", self.system)

    def lies_in(self, folder: Place) -> bool:
        """Whether it lies in a folder, by the names."""
        if not isinstance(folder, RemotePlace) or folder.system != self.system:
            return False
        above = folder.path.rstrip("/")
        return self.path.rstrip("/") != above and self.path.startswith(f"{above}/")

    def read(self) -> bytes:
        """The content."""
        with explained("read", self):
            content: bytes = self.system.cat_file(self.path)
        return content

    def stamp(self) -> str | None:
        """What the file system says of times, sizes and versions."""
        with explained("read", self):
            self.system.invalidate_cache()
            try:
                info = self.system.info(self.path)
            except FileNotFoundError:
                return None
            known = [f"{key}={info[key]}" for key in _STAMPS if key in info]
            return ", ".join(known) or str(self.system.ukey(self.path))

    def modified_ns(self) -> int | None:
        """When the file was written; None where the file system does not say."""
        with explained("read", self):
            try:
                when: datetime.datetime = self.system.modified(self.path)
            except (NotImplementedError, KeyError, AttributeError):
                return None
        when = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
        return int(when.timestamp() * 1e9)

    def write(self, content: bytes, replace: bool) -> bool:
        """Upload a file, or rename one where uploads are not atomic; see :meth:`Place.write`."""
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
        temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"
        self.system.makedirs(folder, exist_ok=True)
        try:
            self.system.pipe_file(temporary, content)
            if not replace and self.system.exists(self.path):
                return False
            self.system.mv(temporary, self.path)
        finally:
            with contextlib.suppress(OSError):
                if self.system.exists(temporary):
                    self.system.rm_file(temporary)
        return True

    def list_paths(self) -> set[str]:
        """The paths of all files below, in one request."""
        with explained("use", self):
            return set(self.system.find(self.path))


def open_url(url: str) -> RemotePlace:
    """Find the file system of a URL; see :func:`fast_nst.batch.places.open_place`.

    Raises:
        ClusterError: If the file system is unknown, or needs a package that is not installed.
    """
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations, registry
    except ImportError as error:
        raise ClusterError(
            f"cannot use {url}: URLs need fsspec. Install it: pip install fsspec"
        ) from error

    protocol = url.partition("://")[0]
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or protocol
        package = missing.partition(".")[0].replace("_", "-")
        raise ClusterError(
            f"{protocol}:// needs a package. Install it: pip install {package}"
        ) from error
    except ValueError as error:
        known = sorted({*known_implementations, *registry})
        raise ClusterError(
            f"cannot use {url}: {protocol}:// is no known file system{suggest(protocol, known)}. "
            "Use a path, s3://, gs://, hf:// or another of fsspec."
        ) from error
    except Exception as error:  # file systems raise whatever they stumble on
        raise ClusterError(f"cannot use {url}: {why(error)}.") from error
    return RemotePlace(path, url, system)
