"""`heterosched bench tune`: parameters of a SchedulingPolicy by search; nothing is written without a gain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from heterosched_lab.search.study import Spreading
    from heterosched_lab.tuning.manifest import Base
    from heterosched_lab.tuning.session import Asked, Ended, Work

EPILOG = (
    "Exit codes: 0 a gain was found and the policy written; 1 there is none that can be told from noise, or it could "
    "not be done (standard error says why); 2 wrong usage."
)
OUTPUT = Path("build/tune")
app = typer.Typer(
    name="tune",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Tune a SchedulingPolicy by search on training cases; the verdict is on cases that the search has not seen.",
    epilog=EPILOG,
)

BaseName = Annotated[str, typer.Option(help="Policy to start from: built-in, or a manifest file.", metavar="POLICY")]
Name = Annotated[str, typer.Option(help="Name of the policy that is written.", metavar="NAME")]
Trials = Annotated[int, typer.Option(help="Points that are tried, the present one included.")]
Training = Annotated[int, typer.Option(help="Training cases.")]
Unseen = Annotated[
    int, typer.Option(help="Cases of the verdict: so many of other seeds, and so many of the other trace.")
]
Seed = Annotated[int, typer.Option(help="Seed of cases and search; the same seed gives the same files.")]
Trace = Annotated[str, typer.Option(help="Training trace: nodes, gavel or prototype.", metavar="TRACE")]
Other = Annotated[str, typer.Option(help="Another trace that must show no loss.", metavar="TRACE")]
Folder = Annotated[Path, typer.Option("--output", help="Folder of trials, plot and policy.", metavar="FOLDER")]
Anyway = Annotated[bool, typer.Option("--write-anyway", help="Write the policy though no gain can be claimed.")]
Dask = Annotated[
    str, typer.Option(help="Spread work over this Dask cluster (tcp://host:8786), else over the local cores.")
]
Workers = Annotated[int, typer.Option(help="Local processes; 0 for one per core. The result does not depend on it.")]


@app.command(epilog=EPILOG, short_help="How hard JPS looks: samples, alpha, explore.")
def jps(
    base: BaseName = "Balanced",
    name: Name = "tuned-jps",
    trace: Trace = "nodes",
    other: Other = "gavel",
    trials: Trials = 40,
    training: Training = 16,
    unseen: Unseen = 32,
    seed: Seed = 7,
    output: Folder = OUTPUT / "jps",
    write_anyway: Anyway = False,
    scheduler: Dask = "",
    workers: Workers = 0,
) -> None:
    """Tune samples, alpha and explore: least effort while the gap to the best plan known stays within 2.04 %.

    Effort is counted in categories placed, so that trials can be repeated; seconds are measured once, at the end. What
    is wanted of a plan (beta, energyWeight, fairnessFloor) is not touched. Traces: nodes (servers of four GPUs, where
    the exact method does not fit and production samples), gavel (measured throughputs), prototype.
    """
    from heterosched_lab.tuning.session import Asked
    from heterosched_lab.tuning.works import effort_work

    def begin(spreading: Spreading) -> Asked:
        options = {"trace": trace, "other": other}
        return Asked("jps", base, name, trials, training, unseen, seed, output, write_anyway, spreading, options)

    _run(begin, lambda asked, present, data: effort_work(asked, present, trace, other, data), scheduler, workers)


@app.command(epilog=EPILOG, short_help="JPS's beta: shortest completion times with fairness kept.")
def beta(
    floor: Annotated[float, typer.Option(help="Least Jain index of the speed-ups, for sure (95 %).")] = 0.9,
    base: BaseName = "Performance",
    name: Name = "tuned-beta",
    trace: Trace = "gavel",
    other: Other = "nodes",
    trials: Trials = 24,
    training: Training = 24,
    unseen: Unseen = 32,
    seed: Seed = 7,
    output: Folder = OUTPUT / "beta",
    write_anyway: Anyway = False,
    scheduler: Dask = "",
    workers: Workers = 0,
) -> None:
    """Choose beta, apart from the other parameters: least mean completion time with Jain's index above the floor."""
    from heterosched_lab.tuning.session import Asked
    from heterosched_lab.tuning.works import beta_work

    def begin(spreading: Spreading) -> Asked:
        options = {"floor": f"{floor:g}", "trace": trace, "other": other}
        return Asked("beta", base, name, trials, training, unseen, seed, output, write_anyway, spreading, options)

    _run(begin, lambda asked, present, data: beta_work(asked, present, trace, other, data, floor), scheduler, workers)


@app.command(epilog=EPILOG, short_help="Weights of the score terms: speed, energy, fit.")
def weights(
    energy_share: Annotated[
        float, typer.Option(help="What energy counts against time, 0..1: it says what is wanted and is not tuned.")
    ] = 0.5,
    jobs: Annotated[int, typer.Option(help="Jobs of a stream.")] = 150,
    base: BaseName = "Balanced",
    name: Name = "tuned-weights",
    trace: Annotated[str, typer.Option(help="Training streams: zeus or gavel.", metavar="TRACE")] = "zeus",
    other: Other = "gavel",
    trials: Trials = 48,
    training: Training = 24,
    unseen: Unseen = 48,
    seed: Seed = 7,
    output: Folder = OUTPUT / "weights",
    write_anyway: Anyway = False,
    scheduler: Dask = "",
    workers: Workers = 0,
) -> None:
    """Tune the weights of speed, energy and fit: mean completion time and joules of simulated streams of jobs.

    Streams are drawn from measured tables: zeus (time and power on four GPU types), gavel (time; its power is
    estimated). Pods are placed by the production score. Terms that the streams do not feed keep their weights.
    """
    from heterosched_lab.tuning.session import Asked
    from heterosched_lab.tuning.works import weights_work

    def begin(spreading: Spreading) -> Asked:
        options = {"energy-share": f"{energy_share:g}", "jobs": str(jobs), "trace": trace, "other": other}
        return Asked("weights", base, name, trials, training, unseen, seed, output, write_anyway, spreading, options)

    def work(asked: Asked, present: Base, data: Path) -> Work:
        return weights_work(asked, present, trace, other, data, energy_share, jobs)

    _run(begin, work, scheduler, workers)


def _run(
    begin: Callable[[Spreading], Asked],
    work: Callable[[Asked, Base, Path], Work],
    scheduler: str,
    workers: int,
) -> None:
    """Carry out a session and end with its exit code."""
    from heterosched_lab.progress import Bars
    from heterosched_lab.registry import data_folder
    from heterosched_lab.search.study import Spreading
    from heterosched_lab.tuning.manifest import base
    from heterosched_lab.tuning.session import carry_out

    with Bars() as bars:
        asked = begin(Spreading(scheduler, workers or None, bars))
        asked.check()
        present = base(asked.base)
        ended = carry_out(asked, present, work(asked, present, data_folder()))
    raise typer.Exit(_told(ended, asked.folder))


def _told(ended: Ended, folder: Path) -> int:
    """Say how it ended; the exit code."""
    from heterosched_lab.runs.show import note

    for line in ended.lines:
        typer.echo(line)
    note(f"trials: {folder}/auto_tune_history.csv, {folder}/autotune_trials.png")
    if ended.manifest is None:
        note("no policy is written; --write-anyway writes it all the same")
    else:
        note(f"policy: {ended.manifest}; apply it with `kubectl apply -f {ended.manifest}`")
    return 0 if ended.tuned.claimed else 1
