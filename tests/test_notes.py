"""The notes, executable: every formula verified or refuted, and no wrong one verified."""

from __future__ import annotations

import ast
import functools
import json
import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from mutants import mutants

from tinygrad_notes import cli
from tinygrad_notes.notes import catalogue
from tinygrad_notes.notes.catalogue import CHAPTERS, SOURCES
from tinygrad_notes.notes.claims import Every, Gradient, Identity, Procedure, Value, size
from tinygrad_notes.notes.derivations import DERIVATIONS
from tinygrad_notes.notes.entry import Entry, Verification, right, text, wrong
from tinygrad_notes.notes.formula import Formula

LIST = Path(__file__).parent / "data" / "catalogue_ids.txt"
WANTED = dict(line.split() for line in LIST.read_text(encoding="utf-8").splitlines())
SAMPLE = 300


@functools.cache
def verified(chapter: str) -> dict[str, Verification]:
    return {entry.id: entry.verify() for entry in catalogue.chapter(chapter)}


def all_verified() -> dict[str, Verification]:
    return {id: result for chapter in CHAPTERS for id, result in verified(chapter).items()}


# ── the catalogue ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_row_is_there_once_with_its_verdict():
    assert len(WANTED) == 332
    assert {id: entry.expected for id, entry in catalogue.items()} == WANTED


def test_so_many_are_decided_by_computing():
    computed = [entry for entry in catalogue.values() if entry.claim is not None]
    assert len(computed) == 287
    assert sum(entry.expected == "refuted" for entry in computed) == 97
    assert len(catalogue) - len(computed) == 45


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_verdicts_are_those_beside_the_entries(chapter):
    found = verified(chapter)
    assert {id: r.verdict for id, r in found.items()} == {e.id: e.expected for e in catalogue.chapter(chapter)}
    assert [id for id, r in found.items() if not r] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_entries_are_complete(chapter):
    for entry in catalogue.chapter(chapter):
        assert re.search(r"00[0-4]:\d+", entry.where), entry.id
        assert entry.title.strip(), entry.id
        if entry.claim is not None:
            assert entry.latex, entry.id
            assert ast.parse(entry.code).body, entry.id
        if entry.slip:
            assert entry.repair, entry.id
            assert entry.repair != entry.code, entry.id
            assert entry.why, entry.id
        else:
            assert not entry.repair, entry.id


def test_refuted_ones_say_why_and_right_ones_what_agreed():
    for id, result in all_verified().items():
        assert bool(result.counterexample) == (result.verdict == "refuted"), id
        assert bool(result.evidence) == (result.verdict == "right"), id
        assert result.repaired == (True if result.verdict == "refuted" else None), id


def test_verification_is_the_same_twice():
    for id in ("logreg.dw-a", "fwd.zT", "cost.bce"):
        first, second = catalogue[id].verify(), catalogue[id].verify()
        assert (first.verdict, first.counterexample) == (second.verdict, second.counterexample)


def test_an_entry_shows_itself():
    assert repr(catalogue["graph.dv"]) == "<Entry graph.dv: dJ/dv = 3>"
    assert catalogue["graph.dv"]._repr_latex_() == r"$\displaystyle \frac{dJ}{dv} = 3$"
    assert catalogue["logreg.speed"]._repr_latex_() is None


def test_looking_up():
    assert catalogue["logreg.dz"].code == "dz = a - y"
    assert "bp.m-convention" in catalogue
    with pytest.raises(KeyError, match=r"did you mean logreg\.dz"):
        catalogue["logreg.dZ1"]
    with pytest.raises(KeyError, match="no chapter"):
        catalogue.chapter("chapter 3")
    assert all(e.expected == "refuted" for e in catalogue.filter("losses", "refuted"))
    assert len(catalogue.filter("losses", "refuted")) == 4


# ── no wrong formula is verified ─────────────────────────────────────────────────────────────────────────────────


