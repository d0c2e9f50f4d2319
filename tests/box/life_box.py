"""The daemon's life: starting, a second instance, stale sockets, configuration errors, signals, socket
activation, the notification socket, and clients that leave."""

import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import box

LAYERD = os.path.join(box.BUILD, "layerd")
API = ["--api-id", "1", "--api-hash", "0" * 32]


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="layerd-box-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def run(*args, env=None, timeout=20, cwd=None):
    return subprocess.run([LAYERD, *args], capture_output=True, text=True, timeout=timeout * box.SLOW,
                          env={**os.environ, **(env or {})}, cwd=cwd)


@box.case
def version_help_and_check():
    assert run("--version").stdout.startswith("layerd ")
    text = run("--help").stdout
    assert "--socket" in text and "--rsa-key" in text and "LAYERD_API_ID" in text
    with Folder() as d:
        got = run("--check-config", "--state", d, *API)
        assert got.returncode == 0 and "fine" in got.stdout, got
        got = run("--check-config", "--state", d, "--encryption", "all", *API)
        assert got.returncode == 78 and "--key-file" in got.stderr, got
    assert "--no-catch-up" in text and "a lone one of mode\n0600 is admin, any other send" in text
    assert "/etc/layerd/layerd.conf" in text and "~/.config/layerd/layerd.conf" in text


@box.case
def a_check_names_the_file_and_what_is_not_there():
    with Folder() as d:
        conf, token = os.path.join(d, "layerd.conf"), os.path.join(d, "token")
        got = run("--check-config", "--state", d, *API, env={"XDG_CONFIG_HOME": d, "HOME": d})
        would = "/etc" if os.geteuid() == 0 else d
        assert "no configuration file; would be %s/layerd/layerd.conf\n" % would in got.stdout, got
        with open(conf, "w") as f:
            f.write("[account a]\ntoken-file %s\n" % token)
        got = run("--check-config", "--config", conf, "--state", d, *API)
        assert got.returncode == 0 and "warning: token-file %s: No such file" % token in got.stderr, got
        open(token, "w").close()
        got = run("--check-config", "--config", conf, "--state", d, *API)
        assert got.returncode == 0 and "configuration file: %s\n" % conf in got.stdout and not got.stderr, got
        for more in ["--check-config"], ["--socket", os.path.join(d, "s")]:
            got = run(*more, "--socket-group", "no-such-group", "--state", os.path.join(d, "state"), *API)
            assert got.returncode == 78 and "there is no group no-such-group" in got.stderr, got
        assert sorted(os.listdir(d)) == ["layerd.conf", "token"], os.listdir(d)


@box.case
def an_option_does_not_take_the_next_one_for_its_value():
    with Folder() as d:
        for args in (["--socket", "--log-level=debug"], ["--state", "--check-config"], ["--config", "--socket-mode"]):
            got = run("--state", d, *API, *args, cwd=d)
            assert got.returncode == 78 and "%s needs a value" % args[0] in got.stderr and args[1] in got.stderr, got
        got = run("--state", d, *API, "--socket")
        assert got.returncode == 78 and "socket wants PATH" in got.stderr, got
        got = run("--check-config", "--state=" + d, *API, "--device-model=--odd--")
        assert got.returncode == 0, got
        assert os.listdir(d) == []


@box.case
def configuration_errors_end_with_78():
    with Folder() as d:
        conf = os.path.join(d, "layerd.conf")
        with open(conf, "w") as f:
            f.write("api-id 1\nlog-levle debug\n")
        got = run("--config", conf)
        assert got.returncode == 78 and conf + ":2: unknown option log-levle; did you mean log-level?" in got.stderr, got
        got = run("--config", conf, "--help")
        assert got.returncode == 0 and "--config" in got.stdout, got
        got = run("--config", d, "--version")
        assert got.returncode == 0 and got.stdout.startswith("layerd "), got
        got = run("--config", d)
        assert got.returncode == 78 and d + ": Is a directory" in got.stderr, got
        got = run("--api_id", "5")
        assert got.returncode == 78 and "api_id; did you mean api-id?" in got.stderr, got
        got = run("--state", conf, *API)
        assert got.returncode == 1 and conf + ": Not a directory (set --state)" in got.stderr, got
        got = run("--api-hash", "short", "--state", d)
        assert got.returncode == 78 and "my.telegram.org" in got.stderr, got
        got = run("--config", os.path.join(d, "none"))
        assert got.returncode == 78 and "No such file" in got.stderr, got
        got = run("--proxy", "carrier://1.2.3.4:1", "--check-config", "--state", d)
        assert got.returncode == 78, got


