"""The folder of a report."""

import dataclasses
import functools
import json
import os
import re
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from ricenet_v2.cli import report
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.fingerprinting import inspection
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.report import ReportSection, SectionFigure
from ricenet_v2.reporting.case.scan import read_scan
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.reporting.results.write import _members, write_report
from ricenet_v2.store import tables
from ricenet_v2.store.workspace import dataset_paths
from tests.hostile_case import deadly, endless_file, read_endless

pytestmark = pytest.mark.usefixtures("small_work")
RESEARCH = "Research use only. Not a medical device."
HOSTILE = "<script>alert('a & b')</script>"


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and tag != "image" and not value.startswith("data:"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)


@functools.cache  # hundreds of links lead to the first page, which is large
def _links(page):
    parser = _Links()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def _sources(workspace):
    paths = dataset_paths(NAME, workspace)
    return read_sources(paths, "auto", "all", [workspace / "predictions"])


def _few(workspace):
    """Only four cases, none of them predicted: pictures take their time."""
    sources = _sources(workspace)
    some = {name: sources.cases[name] for name in ("PH0001", "PH0002", "PH0003", "PH0021")}
    return dataclasses.replace(sources, cases=some, results=())


def test_every_link_leads_to_something_inside(reported):
    pages = sorted(reported.rglob("*.html"))
    assert len(pages) == 1 + 1 + 23  # first page, plan, cases
    for page in pages:
        found = _links(page)
        assert len(set(found.ids)) == len(found.ids)
        for link in found.links:
            path, _, anchor = link.partition("#")
            target = (page.parent / unquote(path)).resolve() if path else page
            assert target.is_file(), f"{page.name} links to {link}"
            assert target.is_relative_to(reported)
            if anchor and target.suffix == ".html":
                assert anchor in _links(target).ids


def test_every_page_and_every_picture_says_what_it_is_for(reported):
    for page in [*reported.rglob("*.html"), *(reported / "pictures").rglob("*.svg")]:
        text = re.sub(r"base64,[^\"]+", "", page.read_text(encoding="utf-8"))
        assert RESEARCH in text, page
        assert not re.search(r"diagnos", text, re.IGNORECASE)


def test_pages_name_nobody_but_the_case(tmp_path, simulated):
    sources = _sources(simulated)
    cases = {
        name: dataclasses.replace(case, patient_id=f"SECRET{n}")
        for n, (name, case) in enumerate(sources.cases.items())
    }
    secret = dataclasses.replace(sources, cases=cases, raw=None)
    write_report(secret, tmp_path / "out", ["ricenet_report"])
    for path in (tmp_path / "out").rglob("*.*"):
        if path.suffix in (".html", ".csv", ".json"):
            text = path.read_text(encoding="utf-8")
            assert "SECRET" not in text
            assert "patient_id" not in text


def test_numbers_are_those_of_the_sources(reported, simulated):
    sources = _sources(simulated)
    index = (reported / "index.html").read_text(encoding="utf-8")
    for result in sources.results:
        for metric in result.evaluation.metrics:
            assert metric.name in index
            if metric.value is not None:
                assert f"{metric.value:.3f}" in index
    rows = tables.read_rows(reported / "data" / "cases.csv")
    assert len(rows) == 23
    by_id = {row["case_id"]: row for row in rows}
    for one in sources.results[1].cases:
        row = by_id[one.case_id]
        assert float(row["prob_recurrence"]) == one.probabilities[1]
        page = (reported / "cases" / f"{one.case_id}.html").read_text(encoding="utf-8")
        assert f"{one.probabilities[1]:.2f}" in page
        assert one.predicted in page
    metrics = tables.read_rows(reported / "data" / "out_of_fold_metrics.csv")
    told = {(row["set"], row["metric"]): row["value"] for row in metrics}
    for metric in sources.results[0].evaluation.metrics:
        want = "" if metric.value is None else repr(metric.value)
        assert told["all", metric.name] == want