def changed() -> list[tuple[Entry, str, str]]:
    every = [(e, what, code) for e in catalogue.values() if e.claim is not None for what, code in mutants(e.formula)]
    return random.Random(0).sample(every, min(SAMPLE, len(every)))


def test_changed_formulas_are_refuted():
    survivors = []
    sample = changed()
    for entry, what, code in sample:
        assert entry.claim is not None
        if entry.claim.decide(code, thorough=False).verdict == "right":
            survivors.append(f"{entry.id}: {what}")
    assert len(survivors) <= 0.05 * len(sample), survivors


def test_the_mutants_differ_from_the_formula():
    code = "dz = np.sum(a - y.T) * -1"
    found = [mutant for _, mutant in mutants(code)]
    assert len(found) == len(set(found)) >= 7
    assert ast.unparse(ast.parse(code)) not in found


def test_an_entry_with_a_wrong_verdict_beside_it_is_noticed():
    claim = Identity("z = w * x", {"w": "", "x": ""})
    assert not right("a", "t", "000:1", "z", "z = w + x", claim).verify()
    as_right = wrong("b", "t", "000:1", "z", "z = x * w", claim, right="z = w * x", slip="slip", why="it isn't")
    assert as_right.verify().verdict == "right"
    assert not as_right.verify()
    still_wrong = wrong("c", "t", "000:1", "z", "z = w + x", claim, right="z = w - x", slip="slip", why="+")
    assert still_wrong.verify().verdict == "refuted"
    assert not still_wrong.verify()
    assert text("d", "t", "000:1").verify()
    with pytest.raises(ValueError, match="typo"):
        wrong("e", "t", "000:1", "z", "z = w + x", claim, right="z = w * x", slip="typo", why="+")


# ── diagnosis ────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = {
    "logreg.partial-lost": ("wrong-operand", "dz uses L where da belongs"),
    "logreg.dw-a": ("scale", "a should be x1"),
    "logreg.vec-dw-sum": ("axis", "summed over too many axes"),
    "bp.1ex-nog": ("missing-local", "da1/dz1 is missing"),
    "bp.1ex-shapes": ("extra-local", "a factor too much"),
    "bp.dZ1-002": ("extra-local", "a factor too much"),
    "bp.L-1n": ("scale", "dW and db have a factor"),
    "bp.slide-dW1": ("wrong-operand", "A1 should be X"),
    "drop.backward-000": ("scale", "factor keep_prob too much"),
}
"""Slips of a kind that the diagnosis knows, and its words; shapes that don't fit are refuted by that."""


@pytest.mark.parametrize("id", NAMED)
def test_the_slip_is_named(id):
    kind, words = NAMED[id]
    result = verified(catalogue.chapter_of(id))[id]
    assert kind in result.slips
    assert result.report is not None
    assert any(words in slip.text for slip in result.report.slips)


def test_wrong_gradients_have_a_slip_named_or_a_shape_that_does_not_fit():
    """The others: several slips at once, or two arrays of which one has another layer's shape."""
    of_a_cost = [entry for entry in catalogue.filter(verdict="refuted") if entry.cost]
    unnamed = {e.id for e in of_a_cost if not verified(catalogue.chapter_of(e.id))[e.id].slips}
    assert unnamed <= {"logreg.vec-X", "logreg.vec-dw-times", "bp.picture", "bp.slide-dWL", "bp.slide-dZL1"}


# ── the judges ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_formula_knows_what_it_reads_and_gives():
    loop = Formula("s = 0\nfor i in range(n):\n    t = x[i]\n    s += t\n")
    assert (loop.inputs, loop.outputs, loop.last) == (["n", "x"], ["t", "s"], "s")
    assert loop(n=2, x=np.array([1.0, 2.0]))["s"] == 3
    assert Formula("w = w - alpha * dw").inputs == ["w", "alpha", "dw"]
    assert Formula("w -= dw").inputs == ["dw", "w"]
    assert Formula("y = [x[i] + k for i in range(3)]\nf = lambda t: t + c").inputs == ["x", "k", "c"]
    assert Formula("def f(a, b=d):\n    return a + g\ny = f(1)").inputs == ["d", "g"]
    assert Formula("a + b")(a=1, b=2) == {"result": 3}
    with pytest.raises(NameError, match="dw_w"):
        Formula("w = w - dw_w")(w=1.0)


