"""Runs a program as systemd would run layerd.service, where no systemd runs: what the unit file says is read from
it and done by hand. Applied are user, credentials and capabilities, PrivateUsers, PrivateIPC, PrivateMounts,
ProtectSystem=strict, ProtectHome, ProcSubset and ProtectProc, the limits, SystemCallFilter with its sets as
systemd-analyze spells them out, SystemCallArchitectures, RestrictAddressFamilies, MemoryDenyWriteExecute,
RestrictNamespaces, the umask, and the sockets of the three socket units. Not applied: what needs systemd itself or
its cgroups (IPAddressDeny, MemoryMax, TasksMax, DevicePolicy), PrivateTmp, PrivateDevices and the clock's and
kernel's Protect…, which are capabilities and calls that are gone anyway."""

import ctypes
import os
import platform
import re
import resource
import socket
import struct
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWIPC = 0x20000, 0x10000000, 0x08000000
NAMESPACES = 0x7e020080
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18


def settings(path):
    """The unit as {key: [values]}, in order; an empty value forgets those before it, as in systemd."""
    out = {}
    for line in open(path):
        key, eq, value = line.strip().partition("=")
        if eq and not line.startswith("#"):
            out.setdefault(key, []).append(value)
    return out


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, kind, flags, data=None):
    enc = (lambda s: s.encode() if s else None)
    check(LIBC.mount(enc(source), enc(target), enc(kind), flags, enc(data)), "mount " + target)


# ---- system calls ----------------------------------------------------------------------------------------------------
def numbers():
    text = open("/usr/include/%s-linux-gnu/asm/unistd_64.h" % platform.machine()).read()
    return {n: int(v) for n, v in re.findall(r"#define __NR_(\w+) (\d+)", text)}


def expand(word):
    if not word.startswith("@"):
        return {word}
    out = set()
    for line in subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True,
                               check=True).stdout.splitlines()[1:]:
        line = line.strip()
        if line and not line.startswith("#"):
            out |= expand(line)
    return out


def allowed(unit):
    out = set(expand("@default"))
    for value in unit["SystemCallFilter"]:
        words = set().union(*(expand(w) for w in value.lstrip("~").split()))
        out = out - words if value.startswith("~") else out | words
    return out


FAMILIES = {"AF_UNIX": socket.AF_UNIX, "AF_INET": socket.AF_INET, "AF_INET6": socket.AF_INET6, "AF_NETLINK": 16}


def program(unit):
    """Classic BPF: what is not on the list is EPERM, and so are some arguments of what is."""
    nr = numbers()
    out = []

    def op(code, k, jt=0, jf=0):
        out.append(struct.pack("=HBBI", code, jt, jf, k))

    load, equal, any_of, ret = 0x20, 0x15, 0x45, 0x06
    allow, deny = 0x7fff0000, 0x00050001  # EPERM
    op(load, 4)
    op(equal, 0xc000003e, 1, 0)
    op(ret, 0x80000000)  # another architecture: killed
    op(load, 0)
    families = [FAMILIES[w] for w in " ".join(unit["RestrictAddressFamilies"]).split()]
    op(equal, nr["socket"], 0, len(families) + 3)
    op(load, 16)
    for i, family in enumerate(families):
        op(equal, family, len(families) - i)
    op(ret, deny)
    op(ret, allow)
    for name in ("mmap", "mprotect", "pkey_mprotect"):  # MemoryDenyWriteExecute
        op(equal, nr[name], 0, 5 if name == "mmap" else 3)
        op(load, 32)
        if name == "mmap":
            op(0x54, 6)  # PROT_WRITE | PROT_EXEC
            op(equal, 6, 0, 1)
        else:
            op(any_of, 4, 0, 1)
        op(ret, deny)
        op(load, 0)
    for name, arg in (("clone", 16), ("unshare", 16), ("setns", 24)):  # RestrictNamespaces
        op(equal, nr[name], 0, 4)
        op(load, arg)
        op(any_of, NAMESPACES, 0, 1)
        op(ret, deny)
        op(load, 0)
    op(equal, nr["clone3"], 0, 1)
    op(ret, 0x00050026)  # ENOSYS, as systemd says: its flags cannot be seen
    for name in sorted(allowed(unit) & set(nr)):
        op(equal, nr[name], 0, 1)
        op(ret, allow)
    op(ret, deny)
    return out


