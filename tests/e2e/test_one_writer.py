"""One home, one writer: daemons and commands that meet wait for each other, or say who is there."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable

from tests.e2e.nodes import STOP_SECONDS_MAX, Answer, Node

Make = Callable[[str], Node]


def outcome(command: subprocess.Popen[str]) -> Answer:
    """What a command that was begun said."""
    out, err = command.communicate(timeout=120)
    return Answer(command.returncode, out, err)


def test_commands_without_a_daemon_work_one_after_the_other(make: Make) -> None:
    jardin = make("Jardin")
    begun = [jardin.begin("publish", "resource", "--title", f"Fiche {n}", "-q") for n in range(3)]
    answers = [outcome(command) for command in begun]
    assert [answer.code for answer in answers] == [0, 0, 0], answers
    assert len({answer.out for answer in answers}) == 3
    assert jardin("log", "verify")["entries"] == 3
    assert jardin("search", "fiche")["total"] == 3


def test_a_command_given_while_the_daemon_starts_waits_for_it(make: Make) -> None:
    jardin = make("Jardin")
    jardin.launch()
    rec = jardin("publish", "resource", "--title", "Impatiente")["id"]
    jardin.wait_ready()
    assert jardin.ask("show", rec=rec)["title"] == "Impatiente"
    jardin.stop()


def test_a_second_daemon_on_the_same_home_says_who_is_there_and_leaves_it_alone(make: Make) -> None:
    jardin = make("Jardin").start()
    second = outcome(jardin.begin("run", "--peer-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"))
    assert second.code == 5
    assert str(jardin.home) in second.err
    assert "Traceback" not in second.err
    jardin.publish("Toujours là")
    jardin.stop()


def test_a_port_that_is_taken_is_said_so(make: Make) -> None:
    jardin, atelier = make("Jardin").start(), make("Atelier")
    taken = outcome(atelier.begin("run", "--peer-listen", jardin.peer, "--web-listen", "127.0.0.1:0"))
    assert taken.code == 5
    assert jardin.peer in taken.err
    assert "--peer-listen [::]:0" in taken.err
    assert "Traceback" not in taken.err
    atelier("publish", "resource", "--title", "Sans daemon")  # its home is free again
    jardin.stop()


def test_a_damaged_store_is_said_so_and_nothing_is_made_in_its_place(
    make: Make,
) -> None:
    jardin = make("Jardin")
    jardin("publish", "resource", "--title", "Une fiche")
    store = jardin.home / "records.sqlite"
    damaged = b"this is no database" * 1_000
    store.write_bytes(damaged)
    for words in (("run", "--peer-listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"), ("status",)):
        answer = jardin.run(*words)
        assert answer.code == 8, answer
        assert "records.sqlite" in answer.err
        assert "Traceback" not in answer.err
    assert store.read_bytes() == damaged


def test_nobody_else_on_the_machine_reaches_home_or_socket(make: Make) -> None:
    jardin = make("Jardin").start()
    for name, mode in {"": 0o700, "control.sock": 0o600, "identity": 0o600, "records.sqlite": 0o600}.items():
        assert stat.S_IMODE(os.stat(jardin.home / name).st_mode) == mode, name
    jardin.stop()
    assert not (jardin.home / "control.sock").exists()


def test_a_busy_daemon_still_stops_in_time_and_keeps_what_it_acknowledged(make: Make) -> None:
    jardin = make("Jardin").start()
    begun = [jardin.begin("sync", "--wait", "1", "--timeout", "600") for _ in range(2)]
    for command in begun:
        assert command.stderr is not None
        assert command.stderr.readline(), "it waits, at the daemon's"
    recs = [jardin.publish(f"Fiche {n}") for n in range(20)]
    jardin.stop()  # within STOP_SECONDS_MAX, although two commands wait for ten minutes
    assert STOP_SECONDS_MAX == 5.0
    for command in begun:
        assert outcome(command).code != 0
    jardin.start()
    assert all(jardin.ask("show", rec=rec)["id"] == rec for rec in recs)
    jardin.stop()
