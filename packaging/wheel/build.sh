#!/bin/sh
# Builds dist/*.whl and dist/*.tar.gz, and tries the wheel that comes out of the source distribution
# in an environment that holds nothing else of this project.
set -eu
cd "$(dirname "$0")/../.."
build=build/wheel

rm -rf "$build"
mkdir -p "$build" dist
packaging/install.sh "$build/tools" --require-hashes --no-deps -r packaging/wheel/requirements.lock
"$build/tools/bin/python" -m build --no-isolation --outdir "$build/dist" . >"$build/log"

packaging/install.sh "$build/venv" --require-hashes --no-deps -r requirements.lock
packaging/install.sh "$build/venv" --no-deps "$build"/dist/*.whl
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
