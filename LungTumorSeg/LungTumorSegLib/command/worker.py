"""`lungtumorseg worker`: the resident process, for `ssh host lungtumorseg worker`."""

from __future__ import annotations


def worker() -> None:
    """Serve one host over stdin and stdout (what `--worker "ssh HOST lungtumorseg worker"` starts there)."""
    from LungTumorSegLib.worker.resident import main

    main()
