#!/bin/sh
# Makes the folder that runs in production: the packages, then the app. The Dockerfile runs this, and
# so does tests/deploy, which starts the app from it where no container engine is.
#   deploy/build_runtime.sh packages /app [FILE]    of FILE, ./requirements.txt when none is named
#   deploy/build_runtime.sh app /app                from the current folder
set -eu

part=${1:-}
target=${2:?"usage: $0 packages|app TARGET [FILE]"}
requirements=${3:-requirements.txt}
PYTHON=${PYTHON:-python3}

# Bytecode is compiled now, so that nothing needs to be written at run time. It is not compared with
# the sources: nobody changes them in there, and files get a new time on their way into an image.
compile() {
  "$target/.venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$@"
}

case $part in
  packages)
    # pip itself is not needed to run, and stays outside.
    "$PYTHON" -m venv --without-pip "$target/.venv"
    "$PYTHON" -m pip --python "$target/.venv/bin/python" install --quiet --disable-pip-version-check \
      --no-input --no-compile --only-binary :all: --require-hashes -r "$requirements"
    rm -f "$target/.venv/bin/activate"* "$target/.venv/bin/Activate"*
    # What libraries carry for their own tests.
    find "$target/.venv/lib" -type d \( -name tests -o -name test \) -path '*/site-packages/*' \
      -prune -exec rm -rf {} +
    compile "$target/.venv/lib"
    ;;
  app)
    for name in app.py gunicorn.conf.py incidentbot migrations templates static; do
      rm -rf "${target:?}/$name"  # of an earlier version
      cp -R "$name" "$target/"
    done
    find "$target" -path "$target/.venv" -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
    compile "$target/app.py" "$target/gunicorn.conf.py" "$target/incidentbot" "$target/migrations"
    ;;
  *)
    echo "usage: $0 packages|app TARGET [FILE]" >&2
    exit 2
    ;;
esac