def filter_calls(lines):
    code = b"".join(lines)
    buffer = ctypes.create_string_buffer(code, len(code))
    prog = struct.pack("@HP", len(lines), ctypes.addressof(buffer))
    prog = ctypes.create_string_buffer(prog, len(prog))
    check(LIBC.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(prog)), 0, 0), "seccomp")


# ---- the process -----------------------------------------------------------------------------------------------------
def protect_files(writable):
    """ProtectSystem=strict, ProtectHome, ProcSubset, ProtectProc."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    for path in writable:
        mount(path, path, None, MS_BIND)
    for line in reversed(open("/proc/self/mountinfo").readlines()):
        words = line.split()
        where = words[4].replace("\\040", " ")
        if where in writable or where.startswith(("/proc", "/sys", "/dev")):
            continue
        flags = sum({"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024}.get(w, 0) for w in words[5].split(","))
        mount(None, where, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags)
    for home in ("/home", "/root", "/run/user"):
        if os.path.isdir(home):
            mount("tmpfs", home, "tmpfs", MS_RDONLY | MS_NOSUID, "mode=0")
    mount("proc", "/proc", "proc", MS_NOSUID, "hidepid=2,subset=pid")


def set_limits(unit):
    for key, what in (("LimitCORE", resource.RLIMIT_CORE), ("LimitNOFILE", resource.RLIMIT_NOFILE),
                      ("LimitMEMLOCK", resource.RLIMIT_MEMLOCK)):
        value = unit[key][-1]
        value = int(value.rstrip("M")) << (20 if value.endswith("M") else 0)
        hard = resource.getrlimit(what)[1]  # a container may have no right to more
        value = value if hard < 0 else min(value, hard)
        resource.setrlimit(what, (value, value))


def give_up_privileges(unit, uid, gid):
    for cap in range(64):  # CapabilityBoundingSet=; beyond the last one that the kernel knows it fails
        LIBC.prctl(24, cap, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header, none = struct.pack("=II", 0x20080522, 0), bytes(24)
    check(LIBC.capset(header, none), "capset")
    check(LIBC.prctl(38, 1, 0, 0, 0), "NoNewPrivileges")
    os.umask(int(unit["UMask"][-1], 8))


def start(unit_path, args, listening, writable, uid, gid, log, private_users="yes"):
    """listening: [(name, fd)]; private_users: as a drop-in may have it. Returns the pid."""
    unit = settings(unit_path)
    for key, want in (("PrivateUsers", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "yes"),
                      ("ProcSubset", "pid"), ("NoNewPrivileges", "yes"), ("MemoryDenyWriteExecute", "yes"),
                      ("RestrictNamespaces", "yes"), ("CapabilityBoundingSet", "")):
        assert unit[key] == [want], "%s is not done by hand in another way" % key
    private = {"yes": True, "no": False}[private_users]
    lines = program(unit)
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(ready[1])
        os.close(go[0])
        assert os.read(ready[0], 1) == b"1", open(log).read()
        for name in ("uid_map", "gid_map") if private else ():  # root and its own; everybody else is nobody
            own = uid if name == "uid_map" else gid
            with open("/proc/%d/%s" % (pid, name), "w") as f:
                f.write("0 0 1\n%d %d 1\n" % (own, own))
        os.write(go[1], b"1")
        os.close(ready[0])
        os.close(go[1])
        return pid
    try:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        set_limits(unit)
        check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWIPC), "unshare")
        protect_files(writable)
        if private:
            check(LIBC.unshare(CLONE_NEWUSER), "user namespace")
        os.write(ready[1], b"1")
        os.read(go[0], 1)
        give_up_privileges(unit, uid, gid)
        high = [(name, os.dup2(fd, 100 + i)) for i, (name, fd) in enumerate(listening)]
        for i, (_, fd) in enumerate(high):
            os.dup2(fd, 3 + i)
        env = {"ASAN_OPTIONS": "detect_leaks=0",  # which needs to trace itself
               "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high)),
               "LISTEN_FDNAMES": ":".join(name for name, _ in high)}
        os.closerange(3 + len(high), 200)
        filter_calls(lines)
        os.execve(args[0], args, env)
    except BaseException as e:
        os.write(2, ("confined: %r\n" % e).encode())
    os._exit(99)
