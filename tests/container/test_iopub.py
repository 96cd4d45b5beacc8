"""What a kernel publishes arrives whole and in order, whatever interrupts it."""

import pytest

SHOWN = 2000
# IPython's own way there swallows an exception now and then.
SHOW = """
kernel = get_ipython().kernel
def show(number):
    content = {"data": {"text/plain": str(number)}, "metadata": {}}
    parent = kernel.get_parent()
    kernel.session.send(kernel.iopub_socket, "display_data", content, parent=parent)
"""
ALARMS = f"""{SHOW}
import signal
class Alarm(BaseException): pass
armed, shown, raised = False, 0, 0
def ring(*_):
    global armed
    if armed:
        armed = False
        raise Alarm
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
while shown < {SHOWN}:
    try:
        armed = True
        show(shown)
        armed = False
        shown += 1
    except Alarm:
        raised += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert raised > 20, raised
"""
INTERRUPTS = f"""{SHOW}
import os, signal, threading, time
ready, shown, raised, over = False, 0, 0, False
def interrupt():
    global ready
    while not over:
        time.sleep(0.0005)
        if ready:
            ready = False
            os.kill(os.getpid(), signal.SIGINT)
interrupting = threading.Thread(target=interrupt)
interrupting.start()
while not over:
    try:
        while shown < {SHOWN}:
            ready = True
            show(shown)
            shown += 1
        ready = False
        time.sleep(0.05)
        over = True
    except KeyboardInterrupt:
        raised += 1
interrupting.join()
assert raised > 20, raised
"""
RACES = """
import random, sys, time
sys.stdout.flush_interval = 0.001
for n in range(400):
    print("printed", n)
    until = time.perf_counter() + random.uniform(0.0005, 0.003)
    while time.perf_counter() < until:
        pass
    display(f"shown {n}")
"""


@pytest.mark.parametrize("code", [ALARMS, INTERRUPTS], ids=["alarms", "interrupts"])
async def test_a_signal_in_the_middle_of_a_message_costs_none(start_kernel, code):
    kernel = await start_kernel()

    reply = await kernel.run(code)
    shown = [o for o in kernel.outputs if o["output_type"] == "display_data"]
    numbers = [int(output["data"]["text/plain"]) for output in shown]

    assert reply.status == "ok", (reply, [o for o in kernel.outputs if "data" not in o][:3])
    assert sorted(set(numbers)) == list(range(SHOWN))
    assert numbers == sorted(numbers)


async def test_what_was_printed_comes_before_what_is_shown_after_it(start_kernel):
    kernel = await start_kernel()

    await kernel.run(RACES)
    told = "".join(o.get("text") or o["data"]["text/plain"] for o in kernel.outputs)

    assert told == "".join(f"printed {n}\n'shown {n}'" for n in range(400))