@box.case
def secrets_come_from_credentials():
    with Folder() as d:
        with open(os.path.join(d, "api_hash"), "w") as f:
            f.write("0123456789abcdef0123456789abcdef\n")
        got = run("--check-config", "--state", d, "--api-id", "1", env={"CREDENTIALS_DIRECTORY": d})
        assert got.returncode == 0, got
        with open(os.path.join(d, "api_hash"), "w") as f:
            f.write("nonsense\n")
        got = run("--check-config", "--state", d, "--api-id", "1", env={"CREDENTIALS_DIRECTORY": d})
        assert got.returncode == 78 and "nonsense" not in got.stderr, got


@box.case
def the_hash_is_not_in_argv():
    with Folder() as d:
        p = box.Daemon(d)
        argv = open("/proc/%d/cmdline" % p.process.pid, "rb").read()
        assert b"--api-hash" in argv
        p.kill(15)
        p = box.Daemon(d, None, "--api-hash", "deadbeef" * 4)
        argv = open("/proc/%d/cmdline" % p.process.pid, "rb").read()
        assert b"deadbeef" not in argv, argv
        p.kill(15)
        p.check()


@box.case
def the_socket_is_private_and_goes_away():
    with Folder() as d:
        p = box.Daemon(d)
        assert stat.S_IMODE(os.stat(p.path).st_mode) == 0o600
        assert p.line().call("hello")["role"] == "admin"
        assert p.kill(15) == 0
        assert not os.path.exists(p.path)
        p.check()


@box.case
def a_second_instance_ends_with_3():
    with Folder() as d:
        p = box.Daemon(d)
        got = run("--socket", p.path, "--state", os.path.join(d, "other"), *API)
        assert got.returncode == 3 and p.path in got.stderr, got
        got = run("--socket", os.path.join(d, "other.sock"), "--state", p.state, *API)
        assert got.returncode == 3 and str(p.process.pid) in got.stderr, got
        assert p.line().call("ping")["pong"]
        p.kill(15)
        p.check()


@box.case
def a_stale_socket_is_replaced_other_files_are_not():
    with Folder() as d:
        p = box.Daemon(d)
        p.kill(9)
        assert os.path.exists(p.path)
        p.start()
        assert p.line().call("ping")["pong"]
        p.kill(15)
        path = os.path.join(d, "file.sock")
        with open(path, "w") as f:
            f.write("mine")
        got = run("--socket", path, "--state", p.state, *API)
        assert got.returncode == 1 and "no socket" in got.stderr, got
        assert open(path).read() == "mine" and not os.path.exists(path + ".lock")
        os.symlink(p.path, os.path.join(d, "link.sock"))
        got = run("--socket", os.path.join(d, "link.sock"), "--state", p.state, *API)
        assert got.returncode == 1, got
        other = socket.socket(socket.AF_UNIX)
        other.bind(os.path.join(d, "live.sock"))
        other.listen()
        got = run("--socket", os.path.join(d, "live.sock"), "--state", p.state, *API)
        assert got.returncode == 3, got


@box.case
def an_open_folder_is_refused():
    with Folder() as d:
        os.mkdir(os.path.join(d, "open"))
        os.chmod(os.path.join(d, "open"), 0o777)
        got = run("--socket", os.path.join(d, "open", "s.sock"), "--state", os.path.join(d, "state"), *API)
        assert got.returncode == 1 and "writable by everybody" in got.stderr, got


@box.case
def sigterm_answers_what_waits():
    with Folder() as d:
        p = box.Daemon(d)
        line = p.line()
        line.call("add_account", name="main")
        line.send({"id": 1, "method": "wait", "params": {"for": "ready"}})
        time.sleep(0.1)
        start = time.monotonic()
        p.process.expected = True
        p.process.proc.send_signal(signal.SIGTERM)
        got = line.read()
        assert got["id"] == 1 and got["error"]["code"] == -32004 and got["error"]["data"]["kind"] == "shutting_down", got
        assert line.read() is None
        assert p.process.proc.wait(10) == 0
        assert time.monotonic() - start < 5 * box.SLOW
        p.check()


