"""What a sweep tells while it runs: how far it is, what it costs, and signed messages to a URL."""

import http.server
import json
import threading

import pytest

import physim
from physim.events import Meter
from physim.executor import Failure, Local, Needs
from physim.sweep import sweep
from physim.webhook import SEVERAL, Webhook, signature, signed_by

SHOT = physim.Shot(photo="skimage:coffee.png", things=[], seconds=0.2)
PLAN = [{"seed": number} for number in range(4)]


class Told:
    """An executor that gives what it was told: times [s] or failures."""

    def __init__(self, *answers):
        self.answers = answers

    def run(self, work, jobs):
        for number, answer in enumerate(self.answers):
            if isinstance(answer, BaseException):
                raise answer
            yield number, answer


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent; answers with the next of ``answers``, then 200."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("physim.webhook.time.sleep", lambda seconds: None)


def test_every_run_is_told_with_the_time_and_the_cost_of_all(tmp_path):
    told = []
    failure = Failure("it took longer than 3 s", 2)
    table = sweep(SHOT, PLAN, tmp_path, executor=Told(36.0, failure, 36.0, 36.0), on_event=told.append, price=10)
    assert [event.kind for event in told] == ["started", "done", "failed", "done", "done", "finished"]
    assert [event.done for event in told] == [0, 1, 2, 3, 4, 4]
    assert [event.key for event in told[1:5]] == [run.key for run in table]
    assert told[2].error == failure.text and [event.failed for event in told] == [0, 0, 1, 1, 1, 1]
    assert told[0].left is None and told[0].expected_cost is None
    assert told[1].cost == pytest.approx(0.1) and told[1].expected_cost == pytest.approx(0.4)  # 36 s of 10 an hour
    assert told[-1].spent == pytest.approx(108) and told[-1].left == 0
    assert (tmp_path / "runs" / table[1].key / "error.txt").read_text() == failure.text + "\n"


def test_what_is_left_follows_from_what_was_done_here_and_not_from_what_was_there(monkeypatch):
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr("physim.events.time.monotonic", lambda: next(clock))
    meter = Meter("folder", total=100, there=90)
    assert meter.add("a", 10.0).left == pytest.approx(90.0)
    event = meter.add("b", 10.0)
    assert event.left == pytest.approx(80.0) and event.expected == pytest.approx(100.0)
    assert event.in_words() == "runs 92 of 100; 20 s so far, 80 s left"


def test_a_sweep_that_is_interrupted_says_so(tmp_path):
    told = []
    with pytest.raises(KeyboardInterrupt):
        sweep(SHOT, PLAN, tmp_path, executor=Told(1.0, KeyboardInterrupt()), on_event=told.append)
    assert [event.kind for event in told] == ["started", "done", "stopped"] and told[-1].done == 1


def test_messages_are_signed_and_nobody_else_can_sign_or_send_them_again(receiver, tmp_path):
    with Webhook(receiver.url, "secret", every=0.0) as webhook:
        sweep(SHOT, PLAN, tmp_path, executor=Told(1.0, 1.0, 1.0, Failure("it broke", 1)), on_event=webhook)
    kinds = [json.loads(body)["kind"] for _, body in receiver.got]
    assert kinds == ["started", "done", "done", "done", "failed", "finished"]
    headers, body = receiver.got[-2]
    assert json.loads(body)["error"] == "it broke" and json.loads(body)["done"] == 4
    assert signed_by("secret", headers, body)
    assert not signed_by("another", headers, body)
    assert not signed_by("secret", headers, body + b" ")
    later = int(headers["X-Physim-Timestamp"]) + 301
    assert not signed_by("secret", headers, body, now=later)
    assert not signed_by("secret", {**headers, "X-Physim-Timestamp": str(later)}, body, now=later)
    assert not signed_by("secret", {}, body)


def test_the_signature_is_hmac_sha256_of_time_and_body():
    """Against OpenSSL: printf '1700000000.{}' | openssl dgst -sha256 -hmac key"""
    value = "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    assert signature(b"{}", "key", 1700000000) == {"X-Physim-Timestamp": "1700000000", "X-Physim-Signature": value}


def test_a_message_is_sent_again_and_in_the_end_given_up_without_harm(receiver, tmp_path, caplog):
    receiver.answers = [500, 302, 200]
    with Webhook(receiver.url) as webhook:
        webhook(Meter("folder", 1, 0).event("started"))
    assert len(receiver.got) == SEVERAL and webhook.lost == 0
    receiver.answers = [503] * SEVERAL
    with Webhook(receiver.url) as webhook:
        webhook(Meter("folder", 1, 0).event("started"))
    assert webhook.lost == 1 and "after 3 attempts" in caplog.text
    assert all(path.get("X-Physim-Signature") is None for path, _ in receiver.got)
    receiver.server_close()
    table = None
    with Webhook(receiver.url) as webhook:  # nobody is there
        table = sweep(SHOT, PLAN, tmp_path, executor=Told(1.0, 1.0, 1.0, 1.0), on_event=webhook)
    assert len(table) == 4 and webhook.lost == 3  # started, the first run, finished


def test_runs_are_reported_now_and_then_but_failures_always(receiver):
    meter = Meter("folder", 100, 0)
    with Webhook(receiver.url, every=60.0) as webhook:
        for number in range(50):
            webhook(meter.add(str(number), 1.0, "broken" if number == 30 else ""))
    assert [json.loads(body)["key"] for _, body in receiver.got] == ["0", "30"]


@pytest.mark.parametrize("url", ["ftp://host/x", "host", "file:///etc/passwd", "http://"])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(ValueError, match="expected http"):
        Webhook(url)


def test_what_a_machine_does_not_have_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match=r"asks for 1 CPU, 99 GPU, but this machine has \d+ CPU, \d+ GPU"):
        sweep(SHOT, PLAN, tmp_path, needs=Needs(gpus=99))
    with pytest.raises(ValueError, match="asks for 1000 CPU"):
        Local(needs=Needs(cpus=1000))
    with pytest.raises(ValueError, match="expected cores above 0"):
        Needs(cpus=0)
    with pytest.raises(ValueError, match="price is -1"):
        sweep(SHOT, PLAN, tmp_path, executor=Told(), price=-1)
    assert not list(tmp_path.iterdir())


def test_several_shots_are_swept_into_one_table_that_names_them(tmp_path):
    other = SHOT.model_copy(update={"seconds": 0.4})
    paths = [shot.save(tmp_path / name) for shot, name in ((SHOT, "a.yaml"), (other, "b.yaml"))]
    table = sweep(paths, PLAN[:2], tmp_path / "out", executor=Told(1.0, 1.0, 1.0, 1.0))
    assert [run.values for run in table] == [{"shot": name, "seed": seed} for name in "ab" for seed in (0, 1)]
    assert len({run.key for run in table}) == 4
    with pytest.raises(ValueError, match="a, run 1  seed"):
        sweep(paths, [{}, {"seed": -1}], tmp_path / "out", executor=Told())
