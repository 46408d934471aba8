#!/bin/sh
# Builds dist/sendook-lite: the program, its libraries and Python itself in one file.
set -eu
cd "$(dirname "$0")/../.."
build=build/binary

packaging/install.sh "$build/venv" --require-hashes --no-deps -r requirements.lock
packaging/install.sh "$build/venv" --require-hashes --no-deps -r packaging/binary/requirements.lock
# Not editable: what goes into the file is what a wheel installs.
packaging/install.sh "$build/venv" --no-deps --force-reinstall .
"$build/venv/bin/pyinstaller" --clean --noconfirm --log-level WARN \
  --workpath "$build/work" --distpath dist packaging/binary/sendook-lite.spec

size=$(wc -c < dist/sendook-lite)
# The second start, for the first one also reads the file from the disk.
dist/sendook-lite --version >/dev/null
begin=$(date +%s%N)
dist/sendook-lite --version
end=$(date +%s%N)
echo "dist/sendook-lite: $((size / 1048576)) MiB, --version answers in $(((end - begin) / 1000000)) ms"
