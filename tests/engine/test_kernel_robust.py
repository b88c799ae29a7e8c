"""Kernels called by many threads at once, after a fork, in a worker, and interrupted; each in its own process."""

import os
import signal
import subprocess
import sys
import time

import pytest

START = """
import faulthandler, os, signal, sys, threading, time, torch, tidegate
from tidegate.engine.backends.llvm.launch import cores
cores._Use.look_if_it_is_time = lambda use, now: setattr(use, "share", 4)  # whatever others do
if hasattr(signal, "alarm"):  # whoever hangs says where and ends
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(90)

def fork():
    child = os.fork()
    if child == 0:
        signal.alarm(60)
    return child

torch.manual_seed(0)
sizes = {"few rows": (1, 64), "many rows": (16, 96)}  # with few, threads divide the hidden units
layers = {k: tidegate.nn.LSTM(h, h, backend="llvm") for k, (b, h) in sizes.items()}
x = {k: torch.randn(40, b, h) for k, (b, h) in sizes.items()}

def step(kind):
    layer, leaf = layers[kind], x[kind].clone().requires_grad_()
    output, (h, c) = layer(leaf)
    loss = output.sin().sum() + c.sum()
    return [output.detach(), *torch.autograd.grad(loss, [leaf, *layer.parameters()])]

def check(kind):
    return all(torch.equal(a, b) for a, b in zip(step(kind), expected[kind], strict=True))

torch.set_num_threads(1)
expected = {kind: step(kind) for kind in sizes}
torch.set_num_threads(2)
"""
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def ends(code: str, timeout: float = 120) -> None:
    """Run code after ``START`` in its own process and check that it ends well, apart from warnings about forks."""
    command = [sys.executable, "-W", "ignore", "-c", START + code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("kind", ["few rows", "many rows"])
def test_many_threads_call_at_the_same_time(threads: int, kind: str) -> None:
    """From several Python threads, each with several OpenMP threads; four are more than there may be cores."""
    ends(f"""
wrong = []
def work():
    torch.set_num_threads({threads})
    wrong.extend(n for n in range(5) if not check({kind!r}))

callers = [threading.Thread(target=work) for _ in range(4)]
for caller in callers: caller.start()
for caller in callers: caller.join()
assert not wrong
""")


def test_few_and_many_rows_at_the_same_time_in_a_thread_pool() -> None:
    ends("""
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    assert all(pool.map(check, [*sizes] * 10))
""")


def test_a_thread_bound_to_one_core_counts_the_other_cores() -> None:
    """Otherwise no two threads would divide the hidden units, at half the speed."""
    code = """
import os, torch
torch.zeros(1 << 20).exp_()
from tidegate.engine.backends.llvm.launch.cores import cores
from tidegate.engine.backends.llvm.launch.threads import openmp
print(cores() if openmp() is not None else int(os.environ["CORES"]))
"""
    allowed = str(len(os.sched_getaffinity(0)))
    found = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_PROC_BIND": "true", "CORES": allowed},
    )
    assert found.stdout.strip() == allowed


def test_two_processes_at_once() -> None:
    code = START + 'assert all(check(kind) for kind in [*sizes] * 10); print("same")'
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in started] == ["same\n"] * 2


@FORK
@pytest.mark.parametrize("used", [True, False], ids=["after use", "before use"])
@pytest.mark.parametrize("kind", ["few rows", "many rows"])
def test_a_forked_child_computes_the_same(kind: str, used: bool) -> None:
    """It does not have its parent's threads, but with as many threads it computes the same, and so does the parent.

    PyTorch's own operations would wait for them, so the child has its inputs and looks at its results without them.
    """
    ends(f"""
layer, leaf = layers[{kind!r}], x[{kind!r}].clone().requires_grad_()
cotangent = torch.randn_like(x[{kind!r}])

def bare():
    output = layer(leaf)[0]
    values = [output.detach(), *torch.autograd.grad(output, [leaf, *layer.parameters()], cotangent)]
    return [value.numpy().tobytes() for value in values]

torch.set_num_threads({2 if used else 1})
assert all(map(check, sizes))
wanted = bare()
torch.set_num_threads(2)
child = fork()
same = all(bare() == wanted for _ in range(3))
if child == 0:
    os._exit(0 if same else 1)
assert same
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""")


@FORK
@pytest.mark.parametrize("threads", [2, 4])
def test_a_stepper_goes_on_in_a_forked_child(threads: int) -> None:
    """It was prepared for several threads, which the child does not have."""
    ends(f"""
torch.set_num_threads({threads})
layer, inputs = tidegate.nn.LSTM(64, 384), torch.randn(6, 1, 64)
with torch.no_grad():
    whole, stepper = layer.stepper(), layer.stepper()
    wanted = [whole(one).numpy().tobytes() for one in inputs]
    for one in inputs[:3]: stepper(one)
    child = fork()
    same = [stepper(one).numpy().tobytes() for one in inputs[3:]] == wanted[3:]
    if child == 0:
        os._exit(0 if same else 1)
    assert same
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
""")


@FORK
def test_children_of_a_process_whose_other_threads_are_at_work() -> None:
    ends("""
leaf = x["few rows"].clone()
with torch.no_grad(): wanted = layers["few rows"](leaf)[0].numpy().tobytes()
going = True
def work():
    while going: step("many rows"), step("few rows")

others = [threading.Thread(target=work) for _ in range(2)]
for other in others: other.start()
children = []
for _ in range(8):
    time.sleep(0.01)
    child = fork()
    if child == 0:
        with torch.no_grad(): found = layers["few rows"](leaf)[0].numpy().tobytes()
        os._exit(0 if found == wanted else 1)
    children.append(child)
ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
going = False
for other in others: other.join()
assert ended == [0] * 8, ended
""")


@FORK
def test_kernels_run_in_a_data_loader_worker() -> None:
    ends("""
class Computed(torch.utils.data.Dataset):
    def __len__(self): return 6
    def __getitem__(self, n):
        kind = [*sizes][n % 2]
        assert check(kind)
        return torch.tensor(n)

assert all(map(check, sizes))
for _ in range(2):
    loader = torch.utils.data.DataLoader(Computed(), num_workers=2, multiprocessing_context="fork")
    assert sorted(n.item() for n in loader) == list(range(6))
assert all(map(check, sizes))
""")


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("forked", [False, True], ids=["", "in a forked child"])
def test_an_interrupt_raises_after_the_current_call(train: bool, forked: bool) -> None:
    """After Ctrl-C while a kernel runs, that call ends and KeyboardInterrupt is raised."""
    code = f"""{START}
if {forked}:
    child = fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        raise SystemExit(status)
long = torch.randn(3000, 16, 96, requires_grad={train})
print(os.getpid(), flush=True)
try:
    while True:
        output = layers["many rows"](long)[0]
        if {train}: output.sum().backward()
except KeyboardInterrupt:
    assert all(map(check, sizes))
    print("interrupted", flush=True)
    os._exit(7)
"""
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        running = int(process.stdout.readline())
        time.sleep(0.7)
        os.kill(running, signal.SIGINT)
        try:
            said = process.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            os.kill(running, signal.SIGKILL)
            process.kill()
            raise
    assert (said, process.returncode) == ("interrupted\n", 7)
