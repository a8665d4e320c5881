"""``python -m LungTumorSegLib.command ...``: the command line where no console script is installed, as in Slicer."""

from LungTumorSegLib.command.main import main

if __name__ == "__main__":
    main()
