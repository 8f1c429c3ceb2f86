# Sourced by serve and test: goes to the repository's root and brings .venv up to a requirements file.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
unset PYTHONPATH PYTHONHOME

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$name"
      return
    fi
  done
  say "Daybook needs Python 3.11 or newer, and found none. Install one, or name it: PYTHON=/path/to/python3 bash $0"
  return 1
}

make_venv() {
  local python
  python=$(find_python) || exit 1
  say "Creating .venv with $("$python" --version)."
  rm -rf .venv
  if ! "$python" -m venv .venv; then
    rm -rf .venv
    say "That Python cannot create a virtual environment. On Debian and Ubuntu: apt install python3-venv"
    exit 1
  fi
}

# What an installation depends on: a moved tree or a changed list is installed anew.
stamp() { pwd -P && cat "$1"; }

# ensure_venv FILE [FILE...]: installs the first; the others are parts of it, and count as installed with it.
ensure_venv() {
  local file
  if [ -x .venv/bin/python ] && stamp "$1" | cmp -s - ".venv/$1.installed"; then
    return
  fi
  if ! [ -x .venv/bin/python ] || [ "$(cat .venv/home 2>/dev/null)" != "$(pwd -P)" ]; then
    make_venv
    pwd -P >.venv/home
  fi
  say "Installing $1 (a minute or two on first use)."
  rm -f .venv/*.installed
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1" &&
    .venv/bin/python -m pip install -qq --disable-pip-version-check \
      --no-index --no-deps --no-build-isolation -e . || {
    say "The installation failed; the lines above say why. Nothing was started."
    exit 1
  }
  for file in "$@"; do
    stamp "$file" >".venv/$file.installed"
  done
}

# ensure_part FILE: installs what a command needs on top of what ensure_venv has installed.
ensure_part() {
  if stamp "$1" | cmp -s - ".venv/$1.installed"; then
    return
  fi
  say "Installing $1."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1" || exit 1
  stamp "$1" >".venv/$1.installed"
}