def test_a_formula_never_writes_into_its_inputs():
    w = np.ones(2)
    assert np.all(Formula("w -= 1")(w=w)["w"] == 0)
    assert np.all(w == 1)


def test_gradients_are_decided():
    claim = Gradient("J = np.sum(x ** 2)", {"x": "n"})
    assert claim.decide("dx = 2 * x").verdict == "right"
    refuted = claim.decide("dx = 3 * x")
    assert refuted.verdict == "refuted"
    assert refuted.report is not None
    assert refuted.report.case is not None
    assert claim.decide("dy = 2 * x").evidence == "no derivative is assigned, only dy"
    assert claim.decide("dx = 2 * t").evidence == "NameError: name 't' is not defined"
    assert claim.decide("dx = x @ x @ x").verdict == "refuted"
    both = Gradient("J = np.sum(x * y)", {"x": "n", "y": "n"}, wrt="x y")
    assert both.decide("dx = y").verdict == "refuted"


def test_equations_compare_shapes_before_values_and_find_a_small_case():
    claim = Identity("s = np.sum(X, axis=1, keepdims=True)", {"X": "n m"})
    assert claim.decide("s = X @ np.ones((X.shape[1], 1))").verdict == "right"
    assert "shape (1,), right is (1, 1)" in claim.decide("s = np.sum(X, axis=1)").evidence
    small = claim.decide("s = np.sum(X, axis=1, keepdims=True) + 1").evidence
    assert small.startswith("n=1, m=1: X = [[")
    assert "LinAlgError" in claim.decide("s = np.linalg.inv(X)").evidence
    of_size = Identity("m = len(x)", {"x": "m", "m": ""}, {"m": size("m")})
    assert of_size.decide("k = m").verdict == "right"
    assert of_size.decide("k = m + 1").verdict == "refuted"
    names = Identity(lambda x: {"up": x + 1, "down": x - 1}, {"x": ""})
    assert names.decide("up = x + 1\ndown = x - 1").verdict == "right"
    assert "down is not computed" in names.decide("up = x + 1").evidence


def test_printed_numbers_have_room_for_their_last_digit_only():
    claim = Value(0.0067, within=5e-5, z=-5.0)
    assert claim.decide("a = sigmoid(z)").verdict == "right"
    assert Value(0.0068, within=5e-5, z=-5.0).decide("a = sigmoid(z)").verdict == "refuted"
    assert Value(1, z=1).decide("a = z / 0").evidence.endswith("ZeroDivisionError: division by zero")


