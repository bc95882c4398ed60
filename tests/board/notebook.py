"""Execute a notebook in the board's Python environment, as Jupyter would, with the simulated board plugged into PYNQ.

`python notebook.py NOTEBOOK EXECUTED`: writes EXECUTED, the notebook with its outputs. A cell that fails is a failure.
IPython's start-up folder plugs the board in, so the notebook contains nothing about the simulation.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

notebook, executed = map(Path, sys.argv[1:])
profile = executed.parent / "ipython"
start = profile / "profile_default" / "startup"
start.mkdir(parents=True)
(start / "board.py").write_text("import deploy.simulated.board\n")
os.environ["IPYTHONDIR"] = str(profile)
# "python3" is the kernel of this interpreter, whatever is installed elsewhere
folder = {"metadata": {"path": str(executed.parent)}}
client = NotebookClient(nbformat.read(notebook, 4), timeout=600, kernel_name="python3", resources=folder)
nbformat.write(client.execute(), executed)
