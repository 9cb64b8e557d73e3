#!/usr/bin/env bash
# Installs what botmesh needs: Debian packages, and for the tests Python packages into .venv. Idempotent; needs no network when nothing is missing.
#
#   deploy/bootstrap.sh          what `make demo` needs
#   deploy/bootstrap.sh --test   the above, and what `make test` needs
#   deploy/bootstrap.sh --test-packages   of that only the Debian packages
#   deploy/bootstrap.sh --bench  all of that, and the brokers that `make bench-broker` measures
set -euo pipefail
cd "$(dirname "$0")/.."

run_packages=(
    librdkafka-dev libsimdjson-dev libyaml-dev libmicrohttpd-dev libcurl4-openssl-dev libssl-dev libexpat1-dev libsqlite3-dev libjemalloc-dev
    zlib1g-dev libsnappy-dev liblz4-dev libzstd-dev
    g++ pkg-config git make tar zstd bubblewrap util-linux kcat python3
)
test_packages=(libvalijson-dev valgrind python3-venv man-db zsh fish)
# Some other package may have brought this program.
command -v kubectl >/dev/null || test_packages+=(kubernetes-client)

case "${1:-}" in
    "") packages=("${run_packages[@]}") requirements=() ;;
    --test) packages=("${run_packages[@]}" "${test_packages[@]}") requirements=(deploy/requirements-test.txt) ;;
    --test-packages) packages=("${run_packages[@]}" "${test_packages[@]}") requirements=() ;;
    --bench) packages=("${run_packages[@]}" "${test_packages[@]}")
        requirements=(deploy/requirements-test.txt deploy/requirements-bench.txt) ;;
    *) echo "usage: deploy/bootstrap.sh [--test | --test-packages | --bench]" >&2; exit 2 ;;
esac

fail() { printf 'bootstrap: %s\n' "$1" >&2; exit 1; }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this system has no apt-get. botmesh needs, under the names that Debian 12 gives them:
  ${packages[*]}
  ${requirements[*]:+the Python packages in ${requirements[*]} in a virtual environment at .venv, and }Swift 6.3.
Install them, then run make with BOOTSTRAP=no."
fi

command -v swift >/dev/null || fail "no swift on PATH. Install the Swift 6.3 toolchain for Debian 12 from swift.org, then try again."
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
read -r major minor <<<"${version:-0 0}"
[ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 3 ]; } || fail "swift is $major.$minor; botmesh needs 6.3 or later."

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "not root, and no sudo. As root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    echo "bootstrap: installing with apt-get: ${missing[*]}"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "${as_root[@]}" apt-get update >"$log" 2>&1 &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "apt-get could not install ${missing[*]}; its last lines stand above."
    }
fi

# The stamp lists what is installed, so pip is asked only for what is new.
stamp=.venv/installed
wanted=$([ ${#requirements[@]} -eq 0 ] || sort -u "${requirements[@]}")
new=$(comm -23 <(printf '%s\n' "$wanted") <(sort -u "$stamp" 2>/dev/null))
if [ -n "$new" ]; then
    echo "bootstrap: installing with pip into .venv:" $new
    [ -x .venv/bin/python3 ] || /usr/bin/python3 -m venv .venv
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check $new ||
        fail "pip could not install: $new. Check the network, then try again."
    { cat "$stamp" 2>/dev/null || true; printf '%s\n' "$new"; } | sort -u >"$stamp.new"
    mv "$stamp.new" "$stamp"
fi
echo "bootstrap: everything is in place"
