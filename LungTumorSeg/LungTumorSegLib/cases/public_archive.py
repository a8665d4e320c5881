"""Public datasets, brought by MONAI's own downloader, which knows where they lie and what their checksums are."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname, urlopen

from LungTumorSegLib.errors import InputRefused

TASKS = {"msd-lung": "Task06_Lung"}  # MONAI's names of the Medical Segmentation Decathlon's tasks
SILENCE_SECONDS = 60  # after which a server is given up
ROOM = 1 << 28  # bytes to leave free on the disk


def download(name: str, folder: Path, source: str | None = None, md5: str | None = None, bar: bool = False) -> Path:
    """Bring the dataset `name` into `folder` and answer with its own folder there, which appears only when whole.

    source : a file or a URL (http, https, file) of the archive, instead of the one that MONAI knows.
    md5 : checksum of that archive, where it is another one than MONAI's.

    An archive that came whole is kept until it is unpacked, so that a second call goes on from there; everything else
    is taken away when something fails. Nothing is overwritten. InputRefused for everything that can go wrong.
    """
    if name not in TASKS:
        raise InputRefused(f"There is no dataset {name}: choose from {', '.join(TASKS)}.")
    task = TASKS[name]
    folder = Path(folder)
    if (folder / task).exists():
        raise InputRefused(f"{task} is already there: check it, or move it away.")
    part = folder / f".{task}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)  # of a call that was killed
        part.mkdir()
        try:
            _bring(task, folder, part, source, md5, bar)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError | PermissionError):
            raise InputRefused("The output folder cannot be written to: choose another one.") from None
        raise InputRefused(
            f"It failed: {_words(error)}. Try again, or bring the archive yourself and name it."
        ) from None
    return folder / task


def _bring(task: str, folder: Path, part: Path, source: str | None, md5: str | None, bar: bool) -> None:
    with _quiet(part):
        from monai.apps import DecathlonDataset
        from monai.apps.utils import HashCheckError, check_hash, download_url, extractall

        expected = md5 or DecathlonDataset.md5[task]
        kept = folder / f"{task}.tar"
        try:
            local = _local(source)
            if local is not None:
                archive = local
                if not check_hash(local, expected, "md5"):
                    raise HashCheckError
            else:
                url = source or DecathlonDataset.resource[task]
                if kept.exists() and not check_hash(kept, expected, "md5"):
                    raise InputRefused(f"{kept.name} in the output folder is not the dataset: move it away.")
                if not kept.exists():
                    _check_room(folder, 2 * _length(url))
                download_url(url, kept, expected, "md5", progress=bar)
                archive = kept
                if not archive.is_file():  # MONAI passes over a folder that it may not write to
                    raise PermissionError
            _check_room(folder, _unpacked(archive))
            inside = part / "unpacked"
            extractall(archive, inside, file_type="tar", has_base=False)
        except HashCheckError:
            raise InputRefused(
                "The archive's checksum is wrong: it is damaged, or another archive. Bring it again."
            ) from None
        except tarfile.TarError:
            raise InputRefused("The archive is damaged or no tar file: bring it again.") from None
        except (ValueError, NotImplementedError) as error:
            if isinstance(error, InputRefused):
                raise
            raise InputRefused("The archive holds a link or a path that leads out of it: it is not unpacked.") from None
    found = inside / task
    if not (found / "dataset.json").is_file():
        raise InputRefused(f"The archive does not hold {task}/dataset.json: it is another dataset.")
    os.replace(found, folder / task)
    if archive == kept:
        kept.unlink()


def _local(source: str | None) -> Path | None:
    """The file that a source names by path or as file://; None for a server's."""
    if source is None:
        return None
    parts = urlparse(source)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme == "file":
        path = Path(url2pathname(parts.path))
    elif "://" not in source:
        path = Path(source)
    else:
        raise InputRefused(f"Archives come from a file, or by http, https or file, not by {parts.scheme}.")
    if not path.is_file():
        raise InputRefused("There is no archive of that name.")
    return path


def _length(url: str) -> int:
    """Bytes that the server says the archive has; 0 where it does not say."""
    with urlopen(url, timeout=SILENCE_SECONDS) as answer:
        return int(answer.headers.get("Content-Length") or 0)


def _unpacked(archive: Path) -> int:
    with tarfile.open(archive) as tar:
        return sum(member.size for member in tar)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + ROOM > free:
        gigabytes = (f"{n / 1e9:.1f}" for n in (needed + ROOM, free))
        raise InputRefused("The disk is too small: {} GB are needed, {} GB are free.".format(*gigabytes))


@contextmanager
def _quiet(part: Path) -> Iterator[None]:
    """MONAI without its remarks (they hold paths), with its temporary files on the disk that they will stay on, and
    with an end to waiting for a server that has gone silent."""
    before, silence, place = logging.root.manager.disable, socket.getdefaulttimeout(), tempfile.tempdir
    logging.disable(logging.CRITICAL)
    socket.setdefaulttimeout(SILENCE_SECONDS)
    tempfile.tempdir = str(part)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        socket.setdefaulttimeout(silence)
        tempfile.tempdir = place


def _words(error: OSError) -> str:
    """What went wrong, without paths or addresses."""
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    code = getattr(error, "code", None)  # urllib's HTTPError
    if code is not None:
        return f"the server answered {code}"
    reason = getattr(error, "reason", None)  # urllib's URLError
    if reason is not None:
        return "the server cannot be reached" if not isinstance(reason, str) else reason.split(":")[0].strip()
    return error.strerror or "the connection broke off"
