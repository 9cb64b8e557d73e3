"""The broker's process: started on the same directory again and again."""
import http.client
import os
import shutil
import subprocess
import tempfile
import time

from support.processes import Broker, free_port

from .plan import FLUSH_INTERVAL


class KilledBroker(Broker):
    """A broker that is ended in the middle of its work."""

    def __init__(self, program, strict, arguments=()):
        self.fault_port = free_port()
        mode = "log.flush.strict=true" if strict else f"log.flush.interval.ms={FLUSH_INTERVAL * 1000:.0f}"
        with tempfile.NamedTemporaryFile("w", prefix="durability-", suffix=".conf", delete=False) as file:
            file.write(f"{mode}\nauto.create.topics.enable=false\n")
        self.configuration = file.name
        super().__init__(program, ["--fault-port", str(self.fault_port), "--config", self.configuration, *arguments])

    def cut_power(self, seed):
        """What was not synced is lost, in part or whole; the process ends at once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.fault_port, timeout=60)
        try:
            connection.request("POST", f"/power-cut?seed={seed}")
            connection.getresponse().read()
        except (http.client.HTTPException, ConnectionError):
            pass  # It is gone already.
        finally:
            connection.close()
        code = self.process.wait(60)
        assert code == 137, f"the broker ended with {code} at a power cut"

    def kill_in_recovery(self, seconds):
        """Starts it and kills it so soon that it may not listen yet."""
        command = [self.program, "--data-dir", self.directory, "--listen", self.servers, *self.arguments]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        time.sleep(seconds)
        if self.process.poll() is not None:
            raise AssertionError(f"the broker ended with {self.process.returncode} at its start:\n{self.last_lines()}")
        self.kill()

    def keep(self):
        """Ends it and leaves everything where it is; the path."""
        if self.process.poll() is None:
            self.kill()
        return self.home

    def discard(self):
        self.keep()
        os.unlink(self.configuration)
        shutil.rmtree(self.home, ignore_errors=True)
