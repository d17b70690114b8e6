"""Where remembered replies live: nothing paid for is lost, and nothing else written."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
from judges import ai, question, remembered

from pytest_evalmd.judge import spool as spool_module
from pytest_evalmd.judge import store as module
from pytest_evalmd.judge.question import digest
from pytest_evalmd.judge.recordings import RecordingError, read_recordings
from pytest_evalmd.judge.spool import (
    NotRememberedError,
    check_no_secret,
    recordings_path,
)
from pytest_evalmd.judge.store import CaseReplies, fold

SECRET = 'sk-live-0123456789"\\é'


def reply(prompt="P", sample=0, **fields):
    return remembered(question(ai(prompt=prompt), answer="A"), sample, **fields)


def spool(case, *replies, run="run-1"):
    known = CaseReplies(case, run)
    for one in replies:
        known.remember(one, ())
    return known


def spooled(folder):
    return sorted((folder / "__evalmd__" / ".spool").glob("*.json"))


def recorded(case):
    return read_recordings(recordings_path(case).read_text(encoding="utf-8"))


def by_key(*replies):
    return {one.key: one for one in replies}


def fold_all(folder, keep=None, keys=()):
    return fold(folder, keep or {}, keys)


@pytest.fixture
def case(tmp_path):
    return tmp_path / "case.md"


def test_on_disk_before_anything_else_happens(case):
    spool(case, reply())

    (file,) = spooled(case.parent)
    assert json.loads(file.read_text())["reply"]["response"] == "calm"
    assert not recordings_path(case).exists()
    assert (case.parent / "__evalmd__/.spool/.gitignore").read_text() == "*\n"
    assert CaseReplies(case, "another run").by_key == by_key(reply())


def test_folding_empties_the_spool(case):
    spool(case, reply("a"), reply("b"), reply("a", 1))

    folded = fold_all(case.parent)

    assert folded.problems == []
    assert recorded(case) == by_key(reply("a"), reply("b"), reply("a", 1))
    assert spooled(case.parent) == []
    assert CaseReplies(case, "later").by_key == recorded(case)


def test_folding_adds_to_what_is_there(case):
    spool(case, reply("a"))
    fold_all(case.parent)
    spool(case, reply("b"), reply("a", response="angry"))
    fold_all(case.parent)

    assert recorded(case) == by_key(reply("a", response="angry"), reply("b"))


def ask_anew(case, *replies, samples=1):
    """Have replies take the place of older ones, in a run of its own."""
    known = CaseReplies(case, "anew")
    for one in replies:
        known.remember(one, (), (one.sample // samples + 1) * samples)
    return known


@pytest.mark.parametrize("response", ["calm", "new"])
def test_a_reply_that_is_replaced_ends_its_vote(case, response):
    """Or later rounds of an older vote would decide the next one."""
    spool(case, *(reply("a", n) for n in range(4)), reply("b", 1))
    fold_all(case.parent)
    # They may come in any order.
    new = [reply("a", 2, response=response), reply("a", 0, response=response)]
    expected = by_key(*new, reply("b", 1))

    known = ask_anew(case, *new)

    assert known.by_key == expected
    assert [one.sample for one in known.replaced] == [2, 3, 0, 1]
    assert CaseReplies(case, "after a crash").by_key == expected
    fold_all(case.parent)
    assert recorded(case) == expected


def test_samples_of_a_round_are_no_votes(case):
    old = [reply("a", n) for n in range(6)]
    spool(case, *old)
    fold_all(case.parent)

    known = ask_anew(case, reply("a", 0, response="new"), samples=3)

    expected = by_key(reply("a", 0, response="new"), *old[1:3])
    assert known.by_key == expected
    fold_all(case.parent)
    assert recorded(case) == expected


def test_what_ends_a_vote_leaves_the_spool_first(case, monkeypatch):
    """Folded again after a crash, it would end the vote that it began."""
    prompt = next(p for p in "abcdefgh" if reply(p, 0).key > reply(p, 1).key)
    spool(case, *(reply(prompt, n) for n in range(3)))
    fold_all(case.parent)
    ask_anew(case, *(reply(prompt, n, response="new") for n in range(2)))
    unlinked = []
    monkeypatch.setattr(
        module.Path, "unlink", lambda file, **_: unlinked.append(file.name)
    )

    fold_all(case.parent)

    spooled_first = next(name for name in unlinked if name.endswith(".json"))
    assert spooled_first == f"{digest(case.name)}-{reply(prompt, 0).key}.json"
    new = (reply(prompt, n, response="new") for n in range(2))
    assert recorded(case) == by_key(*new)


def test_folding_nothing_writes_nothing(case):
    assert fold_all(case.parent).problems == []
    assert list(case.parent.iterdir()) == []

    spool(case, reply())
    fold_all(case.parent)
    before = recordings_path(case).stat()
    spool(case, reply())  # the same once more
    fold_all(case.parent, {"case.md": lambda _: True})

    assert recordings_path(case).stat().st_mtime_ns == before.st_mtime_ns
    assert recordings_path(case).stat().st_ino == before.st_ino


def test_the_order_in_which_replies_came_does_not_show(tmp_path):
    replies = [reply(prompt, n) for prompt in "abc" for n in range(2)]
    for name, ordered in (("x", replies), ("y", replies[::-1])):
        (tmp_path / name).mkdir()
        spool(tmp_path / name / "case.md", *ordered)
        fold_all(tmp_path / name)

    x, y = (recordings_path(tmp_path / n / "case.md").read_bytes() for n in "xy")
    assert x == y


def test_cases_of_one_name_in_two_folders(tmp_path):
    one, other = tmp_path / "x/a.md", tmp_path / "y/a.md"
    for case, response in ((one, "calm"), (other, "angry")):
        case.parent.mkdir()
        spool(case, reply(response=response))
    fold_all(one.parent)

    assert recorded(one)[reply().key].response == "calm"
    assert not recordings_path(other).exists()
    assert CaseReplies(other, "r").by_key[reply().key].response == "angry"


@pytest.mark.parametrize(
    "name",
    [
        *("a b.md", "ä.md", "a.b.md", "-x.md", "a%s{}.md", "a'b\".md", "fall 1 [x].md"),
        *(".md.md", "*.md", "a\nb.md", "日本語.md", "a;b&c$(d).md", "..md", "...md"),
    ],
)
def test_names_of_cases(tmp_path, name):
    case, other = tmp_path / name, tmp_path / "other.md"
    spool(case, reply("a"))
    spool(other, reply("b"))

    assert fold_all(tmp_path).problems == []

    assert recorded(case) == by_key(reply("a"))
    assert recorded(other) == by_key(reply("b"))
    everything = {p for p in tmp_path.rglob("*") if p.is_file()}
    assert {p.parent.name for p in everything} == {"__evalmd__", ".spool"}


def test_a_symlinked_case_has_its_replies_beside_the_link(tmp_path):
    real = tmp_path / "real/case.md"
    link = tmp_path / "linked/link.md"
    for folder in (real.parent, link.parent):
        folder.mkdir()
    real.write_text("x")
    link.symlink_to(real)
    spool(link, reply())
    fold_all(link.parent)

    assert recorded(link) == by_key(reply())
    assert list(real.parent.iterdir()) == [real]


BROKEN = {
    "no JSON": b"{",
    "no UTF-8": b'\xff\xfe{"format"',
    "another format": b'{"format": "evalmd-recordings/9", "measures": {}}',
    "a conflict": b"<<<<<<< HEAD\n{}\n=======\n",
    "empty": b"",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_said_and_never_overwritten(case, data):
    spool(case, reply())
    other = case.with_name("other.md")
    spool(other, reply("b"))
    path = recordings_path(case)
    path.write_bytes(data)

    with pytest.raises(RecordingError) as caught:
        CaseReplies(case, "r")
    folded = fold_all(case.parent, {"case.md": lambda _: False})

    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; mend or delete it")
    assert [file for file, _ in folded.problems] == [path]
    assert path.read_bytes() == data
    assert len(spooled(case.parent)) == 1  # and its reply is not lost
    assert recorded(other) == by_key(reply("b"))  # nor does it hold up another

    path.unlink()
    fold_all(case.parent)
    assert recorded(case) == by_key(reply())


def test_a_recordings_file_that_is_a_folder(case):
    spool(case, reply())
    recordings_path(case).mkdir()

    with pytest.raises(RecordingError, match=r"case\.json: .*mend or delete"):
        CaseReplies(case, "r")
    assert len(fold_all(case.parent).problems) == 1
    assert len(spooled(case.parent)) == 1


def hostile(folder, name, **entry):
    """Put a reply into the spool that says that it is of another case."""
    good = folder / "good.md"
    spool(good, reply())
    (file,) = spooled(folder)
    plain = json.loads(file.read_text()) | {"case": name} | entry
    file.unlink()
    target = file.with_name(f"{digest(str(name))}-{reply().key}.json")
    target.write_text(json.dumps(plain), encoding="utf-8")
    return target


@pytest.mark.parametrize(
    "name",
    [
        *("../out.md", "/tmp/evalmd-out.md", "..", ".", "", "a/b.md", "../../x"),
        *("\0.md", "a\0b.md", "\ud800.md", "x" * 5000, "case.txt", "case", "/"),
        *(None, 7, ["a.md"], {"a": 1}),
    ],
)
def test_a_spooled_name_leads_nowhere_else(tmp_path, name):
    folder = tmp_path / "in/side"
    folder.mkdir(parents=True)
    case = folder / "case.md"
    hostile(folder, name)
    spool(case, reply("mine"))

    fold_all(folder)

    assert recorded(case) == by_key(reply("mine"))
    outside = {
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.parent.name not in ("__evalmd__", ".spool")
    }
    assert outside == set()


@pytest.mark.parametrize(
    "entry",
    [
        {"question": None},
        {"question": []},
        {"reply": "x"},
        {"reply": {"key": "../../x", "sample": 0}},
        {"measure": {"a": 1}, "reply": None},
    ],
)
def test_a_spooled_reply_that_is_none(tmp_path, entry):
    file = hostile(tmp_path, "good.md", **entry)

    assert fold_all(tmp_path).problems == []
    assert CaseReplies(tmp_path / "good.md", "r").by_key == {}
    assert file.exists()
    assert not recordings_path(tmp_path / "good.md").exists()


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 99999, b"null", b'{"case":1}'])
def test_a_spool_file_that_was_cut_off(case, data):
    spool(case, reply("a"))
    (
        case.parent / f"__evalmd__/.spool/{digest('case.md')}-{'0' * 16}.json"
    ).write_bytes(data)

    assert CaseReplies(case, "r").by_key == by_key(reply("a"))
    assert fold_all(case.parent).problems == []
    assert recorded(case) == by_key(reply("a"))


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": f"The key is {SECRET}."},
        {"response": {SECRET: 1}},
        {"response": [SECRET, "\ud800"]},
        {"model": SECRET},
    ],
)
def test_a_key_is_never_written(case, fields):
    known = CaseReplies(case, "r")
    holding = reply(**fields)

    with pytest.raises(NotRememberedError, match="it holds the value of an API"):
        known.remember(holding, {SECRET})

    assert known.find(holding.key) == holding  # this run may use it
    assert spooled(case.parent) == []

    spool(case, holding)  # as by a run that knew no better
    folded = fold_all(case.parent, keys={SECRET})
    assert folded.problems == [
        (recordings_path(case), "it holds the value of an API key")
    ]
    assert not recordings_path(case).exists()


def test_what_counts_as_a_key():
    check_no_secret("a test", {"", "test", "1234567"})
    with pytest.raises(NotRememberedError):
        check_no_secret("12345678", {"12345678\n"})  # as from a file


def full_disk(*_args, **_more):
    raise OSError(28, "No space left on device")


def test_a_full_disk(case, monkeypatch):
    known = CaseReplies(case, "r")
    monkeypatch.setattr(spool_module, "write_new", full_disk)

    with pytest.raises(NotRememberedError, match=r"^No space left on device$"):
        known.remember(reply(), ())
    assert known.find(reply().key, fresh_only=True) == reply()


def test_a_full_disk_when_the_spool_is_folded(case, monkeypatch):
    spool(case, reply())
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomically", full_disk)
        (problem,) = fold_all(case.parent).problems

    assert problem[0] == recordings_path(case)
    assert "No space left on device" in problem[1]
    assert CaseReplies(case, "r").by_key == by_key(reply())
    fold_all(case.parent)
    assert recorded(case) == by_key(reply())


def test_a_folder_that_can_not_be_made(tmp_path):
    case = tmp_path / "case.md"
    (tmp_path / "__evalmd__").write_text("a file is in its place")

    with pytest.raises(NotRememberedError):
        CaseReplies(case, "r").remember(reply(), ())


def test_a_spool_that_can_not_be_locked(case, monkeypatch):
    spool(case, reply())

    def no_locks(_handle):
        raise OSError(37, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr("pytest_evalmd.judge.locks._lock", no_locks)
        problems = fold_all(case.parent).problems

    assert problems == [(case.parent / "__evalmd__", "No locks available")]
    assert len(spooled(case.parent)) == 1


def test_only_replies_of_this_session_are_fresh(case):
    spool(case, reply("a"), run="yesterday")
    fold_all(case.parent)
    spool(case, reply("b"), run="crashed")
    spool(case, reply("c"), run="today")

    known = CaseReplies(case, "today")

    found = {p: known.find(reply(p).key, fresh_only=True) for p in "abc"}
    assert found == {"a": None, "b": None, "c": reply("c")}
    assert known.by_key == by_key(*map(reply, "abc"))
    assert known.find("0" * 16) is None


def test_what_another_process_got_meanwhile(case):
    early = CaseReplies(case, "run-1")
    spool(case, reply("a"), run="run-1")
    spool(case, reply("b"), run="run-2")

    assert early.find_late(reply("b").key, fresh_only=True) is None
    assert early.find_late(reply("a").key, fresh_only=True) == reply("a")
    assert early.find(reply("a").key, fresh_only=True) == reply("a")
    assert early.find_late(reply("b").key, fresh_only=False) == reply("b")


def test_what_another_process_got_and_folded_meanwhile(case):
    early = CaseReplies(case, "run-1")
    spool(case, reply("a"), run="run-2")
    fold_all(case.parent)

    assert early.find_late(reply("a").key, fresh_only=True) is None
    assert early.find_late(reply("a").key, fresh_only=False) == reply("a")
    recordings_path(case).write_text("broken meanwhile")
    assert early.find_late(reply("b").key, fresh_only=False) is None
    assert early.find(reply("a").key) == reply("a")


def test_dropping_what_is_not_kept(case):
    spool(case, *map(reply, "abc"))
    other = case.with_name("other.md")
    spool(other, reply())

    keep = {"case.md": lambda one: one.question.prompt == "b"}
    folded = fold_all(case.parent, keep)

    assert folded.dropped[recordings_path(case)] == 2
    assert recorded(case) == by_key(reply("b"))
    assert recorded(other) == by_key(reply())
    fold_all(case.parent, {"case.md": lambda _: False})
    assert not recordings_path(case).exists()
    assert recorded(other) == by_key(reply())


def test_folds_in_one_process_at_once(case):
    def work(number):
        spool(case, *(reply(f"{number} {n}") for n in range(5)), run=str(number))
        assert fold_all(case.parent).problems == []

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert recorded(case) == by_key(
        *(reply(f"{number} {n}") for number in range(6) for n in range(5))
    )


FOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_store import fold_all, reply, spool
case, me = Path(sys.argv[2]), sys.argv[3]
for n in range(20):
    spool(case, reply(f"{me} {n}"), run=me)
    assert not fold_all(case.parent).problems
"""


def test_folds_in_several_processes_lose_nothing(case, request):
    here = str(request.path.parent)
    workers = [
        subprocess.Popen([sys.executable, "-c", FOLDER, here, str(case), str(n)])
        for n in range(3)
    ]

    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert recorded(case) == by_key(
        *(reply(f"{me} {n}") for me in range(3) for n in range(20))
    )
    assert spooled(case.parent) == []
