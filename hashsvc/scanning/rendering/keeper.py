"""
Starts one browser where it can reach nothing but the filtering proxy, and deletes its files.

The service runs this file as a process of its own, with the standard library alone. The keeper
leaves the root account and enters a network namespace, which is empty but for a loopback interface.
It hands the service a socket that listens there, starts the browser, and waits. When the browser
ends, or the service closes its end of the control socket or dies, the keeper kills the browser with
all its children and deletes the profile.

Arguments: number of the control socket, isolation ("namespace" or "flags"), the browser's command
with the URL last.
"""

import ctypes
import errno
import fcntl
import os
import pwd
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

# prctl(2), unshare(2) and netdevice(7).
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

_NOBODY = 65_534
_IN_MEMORY = "/dev/shm"  # noqa: S108 - keeps pages off the disk.
# Room for Chromium's profile, and for the memory that its processes share. In Docker, /dev/shm has
# 64 MB by default.
_ENOUGH_BYTES = 256 * 1024**2

_libc = ctypes.CDLL(None, use_errno=True)


def main(control: socket.socket, isolation: str, command: list[str]) -> int:
    """Run the browser, and return its exit status; 1 if it could not be isolated."""
    # The service ends the browser through the control socket. A signal to the whole group must not
    # keep the keeper from deleting the profile.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    try:
        _leave_root()
        if isolation == "namespace":
            _enter_namespace()
        listener = socket.create_server(("127.0.0.1", 0))
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "unknown error")
        control.sendall(f"{error.strerror or 'The listening socket failed.'} ({name})".encode())
        return 1
    with listener:
        proxy = f"--proxy-server=http://127.0.0.1:{listener.getsockname()[1]}"
        socket.send_fds(control, [b"+"], [listener.fileno()])
    profile = tempfile.mkdtemp(prefix="hashsvc-browser-", dir=_place_for_profiles())
    try:
        # From here on, the browser's orphans become children of this process.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        switches = [proxy, f"--user-data-dir={profile}"]
        return _run([*command[:-1], *switches, command[-1]], profile, control)
    finally:
        shutil.rmtree(profile, ignore_errors=True)


def _leave_root() -> None:
    """Become `nobody` if the service runs as root, because Chromium has no sandbox as root."""
    if os.geteuid() != 0:
        return
    uid = gid = _NOBODY
    with suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise OSError(error.errno, "The service runs as root and cannot become nobody.") from error
    # A process that changed its user may not write its own uid_map unless it is dumpable.
    _libc.prctl(_PR_SET_DUMPABLE, 1)


def _enter_namespace() -> None:
    """Enter a new network namespace, and start its loopback interface."""
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "The system forbids user or network namespaces.")
    try:
        for name, text in {
            "setgroups": "deny",
            "uid_map": f"{uid} {uid} 1",
            "gid_map": f"{gid} {gid} 1",
        }.items():
            Path(f"/proc/self/{name}").write_text(text)
        with socket.socket() as any_socket:
            request = struct.pack("16sh14x", b"lo", _IFF_UP)
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
    except OSError as error:
        raise OSError(error.errno, "The system gives no rights in a new namespace.") from error


def _place_for_profiles() -> str | None:
    """Return the directory in memory if it has enough room; None for the usual one."""
    with suppress(OSError):
        room = os.statvfs(_IN_MEMORY)
        if os.access(_IN_MEMORY, os.W_OK) and room.f_bavail * room.f_frsize >= _ENOUGH_BYTES:
            return _IN_MEMORY
    return None


def _run(command: list[str], profile: str, control: socket.socket) -> int:
    """Run the browser until it ends or the control socket closes; return its exit status."""
    keeper = os.getpid()
    browser = os.fork()
    if browser == 0:
        _become_browser(command, profile, keeper)
    ended = os.pidfd_open(browser)
    select.select([ended, control.fileno()], [], [])
    # Reap the browser first: by then, this process has adopted all its orphans.
    with suppress(ProcessLookupError):
        os.kill(browser, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(browser, 0)[1])
    _end_children()
    return status if status >= 0 else 1


def _become_browser(command: list[str], profile: str, keeper: int) -> None:
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # TMPDIR makes Chromium put its other temporary files into the profile too.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": profile,
        "TMPDIR": profile,
        "LANG": "C.UTF-8",
    }
    try:
        if os.getppid() == keeper:
            os.execvpe(command[0], command, environment)  # noqa: S606 - the operator's command.
    finally:
        os._exit(127)


def _end_children() -> None:
    """Kill all children and theirs: if a child dies, its children become this process's."""
    with suppress(ChildProcessError):
        while True:
            with suppress(OSError):
                for child in Path("/proc/thread-self/children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
            os.waitpid(-1, 0)


if __name__ == "__main__":
    _control = socket.socket(fileno=int(sys.argv[1]))
    _control.set_inheritable(False)
    sys.exit(main(_control, sys.argv[2], sys.argv[3:]))
