#!/usr/bin/env bash
# Makes the Python environment that the scripts here run in: `./setup.sh`, then `.venv/bin/python train.py EPOCHS NAME`.
# On Debian PyTorch comes from Debian, which builds it for the processor alone; from PyPI it would bring gigabytes of CUDA
# along. Another folder for the environment: `./setup.sh FOLDER`.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
environment="${1:-$here/.venv}"

packages=(python3-venv python3-torch python3-numpy python3-matplotlib python3-tqdm python3-pil)

missing() {
    for package in "${packages[@]}"; do
        if [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]]; then
            echo "$package"
        fi
    done
}

if command -v apt-get >/dev/null; then
    mapfile -t wanted < <(missing)
    if ((${#wanted[@]} > 0)); then
        install=(apt-get install --yes --no-install-recommends --no-remove "${wanted[@]}")
        if ((EUID != 0)); then
            echo "setup.sh: Debian packages are missing: run \`sudo ${install[*]}\`, then this again" >&2
            exit 1
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get update >&2
        "${install[@]}" >&2
    fi
    # Debian's own Python, whichever else is first on the path: it alone sees Debian's packages.
    /usr/bin/python3 -m venv --system-site-packages "$environment"
else
    python3 -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-elsewhere.txt"
fi
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-warn-conflicts -r "$here/requirements.txt"
"$environment/bin/python" -c 'import matplotlib, onnx, onnxruntime, PIL, torch, tqdm'
echo "ready: $environment/bin/python"
