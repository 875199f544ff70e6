"""The page, its pictures and the card hold what the dataset holds."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import PipelineError
from pipeline.format.reader import find_shards
from pipeline.format.writer import write_shard
from pipeline.report.notes import Notes, Perceived, perceived, stored_notes
from pipeline.report.page import write_report
from pipeline.report.samples import BOX_COLOUR, NEW_COLOUR, OLD_COLOUR, contact_sheet, draw_query, pick
from tests.sample_shards import make_shape, write_dataset

LOST = ("shapes", "42", "42/objs/a.obj has <no> triangles")
REJECTS = {"shapes": {"zero-faces": 2, "<too&big>": 1}, "views": {"part-hidden": 31}}
PERCEIVED = Perceived(7, (0.1, 0.2, 0.3, 0.4, 0.5), (0.0, 0.0, 0.0, 0.01, 0.02), (0.0, 0.0, 0.0, 0.0, 0.015))
NOTES = Notes(REJECTS, (LOST,), {"broken": PERCEIVED})


class Page(HTMLParser):
    """Tables by id as lists of rows of cell texts, image sources, and tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.images: list[str] = []
        self.open: list[str] = []
        self._table: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.images.append(values["src"] or "")
        if tag == "table":
            self._table = self.tables.setdefault(values["id"] or "", [])
        if tag == "tr":
            self._table.append([])
        if tag in ("td", "th"):
            self._table[-1].append("")
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self._table[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def report(counted_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(out, find_shards(counted_dataset), NOTES, 2)
    return out


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / "index.html").read_text(encoding="utf-8"))


def test_the_page_sets_our_numbers_beside_the_papers(page: Page) -> None:
    assert page.open == []
    assert page.tables["table1"][0] == [
        "", "", "positional", "rotational", "broken", "swapped", "missing", "all anomalies", "normal",
    ]  # fmt: skip
    assert page.tables["table1"][3] == ["images", "this dataset", "7", "0", "1", "0", "1", "9", "5"]
    assert page.tables["table1"][6][1:4] == ["paper", "1,7,4", "1,7,4"]
    assert ["train", "3", "13", "9", "≈138,000"] in page.tables["splits"]
    assert page.tables["parts"][1][:7] == ["Leg", "7", "0", "1", "0", "1", "9"]
    assert ["18", "3", ""] in page.tables["azimuths"]


def test_the_page_lists_rejects_by_stage_and_reason(page: Page) -> None:
    assert page.tables["rejects"][1:] == [
        ["shapes", "<too&big>", "1"], ["shapes", "zero-faces", "2"], ["views", "part-hidden", "31"],
    ]  # fmt: skip


def test_the_page_names_every_lost_shape_and_why(page: Page) -> None:
    assert page.tables["lost"][1:] == [list(LOST)]


def test_the_page_shows_at_most_the_limit_of_each_type_and_every_picture_exists(page: Page, report: Path) -> None:
    assert len(page.images) == 2 + 1 + 1 + 2  # positional, broken, missing, normal
    assert {report / image for image in page.images} == set((report / "images").iterdir())
    assert all(Image.open(report / image).size == (768, 256) for image in page.images)
    assert not any(image.startswith(("/", "http", "file")) for image in page.images)


def test_statistics_json_holds_counts_and_rejects(report: Path) -> None:
    data = json.loads((report / "statistics.json").read_text())
    assert data["table"]["positional"] == {"shapes": 3, "images": 7, "images_per_shape": [1, 4, 2.0]}
    assert data["rejects"] == REJECTS
    assert stored_notes(report) == NOTES
    assert stored_notes(report / "nowhere") == Notes()


def test_the_card_states_counts_fields_and_terms(report: Path) -> None:
    card = (report / "DATASET_CARD.md").read_text(encoding="utf-8")
    assert "| train | 3 | 13 | 9 |" in card
    assert "| positional | 3 | 7 | 1,4,2 |" in card
    assert "| `shapes/point_pixels` | f4 | V x P x 2 |" in card
    assert "| views | part-hidden | 31 |" in card
    assert "inherit the source's terms" in card
    assert "one anomaly an image; anomalies of shape, none of colour or texture." in card
    assert "An anomaly is a change of one part; here: positional, broken, missing." in card
    assert "chair/" not in card


def test_the_card_of_synthetic_shapes_names_no_third_party(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.h5"
    write_shard(path, "train", '{"source": "synthetic:26"}', "", [make_shape("1", [("normal", 0)])], 4)
    write_report(tmp_path / "report", [path], Notes(), 1)
    card = (tmp_path / "report" / "DATASET_CARD.md").read_text()
    assert "no third-party rights" in card
    assert "No rejects are recorded" in card


def card_of(folder: Path, config: str, *kinds: str) -> str:
    path = folder / "train-00000.h5"
    write_shard(path, "train", config, "", [make_shape("1", [(kind, 0) for kind in kinds])], 4)
    write_report(folder / "report", [path], Notes(), 1)
    return (folder / "report" / "DATASET_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("normal",), "rigid objects; no anomalies."),
        (("faded",), "one anomaly an image; anomalies of colour or texture (faded)."),
        (
            ("missing", "deformed", "stained", "faded"),
            "one anomaly an image; anomalies of shape and of colour or texture (faded, stained).",
        ),
        (
            ("several", "cracked"),
            "one anomaly an image, more in 1 images; anomalies of shape, none of colour or texture.",
        ),
    ],
)
def test_the_card_says_what_kinds_of_anomalies_there_are(kinds: tuple[str, ...], told: str, tmp_path: Path) -> None:
    assert told in card_of(tmp_path, "{}", *kinds)


