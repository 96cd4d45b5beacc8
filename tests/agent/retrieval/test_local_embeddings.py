"""Embeddings made in the service: real weights, real meanings, and nothing sent anywhere."""

import subprocess
import sys

import pytest

from agent.models import local_embeddings
from agent.models.local_embeddings import LEAST_LIKENESS, LocalEmbeddings
from kernel_gateway.store.embeddings import vector_bytes
from tests.conftest import exchange
from tests.waiting import eventually

ANSWERED = "\n\nIt is in outputs/result.xlsx: 120 rows, 12,345.67 in all."
OTHER_WORDS = (
    ("How did turnover by client develop?", "Show revenue per customer over the months"),
    ("What do we owe our suppliers?", "List the accounts payable by vendor"),
    ("Which bills are late?", "Overdue invoices by days past due"),
    ("staff costs last year", "Payroll and salaries for 2024"),
    ("In which tab do I find our turnover?", "Our sales data is in Sheet1 column B"),
    ("Depreciate the van over five years", "write-down of the vehicle, straight line, 5 years"),
    ("cash left in the bank at month end", "closing balance of the bank account per month"),
    ("Which products sell best", "Top items by units sold"),
)
UNLIKE = ("What is the weather like?", "thanks", "Make the header bold")


def likeness(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True)) / 127**2


async def vectors(texts, *, question):
    made = await LocalEmbeddings().embed(texts, "", question=question)
    return [memoryview(vector_bytes(each)).cast("b").tolist() for each in made]


async def test_a_question_is_near_to_the_request_that_means_the_same_in_other_words():
    """The nearest of eight for seven of them, one of the two nearest for all."""
    asked = await vectors([question for question, _ in OTHER_WORDS], question=True)
    known = await vectors([text + ANSWERED for _, text in OTHER_WORDS], question=False)

    places = []
    for place, question in enumerate(asked):
        near = [likeness(question, each) for each in known]
        places.append(sorted(near, reverse=True).index(near[place]))
        assert near[place] >= LEAST_LIKENESS, (OTHER_WORDS[place], near[place])
    assert sorted(places)[:7] == [0] * 7
    assert max(places) <= 1


async def test_what_has_nothing_to_do_with_it_is_not_near():
    asked = await vectors(UNLIKE, question=True)
    known = await vectors([text + ANSWERED for _, text in OTHER_WORDS], question=False)

    assert max(likeness(a, k) for a in asked for k in known) < LEAST_LIKENESS


@pytest.mark.parametrize("text", ["", " \n\n ", "\ud800", "\0", "漢字 😀", "x" * 100_000])
async def test_any_text_has_a_vector_of_256_numbers(text):
    [made] = await LocalEmbeddings().embed([text], "", question=True)

    assert len(made) == 256
    assert all(number == number for number in made)


def test_they_are_loaded_with_the_first_text_and_take_less_than_50_mb():
    program = (
        "import asyncio, sys, numpy\n"
        "from agent.models.local_embeddings import LocalEmbeddings\n"
        "def held():\n"
        "    status = open('/proc/self/status').read()\n"
        "    return int(status.partition('VmRSS:')[2].split()[0]) / 1024\n"
        "made = LocalEmbeddings()\n"
        "assert 'tokenizers' not in sys.modules and 'wordllama' not in sys.modules\n"
        "before = held()\n"
        "asyncio.run(made.embed(['revenue per customer'] * 100, '', question=True))\n"
        "print(held() - before)\n"
        "assert 'wordllama' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stderr == ""
    assert float(done.stdout) < 50


async def test_what_was_said_in_other_words_is_found_and_no_text_leaves_for_it(start_gateway):
    asked, said = OTHER_WORDS[6]
    script = [*exchange(said, {"text": "Listed."}), *exchange(asked, {"text": "As listed."})]
    running = await start_gateway(script, embedding_model="local")
    first = await running.conversation()
    await first.ask(said)
    rows = running.gateway.services.repository.embeddings
    name = local_embeddings.NAME
    await eventually("it is embedded", lambda: rows.has_any("local", "local", name, without=""))
    today = await running.conversation()

    await today.ask(asked)

    found = today.of_kind("context.used")[0]["found"]["past_turns"]
    assert [each["conversation"] for each in found] == [first.id]
    assert running.standin.embedded == []


async def test_without_the_extra_the_service_does_not_start_and_names_it(tmp_path):
    program = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'wordllama' else real(n, *a)\n"
        "from kernel_gateway.__main__ import main\n"
        "sys.argv = ['tallybook', 'serve', '--port', '0', '--data-dir', sys.argv[1]]\n"
        "main()\n"
    )
    environment = {
        "TALLYBOOK_EMBEDDING_MODEL": "local",
        "GEMINI_API_KEY": "k",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip

    assert done.returncode != 0
    assert "pip install 'tallybook[embeddings]'" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