def test_parts_of_other_commands_stand_on_their_pages(reported):
    assert "Occlusion" in (reported / "index.html").read_text(encoding="utf-8")
    own = (reported / "cases" / "PH0001.html").read_text(encoding="utf-8")
    other = (reported / "cases" / "PH0002.html").read_text(encoding="utf-8")
    assert "Occlusion" in own
    assert "Occlusion" not in other
    assert (reported / "parts" / "0" / "mean.png").is_file()


def test_what_users_write_is_escaped(tmp_path, simulated):
    sources = _sources(simulated)
    cases = {
        name: dataclasses.replace(case, covariates={**case.covariates, "site": HOSTILE})
        for name, case in sources.cases.items()
    }
    dataset = dataclasses.replace(sources.dataset, description=HOSTILE, name=HOSTILE)
    hostile = dataclasses.replace(sources, cases=cases, dataset=dataset, raw=None)
    write_report(hostile, tmp_path / "out", ["ricenet_report", HOSTILE])
    for page in (tmp_path / "out").rglob("*.html"):
        if page.name != "plan.html":
            text = page.read_text(encoding="utf-8")
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert" in text


def test_a_report_is_replaced_and_other_folders_are_not(tmp_path, simulated):
    sources = dataclasses.replace(_few(simulated), raw=None)
    output = tmp_path / "out"
    write_report(sources, output, ["ricenet_report"])
    (output / "cases" / "OLD.html").write_text("left over")
    write_report(sources, output, ["ricenet_report"])
    assert not (output / "cases" / "OLD.html").exists()
    for name in ("thesis.tex", "index.html", "report.json"):
        mine = tmp_path / name.replace(".", "_")
        (mine / "data").mkdir(parents=True)
        for path in (mine / name, mine / "data" / "table.csv"):
            path.write_text("precious")
        with pytest.raises(DatasetError, match="other than a report"):
            write_report(sources, mine, ["ricenet_report"])
        assert (mine / "data" / "table.csv").read_text() == "precious"


