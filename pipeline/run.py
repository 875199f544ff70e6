"""One run: the stages in order, each unit fingerprinted by all that it depends on."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from materials.cache import fingerprint as maps_fingerprint
from pipeline import stages
from pipeline.anomalies.kind import find_kind
from pipeline.appearance import priors
from pipeline.appearance.library import balanced, load_library, save_library
from pipeline.appearance.stock import map_size, take_stock
from pipeline.appearance.surroundings import find_floors, take_scenery
from pipeline.config import Config
from pipeline.errors import PipelineError
from pipeline.execution import Record, Result, Unit, fingerprint, finished, run_units
from pipeline.files import lock, read_json, remove_leftovers, write_json
from pipeline.format.labels import ANOMALY_TYPES, SPLITS
from pipeline.format.naming import shape_id
from pipeline.layout import Layout
from pipeline.planning.plan import Plan, ShapePlan, donor_shapes
from pipeline.planning.planner import Planner
from pipeline.planning.splits import assign_splits
from pipeline.planning.summary import image_counts
from pipeline.planning.topup import Made, as_planned, final_plan, plan_more, shortfall
from pipeline.rendering.devices import CPU, choose, find_devices
from pipeline.report.notes import Notes, perceived
from pipeline.report.page import PER_TYPE, write_report
from pipeline.shapes.sources import Source, parse_source
from pipeline.stages import STAGES, Context

log = logging.getLogger(__name__)

#: Raise a stage's number when its output changes for the same input: finished units are then made again.
STAGE_VERSIONS = {
    **dict.fromkeys(STAGES, 2),
    "anomalies": 3,
    "topup": 3,
    "views": 3,
    "library": 2,
    "materials": 3,
    "quality": 3,
    "render": 5,
    "report": 4,
}
#: Distributions whose version can change the pixels or the geometry.
RECORDED = ("l3d-gen", "bpy", "numpy", "scipy", "trimesh", "pymeshlab", "manifold3d", "embreex", "h5py", "pillow")
#: Names of shards that a run may remove when they are not part of its plan.
OWN_SHARD = re.compile(r"(train|val|test)-\d{5}\.h5")

Progress = Callable[[str, int, int], None]


@dataclass
class StageSummary:
    """What a stage did: units in all, worked on now, and the refusals it counted (reason -> count)."""

    stage: str
    units: int = 0
    worked: int = 0
    seconds: float = 0.0
    rejects: Counter[str] = field(default_factory=Counter)


@dataclass
class Summary:
    """What a run did.

    stages: in order; lost: (stage, unit, message) of every unit that gave nothing; left_out: (where, why) of every
    set of maps in a library of the user's own that cannot be used.
    """

    stages: list[StageSummary] = field(default_factory=list)
    lost: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def worked(self) -> int:
        return sum(stage.worked for stage in self.stages)


class Run:
    """A dataset folder being filled; ``progress(stage, finished, total)`` is called after every unit worked on.

    ``preset``: what the settings began with, to be noted in ``dataset.json``.
    """

    def __init__(
        self, config: Config, out: Path, jobs: int, threads: int, progress: Progress, preset: str = ""
    ) -> None:
        self._config = config
        self._preset = preset
        for name in config.plan.types:
            find_kind(name)  # an unknown type is an error now, not after all shapes are read
        self._stock = take_stock(config.materials)  # and so is a library that is not there
        self._scenery = take_scenery(config.render.surroundings)
        self._scenery.check()
        find_floors(config.render.surroundings.floor, self._stock.worn_names)
        self._layout = Layout(_writable(out))
        self._lock = lock(self._layout.out)
        remove_leftovers(self._layout.out)
        self._context = Context(config, self._layout, threads)
        self._jobs = self._drawing_jobs = jobs
        self._progress = progress
        self._prints: dict[tuple[str, str], str] = {}
        self._versions = _versions()
        self._planner: Planner
        self._plans: list[Plan] = []
        self._made: dict[str, Made] = {}
        self._topped_up: list[str] = []
        self._library = ""
        self.summary = Summary()

    def execute(self, wanted: Sequence[str]) -> Summary:
        """Run the wanted stages (names from STAGES) over all units; earlier ones must be finished."""
        config = self._config
        source, ids = self._source()
        last = max(STAGES.index(stage) for stage in wanted)
        steps: dict[str, Callable[[list[str]], list[Unit]]] = {
            "shapes": partial(self._shape_units, source),
            "anomalies": self._anomaly_units,
            "topup": self._topup_units,
            "views": self._view_units,
            "materials": self._material_units,
            "render": partial(self._render_units, "render" in wanted),
            "quality": partial(self._units, "quality", stages.judge, config.quality.model_dump(), ("render",)),
        }
        for stage in STAGES[: last + 1]:
            if stage == "shards":
                self._pack(ids, stage in wanted)
            elif stage == "report":
                self._report()
            else:
                units = self._library_units() if stage == "library" else steps[stage](ids)
                done = self._run_stage(stage, units, stage in wanted)
                if stage == "topup":
                    self._topped_up = done
                elif stage == "library":
                    self._collect_library(done)
                else:
                    ids = done
            if not ids:
                raise PipelineError(f"no shape is left after stage {stage}: {self._first_losses()}")
        return self.summary

    def _source(self) -> tuple[Source, list[str]]:
        config = self._config
        source = parse_source(config.source, config.seed, self._layout.source, config.shapes)
        return source, _select(source.ids(), config.only_shapes)

    def plan(self) -> Plan:
        """What is drawn if all can be had. Reads the shapes first, where they are not in the folder yet."""
        source, ids = self._source()
        planner = self._make_planner(self._run_stage("shapes", self._shape_units(source, ids), wanted=True))
        first = planner.first_plan()
        return final_plan(planner, [first], as_planned(first))

    def _run_stage(self, stage: str, units: list[Unit], wanted: bool) -> list[str]:
        """Run or look up a stage; the names of its finished units, in order."""
        summary = StageSummary(stage, units=len(units))
        self.summary.stages.append(summary)
        if not wanted:
            self._require_finished(stage, units)
        start = time.perf_counter()
        done: dict[str, Record] = {}
        failed = 0
        jobs = self._drawing_jobs if stage == "render" else self._jobs
        for count, (unit, record, worked) in enumerate(run_units(self._layout, units, jobs), 1):
            summary.worked += worked
            if record.status == "done":
                done[unit.name] = record
                summary.rejects.update(record.rejects)
            elif stage == "library" and record.status == "rejected":
                summary.rejects[record.reason] += 1
                self.summary.left_out.append((unit.name, record.message))  # the others do as well
            else:
                summary.rejects[record.reason] += 1
                self.summary.lost.append((stage, unit.name, record.message))
            if worked:
                self._progress(stage, count, len(units))
            failed += record.status == "failed"
        if stage == "shapes" and failed:
            # Splits and donors depend on which shapes there are: going on now would make everything twice.
            raise PipelineError(f"{failed} shapes failed, not for their own fault; run again. {self._first_losses()}")
        summary.seconds = time.perf_counter() - start
        self._prints.update({(stage, unit.name): unit.fingerprint for unit in units})
        return [unit.name for unit in units if unit.name in done]

    def _require_finished(self, stage: str, units: list[Unit]) -> None:
        missing = [unit.name for unit in units if finished(self._layout, unit) is None]
        if missing:
            raise PipelineError(
                f"stage {stage} is not finished for {len(missing)} of {len(units)} units (first: {missing[0]}); "
                f"add --stage {stage}, or leave --stage out to run all"
            )

    def _unit(self, stage: str, name: str, inputs: Any, work: Callable[[], Result]) -> Unit:
        basis = [stage, STAGE_VERSIONS[stage], self._versions, self._config.seed, name]
        return Unit(stage, name, fingerprint(basis, inputs), work)

    def _units(
        self,
        stage: str,
        work: Callable[[Context, str], Result],
        settings: Any,
        inputs: tuple[str, ...],
        ids: list[str],
    ) -> list[Unit]:
        return [
            self._unit(
                stage, i, [settings, *(self._prints[name, i] for name in inputs)], partial(work, self._context, i)
            )
            for i in ids
        ]

    def _shape_units(self, source: Source, ids: list[str]) -> list[Unit]:
        settings = self._config.shapes.model_dump()
        return [
            self._unit("shapes", i, [settings, source.digest(i)], partial(stages.read_shape, self._context, source, i))
            for i in ids
        ]

    def _anomaly_units(self, ids: list[str]) -> list[Unit]:
        self._planner = self._make_planner(ids)
        self._plans = [self._planner.first_plan()]
        return self._making_units("anomalies", self._plans[0])

    def _topup_units(self, ids: list[str]) -> list[Unit]:
        """For the shapes that stand in for others; none where nothing is lacking."""
        self._plans = [{i: self._plans[0][i] for i in ids}]
        self._made = {i: stages.read_made(self._layout, "anomalies", i) for i in ids}
        if not self._config.plan.top_up:
            return []
        self._plans.append(plan_more(self._planner, self._plans[0], self._made))
        return self._making_units("topup", self._plans[1])

    def _making_units(self, stage: str, plan: Plan) -> list[Unit]:
        config = self._config

        def settings(shape_plan: ShapePlan) -> list[Any]:
            """Of the types that the shape gets alone, so that another type's settings leave it as it is."""
            types = {anomaly.type for anomaly in shape_plan.anomalies}
            own = {k: v for k, v in config.anomalies.model_dump().items() if k not in ANOMALY_TYPES or k in types}
            if "other_material" in types:
                own["priors"] = _priors()  # they tell which parts always wear the same
            # How many cameras show an anomaly is found here too, up to what the plan may ask for.
            most = {name: config.plan.types[name].views[1] for name in sorted(types)}
            return [own, config.views.model_dump(), most, config.plan.normal.views[1]]

        return [
            self._unit(
                stage,
                i,
                [
                    settings(shape_plan),
                    asdict(shape_plan),
                    [self._prints["shapes", shape_id] for shape_id in (i, *donor_shapes(shape_plan))],
                ],
                partial(stages.make_anomalies, self._context, stage, shape_plan, i),
            )
            for i, shape_plan in plan.items()
        ]

    def _view_units(self, ids: list[str]) -> list[Unit]:
        """By the final plan: what was made, with as many images of each as are wanted and can be had."""
        plans = [self._plans[0], *({i: plan[i] for i in self._topped_up} for plan in self._plans[1:])]
        for i in self._topped_up:
            self._made[i] = self._made[i].joined(stages.read_made(self._layout, "topup", i))
        final = final_plan(self._planner, plans, self._made)
        _save_plan(self._layout, self._planner, plans, final)
        self.summary.stages[-1].rejects.update(shortfall(self._planner, final))
        settings = self._config.views.model_dump()
        return [
            self._unit(
                "views",
                i,
                [settings, asdict(final[i]), self._prints["anomalies", i], self._prints.get(("topup", i), "")],
                partial(stages.choose_views, self._context, final[i], i),
            )
            for i in ids
            if image_counts({i: self._plans[0][i]}) or image_counts({i: final[i]})  # a plan may ask nothing of a shape
        ]

    def _library_units(self) -> list[Unit]:
        """One a material; what cannot be used of the user's own libraries is told, and nothing lost."""
        config, stock = self._config, self._stock
        self.summary.left_out += [(str(item.where), item.reason) for item in stock.left_out]
        units = []
        for name, material in sorted(stock.materials.items()):
            maps = maps_fingerprint(material, map_size(material, config.materials, config.views))
            finish, style = material.finish.model_dump(), material.source.style
            inputs = [maps, material.material_class, material.tile, material.weight, finish, style]
            work = partial(stages.make_material, self._context, material, stock.library[name], name)
            units.append(self._unit("library", name, inputs, work))
        return units

    def _collect_library(self, names: list[str]) -> None:
        """Put together what was made, now or before; the choice of materials depends on just that."""
        swatches = (s for name in sorted(names) for s in load_library(self._layout.swatch(name)).swatches)
        save_library(self._layout.library, balanced(swatches, self._config.materials))
        self._library = self._layout.library.read_text(encoding="utf-8")

    def _material_units(self, ids: list[str]) -> list[Unit]:
        config = self._config
        share, appearance = config.materials.swapped_share, config.anomalies.appearance.model_dump()
        settings = [fingerprint(self._library), _priors(), appearance, share]
        return self._units("materials", stages.assign_textures, settings, ("views",), ids)

    def _make_planner(self, ids: list[str]) -> Planner:
        nodes = {i: stages.read_nodes(self._layout, i) for i in ids}
        models = {i: read_json(self._layout.shape_summary(i))["model_id"] for i in ids}
        config = self._config
        splits = assign_splits(models, config.split, config.seed)
        return Planner(config.plan, config.anomalies, config.seed, nodes, splits)

    def _render_settings(self) -> list[Any]:
        settings = self._config.render.model_dump()
        settings.pop("timeout_seconds")  # decides whether there is a result, not what it is
        settings.pop("device")  # a dataset that goes on on another machine is not drawn again for its last bits
        surroundings = settings.pop("surroundings")
        used = [surroundings, self._scenery.fingerprint] if self._config.render.surroundings.used else []
        # What is worn comes from the materials stage, which depends on the whole library.
        return [settings, self._config.materials.metres_per_radius, *used]

    def _render_units(self, wanted: bool, ids: list[str]) -> list[Unit]:
        """On the devices that there are, if anything is to be drawn at all."""
        render = partial(stages.render, self._scenery)
        units = self._units("render", render, self._render_settings(), ("views", "materials"), ids)
        waiting = sum(finished(self._layout, unit) is None for unit in units)
        if not wanted or not waiting:
            return units
        context = self._drawing(waiting)
        return [replace(unit, work=partial(render, context, unit.name)) for unit in units]

    def _drawing(self, waiting: int) -> Context:
        """What ``waiting`` shapes are drawn with: all GPUs, one process each, or the CPU. Says so, once."""
        kind = self._config.render.device
        devices = choose(kind, find_devices() if kind != "CPU" else ())
        context = replace(self._context, devices=devices)
        if CPU not in devices:
            cores = self._jobs * self._context.threads
            self._drawing_jobs = len(devices)
            context = replace(context, threads=max(1, cores // len(devices)))
        names = ", ".join(f"{n} x {name}" if n > 1 else name for name, n in Counter(map(str, devices)).items())
        processes = min(self._drawing_jobs, waiting)
        log.info("render: %s, processes: %d, threads each: %d", names, processes, context.threads)
        return context

    def _pack(self, ids: list[str], wanted: bool) -> None:
        config = self._config
        splits = self._planner.splits
        size = config.shards.shapes_per_shard
        units = []
        for split in SPLITS:
            members = [i for i in ids if splits[i] == split]
            for number, start in enumerate(range(0, len(members), size)):
                name, chunk = f"{split}-{number:05d}", members[start : start + size]
                inputs = [config.shards.model_dump(), [self._prints["quality", i] for i in chunk]]
                content = fingerprint(name, inputs)
                work = partial(stages.pack, self._context, split, chunk, name, content)
                units.append(self._unit("shards", name, [inputs, config.model_dump_json()], work))
        done = self._run_stage("shards", units, wanted)
        for stale in set(self._layout.shards.glob("*.h5")) - {self._layout.shard(name) for name in done}:
            if OWN_SHARD.fullmatch(stale.name):
                stale.unlink()  # from another plan or split: it would leak shapes between splits

    def _report(self) -> None:
        shards = sorted(self._layout.shards.glob("*.h5"))
        if not shards:
            raise PipelineError(f"{self._layout.shards} holds no shards; add --stage shards")
        rejects = {s.stage: dict(sorted(s.rejects.items())) for s in self.summary.stages if s.rejects}
        prints = sorted(value for (stage, _), value in self._prints.items() if stage in ("quality", "shards"))
        lost = sorted([*self.summary.lost, *(("library", where, why) for where, why in self.summary.left_out)])
        judged = [name for stage, name in self._prints if stage == "quality"]
        work = partial(
            _write_report, self._layout, shards, Notes(rejects, tuple(lost)), judged, self._config, self._preset
        )
        self._run_stage("report", [self._unit("report", "report", [prints, rejects, lost], work)], wanted=True)

    def _first_losses(self) -> str:
        lines = [f"{unit}: {message}" for _, unit, message in self.summary.lost[:3]]
        return "; ".join(lines) or "nothing was accepted"


def _save_plan(layout: Layout, planner: Planner, plans: Sequence[Plan], final: Plan) -> None:
    """``plan.json``: what was asked for, planned first, added, and is drawn."""
    content = {
        "targets": {name: asdict(planner.target(counts)) for name, counts in planner.types.items()},
        "normal_images": planner.scaled(planner.config.normal.images),
        "first": {i: asdict(plan) for i, plan in plans[0].items()},
        "topup": {i: asdict(plan) for more in plans[1:] for i, plan in more.items()},
        "final": {i: asdict(plan) for i, plan in final.items()},
    }
    write_json(layout.plan, content)


def _write_report(
    layout: Layout, shards: list[Path], notes: Notes, judged: Sequence[str], config: Config, preset: str
) -> Result:
    """``judged``: shapes that the quality stage worked on; those that it lost have no verdicts."""
    folder = layout.out / "report"
    files = (layout.quality(name) for name in sorted(judged))
    verdicts = [verdict for file in files if file.is_file() for verdict in read_json(file).values()]
    dataset = {
        "format": "l3d-dataset",
        "version": 1,
        "config": config.model_dump(mode="json"),
        "preset": preset,
        "seed": config.seed,
        "versions": _versions(),
        "shards": [path.name for path in shards],
        "rejects": notes.rejects,
    }
    write_json(layout.dataset, dataset)  # the report tells of it
    write_report(folder, shards, replace(notes, perceived=perceived(verdicts)), PER_TYPE)
    return Result((folder / "index.html", folder / "statistics.json", folder / "DATASET_CARD.md", layout.dataset))


def _priors() -> str:
    return priors.BUILTIN.read_text(encoding="utf-8")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in RECORDED}


def _select(ids: list[str], only: Sequence[str]) -> list[str]:
    """Those of ``ids`` that are wanted by id, or by the name of which it is made; all where none is."""
    known = set(ids)
    wanted = {name: name if name in known else shape_id(name) for name in only}
    unknown = sorted(name for name, i in wanted.items() if i not in known)
    if unknown:
        raise PipelineError(f"shape {unknown[0]!r} is not in the source, which has {len(ids)} shapes, e.g. {ids[0]!r}")
    return [i for i in ids if not only or i in wanted.values()]


def _writable(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PipelineError(f"output folder {out} cannot be written: {error.strerror}; choose another --out") from error
    return out.resolve()