def test_procedures_and_several_claims():
    claim = Procedure(lambda run: {"positive": run(x=2.0)["y"] > 0})
    assert claim.decide("y = x").evidence == "positive"
    assert claim.decide("y = -x").evidence == "not so: positive"
    assert claim.decide("y = x.nothing").verdict == "refuted"
    assert Every(claim, Value(4, x=2)).decide("y = x").verdict == "refuted"
    assert Every(claim, Value(4, x=2)).decide("y = x * x").verdict == "right"


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table(capsys):
    assert cli.main(["notes", "--chapter", "computation_graph"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Computation graph and derivatives\n  graph.forward ")
    assert "11 entries: 9 right, 1 refuted, 1 text; none disagree" in out


def test_json(capsys):
    assert cli.main(["notes", "--chapter", "losses", "--verdict", "refuted", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert len(entries) == 4
    assert {e["verdict"] for e in entries} == {"refuted"}
    assert all(e["right_verified"] and e["counterexample"] and e["seconds"] > 0 for e in entries)


def test_one_entry_in_full(capsys, tmp_path):
    file = tmp_path / "dz.svg"
    assert cli.main(["notes", "logreg.dz", "-o", str(file)]) == 0
    assert capsys.readouterr().out.startswith("logreg.dz: right\n  dz = a − y")
    assert file.read_text(encoding="utf-8").startswith("<")
    assert cli.main(["notes", "logreg.dww"]) == 0
    assert "NameError: name 'dw_w' is not defined" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nothing"], ["logreg.speed", "-o", "x.svg"], ["--html", "d", "--json"]])
def test_what_makes_no_sense_is_refused(arguments, capsys):
    assert cli.main(["notes", *arguments]) == 2
    assert capsys.readouterr().err.startswith("tinygrad-notes notes: ")


# ── the site ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Page(HTMLParser):
    """What a page refers to and holds, and whether its tags nest."""

    VOID = frozenset({"meta", "link", "img", "br", "input", "hr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag in ("a", "link"):
            self.links.append(values["href"])
        if tag == "img":
            self.images.append((values["src"], values["alt"]))
        if tag == "script":
            self.faults.append("a script")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory, found = tmp_path_factory.mktemp("site"), all_verified()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Entry, "verify", lambda entry: found[entry.id])  # once is enough
        assert cli.main(["notes", "--html", str(directory)]) == 0
    return directory


@pytest.fixture(scope="module")
def pages(site):
    return {p.relative_to(site).as_posix(): Page(p.read_text(encoding="utf-8")) for p in site.rglob("*.html")}


def test_pages_are_whole(pages):
    assert {f"{name}.html" for name in CHAPTERS} | {"index.html", "errata.html"} < set(pages)
    assert {f"derivation-{d.name}.html" for d in DERIVATIONS} < set(pages)
    for name, page in pages.items():
        assert (page.open, page.faults) == ([], []), name
        assert len(page.ids) == len(set(page.ids)), name


def test_every_link_leads_somewhere_on_this_disk(site, pages):
    for name, page in pages.items():
        for link in page.links:
            if link == "data:,":
                continue
            path, _, anchor = link.partition("#")
            target = ((site / name).parent / path).resolve() if path else site / name
            assert target.is_file(), (name, link)
            if anchor:
                assert unquote(anchor) in pages[target.relative_to(site.resolve()).as_posix()].ids, (name, link)


def test_pictures_are_there_and_described(site, pages):
    count = 0
    for name, page in pages.items():
        for source, description in page.images:
            assert (site / source).read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml")), name
            assert description, (name, source)
            count += 1
    assert count > 100


def test_every_entry_is_on_its_page_and_every_refuted_one_in_the_errata(pages):
    for name in CHAPTERS:
        assert [entry.id for entry in catalogue.chapter(name)] == pages[f"{name}.html"].ids
    refuted = {id for id, verdict in WANTED.items() if verdict == "refuted"}
    assert refuted == {id for id in pages["errata.html"].ids if not id.startswith("source-")}


def test_the_errata_are_sorted_by_source(pages):
    order = [id for id in pages["errata.html"].ids if not id.startswith("source-")]
    places = [re.search(r"(\d{3}):(\d+)", catalogue[id].where).groups() for id in order]
    assert [(a, int(b)) for a, b in places] == sorted((a, int(b)) for a, b in places)
    assert all(f"source-{number}" in pages["errata.html"].ids for number in SOURCES)


def test_derivations_have_all_their_steps():
    for derivation in DERIVATIONS:
        assert all(id in catalogue for id in derivation.steps), derivation.name
        assert all(catalogue[id].expected == "right" for id in derivation.steps), derivation.name
        assert derivation.graph().has_gradients


def chromium(*arguments: str) -> subprocess.CompletedProcess[str]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here")
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    return subprocess.run([browser, *common, *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["index", "logistic_regression", "errata", "derivation-graph"])
def test_a_browser_shows_the_page_at_phone_width_without_a_console_error(site, name, tmp_path):
    picture = tmp_path / f"{name}.png"
    ran = chromium(f"--screenshot={picture}", "--window-size=390,900", f"file://{site / name}.html")
    assert picture.stat().st_size > 10_000
    assert "CONSOLE" not in ran.stderr
