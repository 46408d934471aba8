#!/bin/sh
# Installs into a virtual environment, which is made when it is missing:
#   packaging/install.sh .venv --require-hashes --no-deps -r requirements.lock
# uv does it in a tenth of the processor time that pip takes. It does not know pip's settings,
# mirrors for instance, so pip does it where uv cannot.
set -eu
environment=$1
shift
cache=$(dirname "$0")/../.cache/uv
python=${PYTHON:-python3}

with_uv() {
  if [ ! -x "$cache/bin/uv" ]; then
    "$python" -m venv "$cache" &&
      "$cache/bin/python" -m pip --disable-pip-version-check --quiet install \
        --require-hashes --no-deps -r "$(dirname "$0")/uv/requirements.lock" || return
  fi
  if [ ! -x "$environment/bin/python" ]; then
    "$cache/bin/uv" venv --quiet --python "$python" "$environment" || return
  fi
  # The machine's certificates, as pip trusts them: its proxy may have one of its own.
  "$cache/bin/uv" --system-certs pip install --quiet --python "$environment/bin/python" "$@"
}

with_pip() {
  "$python" -m venv "$environment"
  "$environment/bin/python" -m pip --disable-pip-version-check --quiet install "$@"
}

with_uv "$@" || {
  echo "uv could not, pip does it" >&2
  with_pip "$@"
}
