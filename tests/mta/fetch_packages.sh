#!/bin/sh
# Fetches Debian's mail servers into .cache/debian and unpacks them there, for the tests in tests/mta,
# and the reverse proxies of tests/packaging.
# Nothing is installed, and apt keeps its lists in the cache too: the machine stays as it is.
set -eu
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/debian

apt() {
  apt-get -qq -o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache/$name" \
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

# Debian has one mail server at a time, so each gets a tree of its own, with what the machine
# lacks of its dependencies. --reinstall: also one that the machine itself has installed.
fetch() {
  name=$1
  if [ -e "$cache/$name/complete" ]; then return; fi
  echo "fetching $* into $cache/$name"
  rm -rf "${cache:?}/$name"
  mkdir -p "$cache/lists/partial" "$cache/$name/archives/partial" "$cache/$name/root"
  if [ -z "${updated:-}" ]; then apt update && updated=yes; fi
  apt install --yes --download-only --reinstall --no-install-recommends "$@"
  for package in "$cache/$name"/archives/*.deb; do
    dpkg-deb --extract "$package" "$cache/$name/root"
  done
  rm -r "$cache/$name/archives"
  touch "$cache/$name/complete"
}

command -v apt-get >/dev/null || { echo "no apt-get: tests with mail servers need Debian"; exit 1; }
fetch postfix swaks
fetch exim4-daemon-light libnss-wrapper
fetch opensmtpd
fetch nginx
fetch caddy
# It reads our scripts.
fetch shellcheck
