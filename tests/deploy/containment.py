"""Runs a program as a container would: in a root folder of its own, unable to write, without rights.

As far as this machine permits: a user who may not make mount namespaces gets a tree without write
permissions instead.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.processes import Process, launch

USER = "10001"

# Makes a root folder of what the system has, read-only, with the program's own folder and one that
# may be written to; then becomes the program, so that signals reach it.
_ENTER = """
set -eu
root=$1 image=$2 data=$3 python=$4
shift 4
mount -t tmpfs none "$root"
for name in usr bin sbin lib lib32 lib64 etc; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then mkdir "$root/$name"; mount --rbind "/$name" "$root/$name"; fi
done
for folder in /dev /proc "$python" "$image" "$data"; do
  mkdir -p "$root$folder"
  mount --rbind "$folder" "$root$folder"
done
mount -o remount,bind,ro "$root$image"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot "$root" /usr/bin/env -C "$image" "$@"
"""


def _may_mount(*how: str) -> bool:
    probe = ["unshare", *how, "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:  # not Linux
        return False


def isolation() -> list[str] | None:
    """Return how to get a mount namespace here; None where that is not permitted."""
    if os.getuid() == 0:
        return ["unshare", "--mount"] if _may_mount("--mount") else None
    mapped = ("--map-root-user", "--mount")
    return ["unshare", *mapped] if _may_mount(*mapped) else None


def contained(
    image: Path, data: Path, command: Sequence[str], env: Mapping[str, str], log: Path
) -> Process:
    """Start `command` in `image`, which it cannot write to; it may write to `data`."""
    program = [str(image / ".venv/bin" / command[0]), *command[1:]]
    dropped = ["/usr/bin/setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    namespace = isolation()
    if namespace is None:
        subprocess.run(["chmod", "-R", "a-w", str(image)], check=True)
        return launch(["env", "-C", str(image), *program], env, log)
    root = data.with_name(data.name + "-root")
    root.mkdir(exist_ok=True)
    return launch(
        [*namespace, "sh", "-c", _ENTER, "enter", str(root), str(image), str(data), sys.base_prefix]
        + (dropped if os.getuid() == 0 else [])
        + program,
        env,
        log,
    )
