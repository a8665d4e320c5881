"""``python -m LungTumorSegLib.command ...``: the command line where no console script is installed, as in Slicer."""

import signal

from LungTumorSegLib.command.main import main

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a host that is deaf to Ctrl-C must not make us deaf
    main()
