"""The scene in a folder, written in steps none of which takes long: voxels go to the disk in a thread.

Slicer writes a node whole on the calling thread, a second and more for a CT, and the page stands still for so long. So
voxels are written by ourselves, uncompressed, as Slicer writes them (NRRD; segments as .seg.nrrd); all else, which is
small, and voxels of a kind that we do not know, by Slicer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from LungTumorSegLib.web.voxel_file import VoxelFile, voxel_file

MOMENT = 0.02  # s of small nodes in a step
CHUNK = 1 << 23  # bytes
TRIES = 3  # where voxels change while they are written


class SceneFiles:
    """
    Parameters
    ----------
    scene : vtkMRMLScene
    folder : where the nodes' files lie, and scenes that name them
    """

    def __init__(self, scene, folder: Path):
        self._scene, self._folder = scene, folder
        self._writer, self._began = ThreadPoolExecutor(1), 0.0
        self._written: dict[str, tuple[object, Path]] = {}  # node id -> of what voxels, and where they are

    def writing(self, mrml: Path, mark: str = "") -> Iterator[None]:
        """Write the scene as it is into the folder, `mrml` last. Only voxels that changed since the last time are
        written; no file of that time is written again.

        mark : in the names of new files, another one each time

        Raises OSError (disk full).
        """
        files: dict[object, Path] = {}
        self._began = time.monotonic()  # of the step
        for node in self._storable():
            yield from self._waited(node, files, mark)
        yield
        self._write_mrml(mrml, files)
        self._written = {
            identity: known for identity, known in self._written.items() if known[1] in set(files.values())
        }

    def close(self) -> None:
        self._writer.shutdown(wait=False)

    def _waited(self, node, files: dict[object, Path], mark: str) -> Iterator[None]:
        storage = node.GetStorageNode()
        if storage is None:
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
        if storage is None:  # nothing to store
            return
        file = self._folder / f"{node.GetID()}{mark}.{storage.GetDefaultWriteFileExtension()}"
        for _ in range(TRIES):
            voxels = voxel_file(node)
            if voxels is None:
                break
            known = self._written.get(node.GetID())
            if known is None or known[0] != voxels.token or not known[1].exists():
                file.unlink(missing_ok=True)
                done = self._writer.submit(_put, file, voxels)
                while not done.done():
                    yield
                self._began = time.monotonic()
                if done.exception() is not None:
                    file.unlink(missing_ok=True)  # half a file, on a disk that may be full
                done.result()
                self._written[node.GetID()] = voxels.token, file
            files[node] = self._written[node.GetID()][1]
            again = voxel_file(node)
            if again is not None and again.token == voxels.token:
                return
        self._write_small(node, storage, file)
        files[node] = file
        if time.monotonic() - self._began > MOMENT:
            yield
            self._began = time.monotonic()

    @staticmethod
    def _write_small(node, storage, file: Path) -> None:
        before, packed = storage.GetFileName(), storage.GetUseCompression()
        storage.SetUseCompression(False)
        storage.SetFileName(str(file))
        written = storage.WriteData(node)
        if node.GetStorageNode() is storage:
            storage.SetFileName(before)
            storage.SetUseCompression(packed)
            if not written:
                file.unlink(missing_ok=True)
                raise OSError(f"a {node.GetNodeTagName()} could not be written")

    def _write_mrml(self, mrml: Path, files: dict[object, Path]) -> None:
        """The scene, in which nodes name these files; they name their own again then."""
        url, root = self._scene.GetURL(), self._scene.GetRootDirectory()
        stores = [(node.GetStorageNode(), file) for node, file in files.items() if node.GetStorageNode() is not None]
        before = [storage.GetFileName() for storage, _ in stores]
        self._scene.SetRootDirectory(str(mrml.parent))
        self._scene.SetURL(str(mrml))
        try:
            for storage, file in stores:
                storage.SetFileName(str(file))
            whole = self._scene.Commit() and mrml.read_bytes().rstrip().endswith(b"</MRML>")
        finally:
            for (storage, _), name in zip(stores, before, strict=True):
                storage.SetFileName(name)
            self._scene.SetURL(url)
            self._scene.SetRootDirectory(root)
        if not whole:
            raise OSError("the scene could not be written")

    def _storable(self) -> list:
        count = self._scene.GetNumberOfNodesByClass("vtkMRMLStorableNode")
        nodes = [self._scene.GetNthNodeByClass(n, "vtkMRMLStorableNode") for n in range(count)]
        return [node for node in nodes if node.GetSaveWithScene()]


def _put(file: Path, voxels: VoxelFile) -> None:
    """In a thread."""
    with file.open("xb", buffering=0) as out:
        out.write(voxels.header)
        memory = memoryview(voxels.values).cast("B") if voxels.values.size else memoryview(b"")
        at = 0
        while at < len(memory):
            at += out.write(memory[at : at + CHUNK])
