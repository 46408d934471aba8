#!/bin/sh
# Builds dist/sendook-lite_<version>_<architecture>.deb around the program in one file.
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
architecture=$(dpkg --print-architecture)
tree=build/deb

rm -rf "$tree"
install -D -m 755 dist/sendook-lite "$tree/usr/bin/sendook-lite"
install -D -m 644 contrib/systemd/*.service -t "$tree/lib/systemd/system"
install -D -m 644 contrib/systemd/sendook-lite.sysusers "$tree/usr/lib/sysusers.d/sendook-lite.conf"
install -D -m 644 LICENSE "$tree/usr/share/doc/sendook-lite/copyright"
install -m 644 README.md CHANGELOG.md docs/*.md -t "$tree/usr/share/doc/sendook-lite"
cp -r contrib "$tree/usr/share/doc/sendook-lite/examples"
find "$tree" -type d -exec chmod 755 {} +

# The settings may hold the password of a relay: postinst gives them to the service's group.
install -D -m 640 sendook.example.toml "$tree/etc/sendook-lite/sendook.toml"
sed -i -e 's|^data_dir = .*|data_dir = "/var/lib/sendook-lite"|' \
  -e 's|^socket_dir = .*|socket_dir = "/run/sendook-lite"|' "$tree/etc/sendook-lite/sendook.toml"
grep -q '^data_dir = "/var/lib/sendook-lite"' "$tree/etc/sendook-lite/sendook.toml"
grep -q '^socket_dir = "/run/sendook-lite"' "$tree/etc/sendook-lite/sendook.toml"

install -d -m 755 "$tree/DEBIAN"
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$tree/DEBIAN"
echo /etc/sendook-lite/sendook.toml > "$tree/DEBIAN/conffiles"
cat > "$tree/DEBIAN/control" <<CONTROL
Package: sendook-lite
Version: $version
Architecture: $architecture
Maintainer: Sendook Lite <maintainers@sendook-lite.invalid>
Installed-Size: $(du -sk "$tree" | cut -f1)
Depends: libc6 (>= 2.28), systemd | systemd-standalone-sysusers
Section: mail
Priority: optional
Description: e-mail becomes signed, retried, never-lost webhooks
 One process with an embedded database stands behind the mail server, takes mail
 over LMTP and delivers it to webhooks; it speaks the Sendook v1 API.
CONTROL
dpkg-deb --root-owner-group --build "$tree" "dist/sendook-lite_${version}_${architecture}.deb"
