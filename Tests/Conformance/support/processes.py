"""Programs that the suite starts, ended by their own process id."""
import json
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


def free_port():
    """A loopback port that nobody listens on, below those that the kernel gives to whoever asks for any: a broker comes back to its port after a while."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = min(int(file.read().split()[0]), 60_000)
    for port in random.sample(range(20_000, end), 100) if end > 21_000 else [0]:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return listener.getsockname()[1]
    raise OSError("no free port")


def answers(port, seconds, process):
    """Waits until `port` on loopback accepts a connection; AssertionError when the process ends before or it takes longer."""
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, f"the broker ended with {process.returncode} instead of listening"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port} after {seconds} s"
            time.sleep(0.01)


class Broker:
    """A meshbroker process of the suite's own, on loopback, with a data directory of its own."""

    def __init__(self, program, arguments=(), users=()):
        """`users`, each "name:password", may log in; `arguments` has to name a configuration that asks for it."""
        self.program, self.arguments, self.port = program, list(arguments), free_port()
        self.home = tempfile.mkdtemp(prefix="conformance-")
        self.directory, self.log = os.path.join(self.home, "data"), os.path.join(self.home, "log")
        if users:
            self.arguments += ["--users", self._users_file(users)]
        self.start()

    def _users_file(self, users):
        path = os.path.join(self.home, "users")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{user}\n" for user in users)
        return path

    @property
    def servers(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        command = [self.program, "--data-dir", self.directory, "--listen", self.servers, *self.arguments]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            answers(self.port, 60, self.process)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}; the last lines of its log:\n{self.last_lines()}") from None

    def last_lines(self):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-15:])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def stop(self, seconds=60):
        """Ends it with SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the broker did not end within {seconds} s of SIGTERM") from None

    def remove(self):
        """Ends it and deletes what it kept."""
        try:
            return self.stop()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


class Member:
    """A group member in a child process (support/member.py)."""

    def __init__(self, client, cluster, group, topic, instance=None, session=12000):
        """`session`, in milliseconds, is short for the tests that wait for its end, and longer than a busy machine stands still."""
        settings = json.dumps({"servers": cluster.servers, "user": cluster.user, "password": cluster.password})
        command = [sys.executable, "-m", "support.member", client, settings, group, topic, str(session)] + ([instance] if instance else [])
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, cwd=os.path.dirname(os.path.dirname(__file__)))
        self.assignments = queue.Queue()
        #: What it was assigned last.
        self.partitions = set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            word, *numbers = line.split()
            if word == b"assigned":
                self.partitions = {int(number) for number in numbers}
                self.assignments.put(sorted(self.partitions))
        self.assignments.put(None)

    def wait_for_assignment(self, seconds=120):
        """The partitions that it says it got next."""
        try:
            assigned = self.assignments.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"the member was assigned nothing in {seconds} s; {self._last_words()}") from None
        assert assigned is not None, f"the member has ended; {self._last_words()}"
        return assigned

    def _last_words(self):
        self.errors.seek(0)
        return f"its last words:\n{self.errors.read()[-2000:].decode(errors='replace')}"

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
