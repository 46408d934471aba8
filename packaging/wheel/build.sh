#!/bin/sh
# Builds dist/*.whl and dist/*.tar.gz, and tries the wheel that comes out of the source distribution
# in an environment that holds nothing else of this project.
set -eu
cd "$(dirname "$0")/../.."
build=build/wheel
pip="$build/venv/bin/python -m pip --disable-pip-version-check --quiet"

rm -rf "$build"
mkdir -p "$build" dist
"${PYTHON:-python3}" -m venv "$build/tools"
"$build/tools/bin/python" -m pip --disable-pip-version-check --quiet install \
  --require-hashes --no-deps -r packaging/wheel/requirements.lock
"$build/tools/bin/python" -m build --no-isolation --outdir "$build/dist" . >"$build/log"

"${PYTHON:-python3}" -m venv "$build/venv"
$pip install --require-hashes --no-deps -r requirements.lock
$pip install --no-deps "$build"/dist/*.whl
(
  # Elsewhere, so that nothing is found in the working directory.
  program=$PWD/$build/venv/bin
  mkdir "$build/empty"
  cd "$build/empty"
  "$program/sendook-lite" --version
  "$program/sendook-lite" config init sendook.toml
  "$program/sendook-lite" config check --config sendook.toml
  "$program/python" -c "import sendook_lite.client"
)
mv "$build"/dist/* dist/
ls -l dist/*.whl dist/*.tar.gz