def test_a_report_that_was_cut_short_is_replaced(tmp_path, simulated):
    sources = dataclasses.replace(_few(simulated), raw=None)

    def killed(*_args, **_named):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(sources, tmp_path / "out", ["ricenet_report"], map_jobs=killed)
    assert not (tmp_path / "out" / "index.html").exists()
    write_report(sources, tmp_path / "out", ["ricenet_report"])
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path, simulated, monkeypatch):
    sources = dataclasses.replace(_few(simulated), raw=None)
    output = tmp_path / "out"
    write_report(sources, output, ["ricenet_report"])
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        patch.setattr("ricenet_v2.reporting.results.write.index_page", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_report(sources, output, ["ricenet_report"])
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
    assert not (output / ".building").exists()


@pytest.mark.usefixtures("small_work")
def test_a_case_whose_process_is_killed_has_a_page_without_images_and_is_named(tmp_path, simulated):
    sources = _few(simulated)
    bad = deadly(sources.cases["PH0002"], tmp_path / "kills", 2)
    hostile = dataclasses.replace(sources, cases={**sources.cases, "PH0002": bad})
    _, faults = write_report(hostile, tmp_path / "out", ["ricenet_report"], num_workers=2)
    assert list(faults) == ["PH0002"]
    assert len(list((tmp_path / "kills").iterdir())) == 2
    assert {path.stem for path in (tmp_path / "out" / "cases").glob("*.html")} == set(sources.cases)


@pytest.mark.usefixtures("small_work")
def test_a_case_whose_images_cannot_be_drawn_has_a_page_and_so_have_the_others(
    tmp_path, simulated, monkeypatch
):
    sources = _few(simulated)

    def broken(raw, case, *rest):
        if case.case_id == "PH0002":
            raise OverflowError("far away")
        return read_scan(raw, case, *rest)

    monkeypatch.setattr("ricenet_v2.reporting.case.drawn.read_scan", broken)
    _, faults = write_report(sources, tmp_path / "out", ["ricenet_report"])
    assert faults == {"PH0002": "OverflowError: far away"}
    pages = tmp_path / "out" / "cases"
    assert {path.stem for path in pages.glob("*.html")} == set(sources.cases)
    assert "OverflowError: far away" in (pages / "PH0002.html").read_text(encoding="utf-8")


def test_a_case_of_the_same_id_that_is_another_has_its_own_page(tmp_path, simulated):
    sources = _sources(simulated)
    test = sources.results[1]
    cases = (dataclasses.replace(test.cases[0], truth=None, is_other=True), *test.cases[1:])
    some = {name: sources.cases[name] for name in ("PH0021", "PH0022", "PH0023")}
    evaluation = dataclasses.replace(test.evaluation, source="test")
    changed = dataclasses.replace(test, cases=cases, evaluation=evaluation)
    write_report(
        dataclasses.replace(sources, cases=some, results=(changed,), raw=None),
        tmp_path / "out",
        ["ricenet_report"],
    )
    pages = tmp_path / "out" / "cases"
    own = (pages / "PH0021.html").read_text(encoding="utf-8")
    other = (pages / "PH0021 in predictions.html").read_text(encoding="utf-8")
    assert "This case was not predicted" in own
    assert "By the ensemble of 5 networks." in other
    assert "differs from the truth" not in other
    assert some["PH0021"].covariates["age"] not in other.split("Where it comes from")[1]
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'href="cases/PH0021%20in%20predictions.html"' in index
    assert 'href="cases/PH0021.html"' in index
    assert "The table lists what each threshold was chosen on." in index


def test_one_network_is_no_ensemble(simulated):
    one = _sources(simulated).results[1].cases[0]
    alone = dataclasses.replace(one, members=one.members[:1])
    assert _members(alone, "network") == "By one network, fold 0."
    assert _members(one, "model") == "By the ensemble of 5 models."
    votes = dataclasses.replace(one, is_vote=True)
    assert "numbers of the ensemble are proportions of votes" in _members(votes, "network")


def test_thresholds_say_on_which_cases_they_were_chosen(reported):
    index = (reported / "index.html").read_text(encoding="utf-8")
    assert index.count("chosen on these same cases, so their metrics are optimistic.") == 1
    assert index.count("The table lists what each threshold was chosen on.") == 1


def test_pictures_and_volumes_grow_coarser_where_there_is_less_room(tmp_path, simulated):
    sources = _few(simulated)
    for most in (95.0, 10.0):
        record, faults = write_report(
            sources, tmp_path / f"{most}", ["ricenet_report"], most_megabytes=most
        )
        assert not faults
        assert record.n_bytes < most * 1e6
    assert not list((tmp_path / "10.0" / "pictures" / "cases").glob("*.png"))
    assert list((tmp_path / "95.0" / "pictures" / "cases").glob("*.png"))


@pytest.mark.usefixtures("small_work")
def test_a_broken_image_is_told_and_the_rest_is_written(tmp_path, simulated):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    raw = workspace / "raw" / NAME
    (raw / "imagesTr" / "PH0003_0001.nii.gz").write_bytes(b"broken")
    record, faults = write_report(_few(workspace), tmp_path / "out", ["ricenet_report"])
    assert list(faults) == ["PH0003"]
    assert record.n_cases == 4
    page = (tmp_path / "out" / "cases" / "PH0003.html").read_text(encoding="utf-8")
    assert "could not be shown" in page
    assert "viewer.js" not in page


@pytest.mark.usefixtures("small_work")
def test_an_image_whose_end_is_cut_off_is_named_and_not_shown(tmp_path, simulated, capsys):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    image = workspace / "raw" / NAME / "imagesTr" / "PH0003_0001.nii.gz"
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    assert report.main([NAME, "--workspace", str(workspace), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "PH0003" in told.split("Not shown")[1]
    assert "PH0002" not in told.split("Not shown")[1].split("Not found")[0]
    page = (tmp_path / "out" / "cases" / "PH0003.html").read_text(encoding="utf-8")
    assert "The images could not be shown" in page
    assert "channel T1c_event: " in page
    assert "PH0003_0001" not in page
    assert str(workspace) not in page
    pictures = {path.stem for path in (tmp_path / "out" / "pictures" / "cases").glob("*.svg")}
    assert pictures == set(_sources(workspace).cases) - {"PH0003"}
    assert not (tmp_path / "out" / "cases" / "PH0003.js").exists()


@pytest.mark.usefixtures("small_work")
def test_a_case_whose_files_do_not_answer_is_given_up_and_the_others_are_shown(
    tmp_path, simulated, monkeypatch
):
    real = inspection.check_position

    def endless(path, place):
        if place.case == "PH0002":
            read_endless(pipe)
        return real(path, place)

    monkeypatch.setattr(inspection, "check_position", endless)
    with endless_file(tmp_path) as pipe:
        _, faults = write_report(_few(simulated), tmp_path / "out", ["report"], seconds=2.0)
    assert list(faults) == ["PH0002"]
    assert "longer than 2 s" in faults["PH0002"]


@pytest.mark.usefixtures("small_work")
def test_a_pipe_in_place_of_an_image_or_a_map_costs_its_case_alone(tmp_path, simulated):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    image = workspace / "raw" / NAME / "imagesTr" / "PH0003_0001.nii.gz"
    explained = workspace / "results" / NAME / "auto__all" / "explanation" / "for it.nii.gz"
    for file in (image, explained):
        file.unlink()
        os.mkfifo(file)
    _, faults = write_report(_few(workspace), tmp_path / "out", ["ricenet_report"])
    assert set(faults) == {"PH0003", "PH0021"}
    assert "for it.nii.gz is not shown" in faults["PH0021"]
    page = (tmp_path / "out" / "cases" / "PH0021.html").read_text(encoding="utf-8")
    assert "viewer.js" in page
    assert "for it.nii.gz is not shown" in page


def test_a_picture_of_a_case_that_is_gone_costs_that_case_alone(tmp_path, simulated):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    folder = workspace / "results" / NAME / "auto__all" / "explanation"
    pictures = {case: (SectionFigure(f"{case}.png", "a"),) for case in ("PH0001", "PH0002")}
    shutil.copyfile(folder / "mean.png", folder / "PH0001.png")
    documents.write(folder / "report_part.json", ReportSection("A", "", (), (), pictures))
    sources = dataclasses.replace(_sources(workspace), raw=None)
    _, faults = write_report(sources, tmp_path / "out", ["ricenet_report"])
    assert list(faults) == ["PH0002"]
    assert "PH0002.png is not shown" in faults["PH0002"]
    assert (tmp_path / "out" / "parts" / "0" / "PH0001.png").is_file()
    page = (tmp_path / "out" / "cases" / "PH0002.html").read_text(encoding="utf-8")
    assert 'src="../parts' not in page


def test_a_part_that_names_a_file_elsewhere_is_refused(tmp_path, simulated):
    # It would lie in the folder of the part, and its copy beside the report.
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    folder = workspace / "results" / NAME / "auto__all" / "explanation"
    (folder / "x.png").write_bytes(b"picture")
    part = documents.to_text(ReportSection("A", "", (), (SectionFigure("x.png", "a"),)))
    hostile = part.replace("x.png", "../explanation/x.png")
    (folder / "report_part.json").write_text(hostile)
    with pytest.raises(DocumentError, match="leads out of its folder"):
        write_report(
            dataclasses.replace(_sources(workspace), raw=None), tmp_path / "out", ["report"]
        )
    assert not (tmp_path / "explanation").exists()


@pytest.mark.parametrize("file", ["missing.png", "words.txt"])
def test_a_part_may_only_name_pictures_beside_it(tmp_path, simulated, file):
    workspace = tmp_path / "workspace"
    shutil.copytree(simulated, workspace)
    folder = workspace / "results" / NAME / "auto__all" / "explanation"
    (folder / "words.txt").write_text("no picture")
    documents.write(
        folder / "report_part.json", ReportSection("A", "", (), (SectionFigure(file, "a"),))
    )
    sources = dataclasses.replace(_sources(workspace), raw=None)
    with pytest.raises(DatasetError, match="cannot be shown"):
        write_report(sources, tmp_path / "out", ["ricenet_report"])


def test_the_record_tells_what_was_read(reported, simulated):
    record = json.loads((reported / "report.json").read_text())
    assert record["n_cases"] == 23
    assert record["note"] == RESEARCH
    assert record["inputs"] == _sources(simulated).inputs
    assert record["command"][0] == "ricenet_report"
