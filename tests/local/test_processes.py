"""Child processes: started, awaited, stopped."""

import signal
import socket
import sys
import textwrap
from pathlib import Path

import pytest

from local.processes import ChildProcess, ProcessError, base_environment, free_port


def child(tmp_path: Path, code: str) -> ChildProcess:
    return ChildProcess(
        "child",
        [sys.executable, "-c", textwrap.dedent(code)],
        environment=base_environment(),
        log_file=tmp_path / "child.log",
    )


def test_a_child_that_ignores_sigterm_is_killed(tmp_path):
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready")
        time.sleep(60)
    """
    process = child(tmp_path, code)
    process.start()
    process.wait_until(lambda: "ready" in process.log_tail(), timeout=60)
    process.stop(grace=0.2)
    assert process.poll() == -signal.SIGKILL


def test_a_child_that_never_gets_ready_is_an_error_with_its_log(tmp_path):
    process = child(tmp_path, "import time; print('still loading'); time.sleep(60)")
    with process:
        process.wait_until(lambda: "loading" in process.log_tail(), timeout=60)
        with pytest.raises(ProcessError, match=r"not ready after 0\.1 s(?s:.)*still loading"):
            process.wait_until(lambda: False, timeout=0.1)
    with pytest.raises(ProcessError, match="ended with exit code"):
        process.wait_until(lambda: False, timeout=60)


def test_a_child_is_started_once_at_a_time_and_may_be_started_again(tmp_path):
    process = child(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(ProcessError, match="not been started"):
        process.poll()
    with process:
        first = process.pid
        with pytest.raises(ProcessError, match="running already"):
            process.start()
    with process:
        assert process.pid != first
    process.stop()


def test_a_program_that_does_not_exist_is_an_error(tmp_path):
    process = ChildProcess("child", [str(tmp_path / "none")], environment={}, log_file=tmp_path / "log")
    with pytest.raises(ProcessError, match="could not be started"):
        process.start()


def test_a_free_port_can_be_listened_on():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] > 0
