"""A public dataset comes whole, verified and safely unpacked, or not at all; every failure is one line."""

import hashlib
import io
import shutil
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import made_datasets as made
import pytest

from LungTumorSegLib.cases import public_archive
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.public_archive import download
from LungTumorSegLib.command.download import download as command
from LungTumorSegLib.errors import InputRefused

TASK = "Task06_Lung"


@pytest.fixture
def archive(tmp_path):
    """A small Task06_Lung.tar, and its MD5."""
    made.decathlon(tmp_path / "made" / TASK)
    file = tmp_path / "served" / "small.tar"
    file.parent.mkdir()
    with tarfile.open(file, "w") as tar:
        tar.add(tmp_path / "made" / TASK, TASK)
    return file, md5_of(file)


@pytest.fixture
def server(archive):
    """The folder of the archive on a server of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        cut = False

        def log_message(self, *_):
            pass

        def copyfile(self, source, outputfile):
            outputfile.write(source.read()[:5000]) if Quiet.cut else super().copyfile(source, outputfile)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=archive[0].parent)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        running.cut_off = lambda: setattr(Quiet, "cut", True)
        running.address = f"http://127.0.0.1:{running.server_address[1]}"
        yield running
        running.shutdown()
        thread.join()


def md5_of(file):
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def tar_with(file, *members):
    """An archive of (TarInfo, content) pairs."""
    with tarfile.open(file, "w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def refused(out, match, **arguments):
    """The call is refused in one line and leaves nothing behind but what it names."""
    with pytest.raises(InputRefused, match=match) as error:
        download("msd-lung", out, **arguments)
    assert "\n" not in str(error.value)
    assert not (out / TASK).exists()
    assert not (out / f".{TASK}.part").exists()


@pytest.mark.parametrize("kind", ["path", "file", "http"])
def test_an_archive_is_verified_and_unpacked_from_wherever_it_lies(kind, archive, server, tmp_path):
    file, md5 = archive
    source = {"path": str(file), "file": file.as_uri(), "http": f"{server.address}/{file.name}"}[kind]
    out = tmp_path / "out"
    place = download("msd-lung", out, source, md5)
    dataset = read_dataset(place)
    assert (dataset.layout, len(dataset.cases), dataset.problems) == ("Medical Segmentation Decathlon", 4, ())
    assert [path.name for path in out.iterdir()] == [TASK]
    assert file.is_file()


def test_the_command_says_what_came_and_what_to_do_next(archive, tmp_path, capsys):
    """In this process: a new one would need half a minute for MONAI alone on a busy machine."""
    file, md5 = archive
    command("msd-lung", tmp_path / "out", str(file), md5)
    told = capsys.readouterr()
    place = tmp_path / "out" / TASK
    assert told.out == f"{place}: 4 cases (Medical Segmentation Decathlon). Next: lungtumorseg check {place}\n"
    assert told.err == ""


def test_without_a_checksum_only_the_published_archive_is_taken(archive, tmp_path):
    refused(tmp_path / "out", "checksum", source=str(archive[0]))


def test_a_wrong_checksum_leaves_nothing(archive, server, tmp_path):
    out = tmp_path / "out"
    for source in (str(archive[0]), f"{server.address}/small.tar"):
        refused(out, "checksum", source=source, md5="0" * 32)
        assert list(out.iterdir()) == []


def test_a_connection_that_breaks_off_leaves_nothing_and_the_next_call_works(archive, server, tmp_path):
    file, md5 = archive
    out, source = tmp_path / "out", f"{server.address}/{file.name}"
    server.cut_off()
    refused(out, "retrieval incomplete", source=source, md5=md5)
    assert list(out.iterdir()) == []
    assert download("msd-lung", out, str(file), md5).is_dir()


def test_an_archive_that_came_whole_is_not_fetched_again_after_a_failure(archive, server, tmp_path, monkeypatch):
    file, md5 = archive
    out, source = tmp_path / "out", f"{server.address}/{file.name}"
    with monkeypatch.context() as full:
        full.setattr(public_archive, "_unpacked", lambda _: 1 << 60)
        refused(out, "disk is too small", source=source, md5=md5)
    assert [path.name for path in out.iterdir()] == [f"{TASK}.tar"]
    file.unlink()  # the server has it no more
    assert download("msd-lung", out, source, md5).is_dir()
    assert [path.name for path in out.iterdir()] == [TASK]


def test_what_a_killed_call_left_is_cleared(archive, tmp_path):
    file, md5 = archive
    left = tmp_path / "out" / f".{TASK}.part" / "unpacked"
    left.mkdir(parents=True)
    (left / "half.nii.gz").write_bytes(b"half")
    download("msd-lung", tmp_path / "out", str(file), md5)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [TASK]


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../outside.txt"), b"x"),
        (tarfile.TarInfo("/tmp/lungtumorseg-outside.txt"), b"x"),
        (tarfile.TarInfo(f"{TASK}/../../outside.txt"), b"x"),
        link(f"{TASK}/link", "/etc/passwd", tarfile.SYMTYPE),
        link(f"{TASK}/link", "../../outside.txt", tarfile.LNKTYPE),
    ],
    ids=["up", "absolute", "up from within", "symbolic link", "hard link"],
)
def test_nothing_is_unpacked_outside_and_no_link_is_made(member, tmp_path):
    file = tar_with(tmp_path / "evil.tar", (tarfile.TarInfo(f"{TASK}/dataset.json"), b"{}"), member)
    before = set(tmp_path.rglob("*"))
    refused(tmp_path / "out", "leads out of it", source=str(file), md5=md5_of(file))
    assert set(tmp_path.rglob("*")) == before | {tmp_path / "out"}


def test_other_bad_archives_and_places_are_refused(archive, server, tmp_path):
    file, md5 = archive
    out = tmp_path / "out"
    noise = tmp_path / "noise.tar"
    noise.write_bytes(bytes(range(256)) * 20)
    refused(out, "no tar file", source=str(noise), md5=md5_of(noise))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(file.read_bytes()[:40000])
    refused(out, "damaged", source=str(cut), md5=md5_of(cut))
    other = tar_with(tmp_path / "other.tar", (tarfile.TarInfo("Task09_Spleen/dataset.json"), b"{}"))
    refused(out, "another dataset", source=str(other), md5=md5_of(other))
    refused(out, "no archive of that name", source=str(tmp_path / "nothing.tar"))
    refused(out, "not by ftp", source="ftp://127.0.0.1/small.tar")
    refused(out, "answered 404", source=f"{server.address}/nothing.tar", md5=md5)
    refused(out, "cannot be reached", source="http://127.0.0.1:9/small.tar", md5=md5)
    with pytest.raises(InputRefused, match="no dataset"):
        download("msd-brain", out)
    (tmp_path / "a file").write_text("")
    with pytest.raises(InputRefused, match="cannot be written"):
        download("msd-lung", tmp_path / "a file", str(file), md5)


def test_a_dataset_that_is_there_is_left_alone(archive, tmp_path):
    file, md5 = archive
    place = download("msd-lung", tmp_path, str(file), md5)
    shutil.rmtree(place / "imagesTr")
    with pytest.raises(InputRefused, match="already there"):
        download("msd-lung", tmp_path, str(file), md5)
    assert not (place / "imagesTr").exists()