@box.case
def stop_ends_the_daemon():
    with Folder() as d:
        p = box.Daemon(d)
        line = p.line()
        assert line.call("stop") == {"stopping": True}
        p.process.expected = True
        assert p.process.proc.wait(10 * box.SLOW) == 0
        p.check()


@box.case
def sighup_reads_the_configuration_again():
    with Folder() as d:
        conf = os.path.join(d, "layerd.conf")
        with open(conf, "w") as f:
            f.write("log-level info\n")
        p = box.Daemon(d, None, "--config", conf)
        line = p.line()
        with open(conf, "w") as f:
            f.write("log-level debug\n")
        p.process.proc.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5 * box.SLOW
        while line.call("log_level")["level"] != "debug":
            assert time.monotonic() < end
            time.sleep(0.01)
        with open(conf, "w") as f:
            f.write("log-level loud\n")
        p.process.proc.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert line.call("log_level")["level"] == "debug"  # a bad file changes nothing
        assert "reload_failed" in open(p.log).read()
        try:
            line.call("reload")
            raise AssertionError("a bad file was taken")
        except box.RpcError as e:
            assert conf + ":1" in str(e)
        p.kill(15)
        p.check()


@box.case
def accounts_stay_over_a_restart():
    with Folder() as d:
        p = box.Daemon(d)
        line = p.line()
        line.call("add_account", name="one")
        line.call("add_account", name="two", catch_up=False)
        line.call("remove_account", account="one")
        p.restart(signal.SIGKILL)
        names = [a["account"] for a in p.line().call("list_accounts")["accounts"]]
        assert names == ["two"], names
        p.kill(15)
        p.check()


@box.case
def accounts_from_the_configuration():
    with Folder() as d:
        conf = os.path.join(d, "layerd.conf")
        with open(conf, "w") as f:
            f.write("[account alpha]\n[account beta]\ncatch-up no\n")
        p = box.Daemon(d, None, "--config", conf)
        names = [a["account"] for a in p.line().call("list_accounts")["accounts"]]
        assert names == ["alpha", "beta"], names
        p.kill(15)
        p.check()


def activate(folder, sockets, *args):
    """Starts the daemon as systemd would: listening sockets from descriptor 3 on, a notify socket."""
    note = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    note.bind(os.path.join(folder, "notify"))
    note.settimeout(10 * box.SLOW)
    fds = []
    for name in sockets:
        s = socket.socket(socket.AF_UNIX)
        s.bind(os.path.join(folder, name + ".sock"))
        s.listen()
        fds.append(s)
    high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50) for s in fds]
    pid = os.fork()
    if pid == 0:
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
        env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(sockets),
                   NOTIFY_SOCKET=os.path.join(folder, "notify"), WATCHDOG_USEC="400000", WATCHDOG_PID=str(os.getpid()))
        os.dup2(os.open(os.path.join(folder, "log"), os.O_WRONLY | os.O_CREAT, 0o600), 2)
        os.execve(LAYERD, ["layerd", "--state", os.path.join(folder, "state"), *API, *args], env)
    for fd in high:
        os.close(fd)
    return pid, note


@box.case
def socket_activation_and_notification():
    with Folder() as d:
        pid, note = activate(d, ["read", "admin"])
        states = note.recv(4096).decode()
        assert "READY=1" in states, states
        assert box.Line(os.path.join(d, "read.sock")).call("hello")["role"] == "read"
        admin = box.Line(os.path.join(d, "admin.sock"))
        assert admin.call("hello")["role"] == "admin"
        end = time.monotonic() + 5 * box.SLOW
        while "WATCHDOG=1" not in note.recv(4096).decode():
            assert time.monotonic() < end
        os.kill(pid, signal.SIGTERM)
        seen = ""
        while "STOPPING=1" not in seen:
            seen = note.recv(4096).decode()
        assert os.waitpid(pid, 0)[1] == 0
        assert os.path.exists(os.path.join(d, "read.sock"))  # systemd's, not ours
        assert "Sanitizer" not in open(os.path.join(d, "log")).read()


