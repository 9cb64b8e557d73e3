"""The Java client, where there is one."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "java" / "Conformance.java"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_java_client_finds_everything_as_it_must_be(cluster):
    path = os.environ.get("JAVA_KAFKA_CLASSPATH")
    if not path:
        pytest.skip("JAVA_KAFKA_CLASSPATH is not set, so the Java client is not tried")
    assert shutil.which("java"), "JAVA_KAFKA_CLASSPATH is set, and there is no java"
    done = subprocess.run(["java", "-cp", path, PROGRAM, cluster.servers], capture_output=True, timeout=170, text=True)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if not line.startswith("ok"))
