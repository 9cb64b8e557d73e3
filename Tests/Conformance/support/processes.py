"""Programs that the suite starts, ended by their own process id."""
import os
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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

    def __init__(self, program, directory=None, arguments=()):
        self.program, self.arguments, self.port = program, list(arguments), free_port()
        self.directory = directory or tempfile.mkdtemp(prefix="conformance-")
        self.log = os.path.join(self.directory, "..", os.path.basename(self.directory) + ".log")
        self.start()

    @property
    def servers(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        command = [self.program, "--data-dir", self.directory, "--listen", self.servers, *self.arguments]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        answers(self.port, 15, self.process)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, seconds=10):
        """Ends it with SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the broker did not end within {seconds} s of SIGTERM") from None