def test_the_card_of_other_peoples_materials_or_images_names_their_terms(tmp_path: Path) -> None:
    libraries = '{"source": "synthetic:3", "seed": 4, "materials": {"libraries": [{"folder": "mine"}]}}'
    card = card_of(tmp_path / "mine", libraries, "normal")
    assert "inherit the source's terms" in card and "no third-party rights" not in card
    assert "- source synthetic:3, seed 4\n" in card
    imported = card_of(tmp_path / "import", '{"import": {"layout": "brokenchairs", "version": 1}}', "normal")
    assert "- an import in the brokenchairs layout\n" in imported
    assert "path-traced" not in imported and "the configuration below" not in imported


def test_a_report_made_again_has_the_same_bytes_and_no_stale_pictures(
    report: Path, counted_dataset: Path, tmp_path: Path
) -> None:
    write_report(tmp_path, find_shards(counted_dataset), Notes(), 5)
    write_report(tmp_path, find_shards(counted_dataset), NOTES, 2)

    def contents(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert contents(tmp_path) == contents(report)


def test_samples_are_spread_over_the_shapes(counted_dataset: Path) -> None:
    shards = find_shards(counted_dataset)
    assert [sample.shape_id for sample in pick(shards, "positional", 3)] == ["1", "2", "2"]
    assert [sample.shape_id for sample in pick(shards, "normal", 5)] == ["1", "1", "1", "2", "4"]
    assert len(list(pick(shards, "positional", 100))) == 7
    assert list(pick(shards, "swapped", 3)) == []


def test_a_sample_comes_with_the_reference_view_of_the_nearest_azimuth(tmp_path: Path) -> None:
    """Reference views of the sample shapes are at azimuths 0, 90, 180 and 270."""
    shape = make_shape("1", [("normal", 0), ("normal", 108), ("normal", 306), ("normal", 198)])
    shards = find_shards(write_dataset(tmp_path, {"train": [shape]}))
    samples = list(pick(shards, "normal", 4))
    for sample, view in zip(samples, (0, 1, 3, 2), strict=True):
        assert np.array_equal(sample.reference, shape.image[view])


def has_colour(picture: Image.Image, colour: str) -> np.ndarray:
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.asarray(picture) == rgb).all(axis=2)


def test_a_drawn_anomaly_shows_box_and_both_outlines_without_covering_the_part() -> None:
    query = make_shape("1", [("positional", 0)], 64).queries[0]
    picture = draw_query(query, 256)
    for colour in (NEW_COLOUR, OLD_COLOUR, BOX_COLOUR):
        assert has_colour(picture, colour).any(), colour
    inside = np.kron(query.mask_new > 0, np.ones((4, 4), bool)) & ~np.kron(query.mask_old > 0, np.ones((4, 4), bool))
    drawn = np.any([has_colour(picture, c) for c in (NEW_COLOUR, OLD_COLOUR, BOX_COLOUR)], axis=0)
    assert (drawn & inside).sum() < 0.2 * inside.sum()
    rows, columns = np.nonzero(has_colour(picture, BOX_COLOUR))
    x, y, w, h = query.bbox * 4
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x - 4, y - 4, x + w + 4, y + h + 4)


def test_a_normal_query_is_drawn_as_it_is() -> None:
    query = make_shape("1", [("normal", 0)], 64).queries[0]
    assert np.array_equal(np.asarray(draw_query(query, 64)), query.image)


def test_the_contact_sheet_has_a_row_for_every_type_present(counted_dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    contact_sheet(find_shards(counted_dataset), path, columns=3, tile=100)
    assert Image.open(path).size == (90 + 3 * 104, 4 * 104 + 4)
    empty = write_dataset(tmp_path, {"train": [make_shape("1", [])]})
    with pytest.raises(PipelineError, match="no images"):
        contact_sheet(find_shards(empty), path)


def test_counterfactuals_are_shown_in_percent(report: Path) -> None:
    rows = Page((report / "index.html").read_text()).tables["perceived"]
    assert rows[1] == ["broken", "7", "where it is", "10.00", "20.00", "30.00", "40.00", "50.00"]
    assert [row[2] for row in rows[2:]] == ["elsewhere", "unexplained"]
    assert rows[3][-1] == "1.50"


def test_perceived_gathers_every_anomaly_of_every_compared_image_by_type() -> None:
    def verdict(elsewhere: float, **shares: float) -> dict[str, object]:
        changes = [{"anomaly": name, "pixels": 10, "share": share} for name, share in shares.items()]
        return {"comparison": {"changes": changes, "elsewhere": elsewhere, "detail": 0.0}}

    found = perceived(
        [
            verdict(0.1, **{"0_broken": 0.2}),
            {"comparison": None},
            verdict(0.3, **{"1_broken": 0.4, "2_other_material": 1}),
        ]
    )
    assert list(found) == ["broken", "other_material"]
    assert found["broken"].images == 2
    assert found["broken"].share == pytest.approx((0.2, 0.25, 0.3, 0.35, 0.4))
    assert found["broken"].elsewhere[-1] == 0.3
    assert found["other_material"] == Perceived(1, (1.0,) * 5, (0.3,) * 5, (0.0,) * 5)
