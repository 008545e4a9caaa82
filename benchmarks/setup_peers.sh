#!/usr/bin/env bash
# Makes the virtual environment in which benchmarks meet their peers, apart from the project's own:
# the peers bring dependencies that the project does not need.
#
#   bash benchmarks/setup_peers.sh [FOLDER]      FOLDER is .venv_peers when left out
#
# The project itself is installed editable, so a benchmark times the code of this clone.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${1:-$top/.venv_peers}
python=${PYTHON:-python3}

"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$top/constraints.txt" --editable "$top" \
    batchgenerators==0.25.5 \
    batchgeneratorsv2==0.3.6 \
    monai==1.6.1 \
    nnunetv2==2.8.1 \
    torch==2.14.1 \
    torchio==1.2.1 \
    torchvision==0.29.1
"$target/bin/python" -m pip check
touch "$target/installed"
