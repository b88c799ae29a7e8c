"""Exit codes, pipes, locales: the command as the shell sees it, in real processes."""

import os
import subprocess
import sys
from pathlib import Path

import typer
from command_line import command, environment, process
from typer.testing import CliRunner

import tidegate
from tidegate.cli.error_boundary import Guarded
from tidegate.errors import DataError

HELP_WITHOUT_TORCH = """
import sys, types
package = types.ModuleType("tidegate")  # the package without its __init__, which may offer the layers at once
package.__path__ = [sys.argv.pop(1)]
sys.modules["tidegate"] = package
from tidegate.cli import main
try:
    main()
finally:
    heavy = {"torch", "numpy", "accelerate", "tokenizers"} & set(sys.modules)
    assert not heavy, heavy
"""


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=Guarded, pretty_exceptions_enable=False)

    @app.callback()
    def options(debug: bool = False) -> None: ...

    @app.command()
    def fail() -> None:
        raise error

    return app


def test_help_loads_nothing_heavy():
    for arguments in (["--help"], ["train", "lm", "--help"], ["generate", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", HELP_WITHOUT_TORCH, str(Path(tidegate.__file__).parent), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage" in done.stdout
        assert "\x1b" not in done.stdout


def test_without_typer_it_says_what_to_install():
    script = "import sys; sys.modules['typer'] = None; from tidegate.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("tidegate: The command line needs typer. It is not installed: pip install 'typer>=")
    assert done.stderr.count("\n") == 1


def test_an_expected_failure_is_one_message_on_stderr():
    result = CliRunner().invoke(failing(DataError("no such thing as [bold]this[/bold]\x1b[31m")), ["fail"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "tidegate: no such thing as [bold]this[/bold]\\x1b[31m\n"


def test_debug_shows_the_error_itself():
    error = DataError("seen")
    result = CliRunner().invoke(failing(error), ["--debug", "fail"])
    assert result.exception is error


def test_an_error_of_the_system_names_the_file():
    result = CliRunner().invoke(failing(PermissionError(13, "Permission denied", "/srv/x")), ["fail"])
    assert (result.exit_code, result.stderr) == (2, "tidegate: Permission denied: /srv/x\n")


def test_a_bug_is_not_hidden():
    error = ZeroDivisionError("a bug")
    assert CliRunner().invoke(failing(error), ["fail"]).exception is error


def test_ctrl_c_is_a_sentence_and_130():
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.stderr) == (130, "\nInterrupted.\n")


def test_an_unknown_verb_or_option_is_2(cli):
    assert cli("generat").exit_code == 2
    result = cli("generate", "--nonsense", "run")
    assert result.exit_code == 2
    assert "--nonsense" in result.stderr


def test_a_mistake_in_a_real_process_has_no_traceback():
    done = process("generate", "no/such/run")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"no/such/run" in done.stderr
    assert b"Traceback" not in done.stderr


def test_debug_in_a_real_process_has_a_traceback():
    done = process("--debug", "generate", "no/such/run")
    assert done.returncode != 0
    assert b"Traceback" in done.stderr


def test_a_reader_that_leaves_is_no_error(run_folder):
    with subprocess.Popen(
        command("generate", run_folder, "--endless", "--no-copies", "--seed", 0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert len(running.stdout.read(50)) == 50
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 141


def test_a_reader_that_was_never_there_is_no_error():
    read, write = os.pipe()
    os.close(read)
    try:  # so little output that it is still in the buffer when the verb is done
        done = subprocess.run(
            command("cells"), stdout=write, stderr=subprocess.PIPE, env=environment(), timeout=120, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_hangul_in_the_c_locale(hangul_run):
    done = process("generate", hangul_run, "--prompt", "나는", "--length", 20, "--seed", 0, LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8").startswith("나는")


def test_a_character_the_output_cannot_show_is_escaped(hangul_run):
    done = process("generate", hangul_run, "--length", 20, "--seed", 0, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u" in done.stdout.decode("ascii")
