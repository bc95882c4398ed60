#!/usr/bin/env bash
# Install the workstation environment into a virtual environment: requirements/install.sh FOLDER [--dependencies]
# --dependencies: all but the project itself, whose files need not be there yet.
# Safe to run again: an interrupted installation is completed, a complete one of the same pins takes no time.
set -euo pipefail
folder=${1:?usage: requirements/install.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

missing=()
for tool in g++ make; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
    echo "error: ${missing[*]} not found: the simulated accelerator is compiled with them." >&2
    echo "       On Debian or Ubuntu: apt-get install g++ make" >&2
    exit 2
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    echo "error: $("$python" --version) found; the workstation needs Python 3.11 to 3.13 (set PYTHON=...)" >&2
    exit 2
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "error: $python has no venv module; on Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 2
fi

project=("$here/../pyproject.toml")
if [ "${2:-}" = --dependencies ]; then project=(); fi
wanted=$(cat "$here"/workstation*.txt "${project[@]}" | sha256sum)
if [ -f "$folder/.installed" ] && [ "$wanted" = "$(cat "$folder/.installed")" ]; then exit 0; fi
echo "Installing the workstation environment into $folder (about 3 GB; a minute or two on a fast line)"
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
install() {
    "$folder/bin/python" -m pip --disable-pip-version-check install "$@" | { grep -v '^Requirement already' || true; }
}
install -r "$here/workstation.txt"
install --no-deps -r "$here/workstation-nodeps.txt"
if [ ${#project[@]} -gt 0 ]; then install --no-deps --no-build-isolation -e "$here/.."; fi
echo "$wanted" > "$folder/.installed"