@box.case
def clients_have_a_limit():
    with Folder() as d:
        p = box.Daemon(d)
        lines = [p.line() for _ in range(128)]
        for one in lines[:3] + lines[-3:]:
            one.call("ping")
        extra = p.line()
        got = extra.read()
        assert got["error"]["code"] == -32002 and got["error"]["data"]["limit"] == "clients_per_uid", got
        assert extra.read() is None
        lines.pop().close()
        lines.pop().close()
        end = time.monotonic() + 5 * box.SLOW
        while True:
            time.sleep(0.02)
            again = p.line()
            again.send({"id": 1, "method": "ping"})
            if again.read().get("result"):
                break
            assert time.monotonic() < end
        p.kill(15)
        p.check()


@box.case
def half_close_matrix():
    """{1, 100 requests} x {LF, no LF}: all answers, then the end, at once."""
    with Folder() as d:
        p = box.Daemon(d)
        for count in (1, 100, 1000):
            for tail in (b"\n", b""):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(10 * box.SLOW)
                s.connect(p.path)
                s.sendall(b"\n".join(b'{"id":%d,"method":"ping"}' % i for i in range(count)) + tail)
                s.shutdown(socket.SHUT_WR)
                got = b""
                while True:
                    chunk = s.recv(1 << 16)
                    if not chunk:
                        break
                    got += chunk
                ids = [json.loads(x)["id"] for x in got.splitlines()]
                assert ids == list(range(count)), (count, tail, len(ids))
        p.kill(15)
        p.check()


@box.case
def a_reader_that_never_reads_costs_no_other():
    with Folder() as d:
        p = box.Daemon(d)
        stuck = socket.socket(socket.AF_UNIX)
        stuck.connect(p.path)
        stuck.setblocking(False)
        line = b'{"id":1,"method":"help"}\n' * 1000
        sent = 0
        end = time.monotonic() + 3 * box.SLOW
        while time.monotonic() < end:
            try:
                sent += stuck.send(line)
            except BlockingIOError:
                time.sleep(0.02)
        good = p.line()
        worst = 0
        for _ in range(200):
            start = time.monotonic()
            good.call("ping")
            worst = max(worst, time.monotonic() - start)
        assert worst < 1 * box.SLOW, worst
        kb = good.call("stats")["rss_anon_kb"]
        assert box.SLOW > 1 or kb < 220000, kb  # 64 MiB of answers, doubled while growing, then it waits
        stuck.close()
        p.kill(15)
        p.check()


@box.case
def a_client_that_leaves_cancels_its_reads_its_sends_finish():
    with box.World() as w:
        w.bot("leaving_bot")
        alice = w.user(1, "Alice")
        w.sandbox.call("send", **{"from": alice, "to": "@leaving_bot", "text": "hi"})
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", seconds=1, times=1)
        line = w.daemon.line()
        line.send({"id": 1, "method": "send_message", "params": {"peer": alice, "text": "last words"}})
        line.send({"id": 2, "method": "wait", "params": {"for": "idle", "timeout": 600}})
        time.sleep(0.2)
        line.close()
        other = w.daemon.line()
        end = time.monotonic() + 5 * box.SLOW
        while True:
            calls = [r["method"] for r in other.call("list_requests")["requests"]]
            if not calls:
                break
            assert "wait" not in calls or time.monotonic() < end, calls
            assert time.monotonic() < end, calls
            time.sleep(0.02)
        texts = [m.get("text") or m.get("message") for m in
                 w.sandbox.call("messages", peer="@leaving_bot", **{"as": alice})["messages"]]
        assert texts.count("last words") == 1, texts


@box.case
def sigterm_waits_for_a_send():
    with box.World() as w:
        w.bot("patient_bot")
        alice = w.user(1, "Alice")
        w.sandbox.call("send", **{"from": alice, "to": "@patient_bot", "text": "hi"})
        w.sandbox.call("fault", kind="delay", method="messages.sendMessage", seconds=1, times=1)
        line = w.daemon.line()
        line.send({"id": 1, "method": "send_message", "params": {"peer": alice, "text": "late", "fields": ["text"]}})
        time.sleep(0.2)
        w.daemon.process.expected = True
        w.daemon.process.proc.send_signal(signal.SIGTERM)
        assert line.read() == {"jsonrpc": "2.0", "id": 1, "result": {"text": "late"}}
        assert w.daemon.process.proc.wait(10 * box.SLOW) == 0


if __name__ == "__main__":
    box.main()
