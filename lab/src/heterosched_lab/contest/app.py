"""The contest's commands: the heavy simulation, the offline experiment, the profiler, a workload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from heterosched.errors import HeteroSchedError


class _Group(TyperGroup):
    """What a user can mend is a message and exit code 1, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HeteroSchedError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The strategies' contest: the same tasks through every strategy; time, energy and cost.",
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="YAML file; ./config.yaml where there is one.")]
Tasks = Annotated[int, typer.Option("--tasks", "-n", min=0, help="How many tasks; 0: as configured.")]
Seed = Annotated[int, typer.Option(min=-1, help="Seed of the tasks; -1: as configured.")]
Model = Annotated[str, typer.Option(help="parallel or legacy_linear; empty: as configured.")]
CONFIG = Path("config.yaml")


def _settings(config: Path | None, tasks: int = 0, seed: int = -1, model: str = "") -> Any:
    from heterosched_lab.contest.settings import read_settings, settings_from

    chosen = config if config is not None else (CONFIG if CONFIG.exists() else None)
    found = read_settings(chosen)
    found = replace(found, num_tasks=tasks or found.num_tasks, seed=found.seed if seed < 0 else seed)
    return settings_from({"simulation": {"model": model}}, "--model", found) if model else found


@app.command(short_help="10,000 tasks through all strategies: report and plots under data/results.")
def heavy(config: Config = None, tasks: Tasks = 0, seed: Seed = -1, model: Model = "") -> None:
    """Run the heavy simulation and write heavy_simulation_report.csv, its summary, latency_cdf.png and
    cost_comparison.png. The same seed writes the same files.
    """
    from heterosched_lab.contest.batch import contest
    from heterosched_lab.contest.report import totals, write
    from heterosched_lab.progress import Bars

    settings = _settings(config, tasks, seed, model)
    with Bars("contest") as bars:
        found = contest(settings, settings.seed, bars)
    files = write(found, settings.results, settings.plots)
    typer.echo(f"{'strategy':<14}{'mean time':>12}{'mean energy':>13}{'mean latency':>14}{'p99':>10}{'speed-up':>10}")
    for name, line in ((line[0], line) for line in totals(found)):
        cells = f"{line[3]:>10.4f} s{line[4]:>11.3f} J{line[8]:>12.3f} s{line[11]:>8.2f} s{line[18]:>10.2f}"
        typer.echo(f"{name:<14}{cells}")
    for path in files:
        typer.echo(f"wrote {path}")


@app.command(short_help="Profile, generate, train, schedule, evaluate.")
def experiment(config: Config = None, tasks: Tasks = 0, seed: Seed = -1, model: Model = "") -> None:
    """Run the offline experiment: every step leaves a file, and the history grows."""
    from heterosched_lab.contest.experiment import experiment as conduct
    from heterosched_lab.progress import Bars

    with Bars("experiment") as bars:
        done = conduct(_settings(config, tasks, seed, model), bars)
    typer.echo(f"profile: {done.profile['mode']}, ratio {done.profile['ratio']}")
    for problem in done.training["history_rows_broken"]:
        typer.echo(f"skipped: {problem}", err=True)
    typer.echo(f"training: {done.training['tasks']} tasks; {done.training['remark'] or done.training['lessons']}")
    best = min(done.found.standings.values(), key=lambda own: own.metrics.mean)
    typer.echo(f"evaluation: {len(done.found.tasks)} tasks; least mean latency {best.name} {best.metrics.mean:.3f} s")
    for path in done.files:
        typer.echo(f"wrote {path}")


@app.command(short_help="Time matrix products on CPU and GPU.")
def profile(config: Config = None, output: Annotated[Path | None, typer.Option("--output", "-o")] = None) -> None:
    """Write the profile of this machine as JSON: `cpu_only` where no GPU can be measured."""
    import json

    from heterosched_lab.contest import profiler
    from heterosched_lab.contest.files import write_json

    settings = _settings(config)
    found = profiler.profile(settings.matrix_sizes, settings.matmul_runs, profiler.gpu_product())
    write_json(output or settings.profile, found)
    typer.echo(json.dumps(found, indent=2))
