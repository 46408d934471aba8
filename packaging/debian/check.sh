#!/bin/sh
# Installs the package into a directory, runs it from there, upgrades, removes and purges it.
set -eu
cd "$(dirname "$0")/../.."
package=$(ls dist/sendook-lite_*.deb)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/etc"
: > "$root/var/lib/dpkg/status"

dpkg_in() {
  dpkg --root="$root" --log="$root/dpkg.log" --force-script-chrootless --force-depends \
    "$@" >>"$root/output" 2>&1 || { cat "$root/output"; exit 1; }
}

dpkg_in --install "$package"
grep -q '^sendook:' "$root/etc/passwd"
[ "$(stat -c %a "$root/etc/sendook-lite/sendook.toml")" = 640 ]
for unit in sendook-lite sendook-lite-follow; do
  [ -e "$root/lib/systemd/system/$unit.service" ]
done
"$root/usr/bin/sendook-lite" config check --config "$root/etc/sendook-lite/sendook.toml"
sed -i 's/^level = .*/level = "warning"/' "$root/etc/sendook-lite/sendook.toml"
dpkg_in --install "$package"
grep -q '^level = "warning"' "$root/etc/sendook-lite/sendook.toml"
mkdir -p "$root/var/lib/sendook-lite"
echo mail > "$root/var/lib/sendook-lite/sendook.db"
dpkg_in --remove sendook-lite
[ ! -e "$root/usr/bin/sendook-lite" ] && [ -e "$root/var/lib/sendook-lite/sendook.db" ]
dpkg_in --purge sendook-lite
left=$(find "$root" -path '*sendook*' | grep -v '/output$\|dpkg' || true)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
echo "$package: installs, keeps changed settings, and removes cleanly"
