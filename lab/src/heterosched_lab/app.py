"""`heterosched bench`: the benchmarks as commands. What they do is imported when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heterosched.errors import InvalidInput
from heterosched_lab.runs.show import Format, note, write_data, write_table

EPILOG = "Exit codes: 0 done; 1 the answer is no, or it could not be done (standard error says why); 2 wrong usage."
RUN_EPILOG = f"{EPILOG.removesuffix('.')}; 130 interrupted, with what there is marked as partial."
DEFAULT_SEEDS = "42,43,44"
FULL_SEEDS = tuple(range(42, 52))
OUTPUT = Path("build/bench")
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    help="Run, compare and report the benchmarks of the lab.",
    epilog=EPILOG,
)

Output = Annotated[Format, typer.Option("--output", "-o", help="Form of the answer.")]
Names = Annotated[list[str], typer.Argument(help="Benchmarks of `bench list`, or all.", metavar="NAME...|all")]
Folder = Annotated[Path, typer.Argument(help="A folder of runs, as `bench run --output` wrote it.", metavar="[FOLDER]")]
Short = Annotated[bool, typer.Option("--short", help="The short form: smaller problems, seconds each.")]
Seeds = Annotated[str, typer.Option(help="Seeds of the repeats: 42,43,44 or 42..51.", metavar="SEEDS")]
Full = Annotated[bool, typer.Option("--full", help="Ten seeds: 42..51.")]
Set = Annotated[
    list[str], typer.Option("--set", help="An option of the benchmark itself; repeatable.", metavar="KEY=VALUE")
]
Into = Annotated[Path, typer.Option("--output", help="Folder in which each benchmark has its own.", metavar="FOLDER")]
Scheduler = Annotated[
    str, typer.Option(help="Spread work over this Dask cluster (tcp://host:8786), else over the local cores.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run again what is there already.")]
CheckRanges = Annotated[bool, typer.Option("--check-ranges", help="Fail where a figure is outside its range spec.")]


@app.command("list", epilog=EPILOG, short_help="Which benchmarks there are, and whether their data is.")
def list_benchmarks(output: Output = Format.TABLE) -> None:
    """List the benchmarks: name, title, folders of public data that they need and whether those are there.

    The data is looked for in $HETEROSCHED_DATA, else in shared/data beside the checkout.
    """
    from heterosched_lab import registry

    data = registry.data_folder()
    found = registry.listed(data)
    if output is not Format.TABLE:
        write_data(found, output)
        return
    rows = []
    for row in found:
        there = f"missing: {', '.join(row.missing)}" if row.missing else "there" if row.needs else "none needed"
        rows.append((row.name, row.title, ", ".join(row.needs), row.problem or there))
    write_table(("NAME", "TITLE", "NEEDS", "DATA"), rows)
    note(f"data: {data}")


@app.command(epilog=RUN_EPILOG, short_help="Run benchmarks; what is done already is kept.")
def run(
    names: Names,
    short: Short = False,
    seeds: Seeds = DEFAULT_SEEDS,
    full: Full = False,
    set_: Set = [],  # noqa: B006  (typer copies it)
    output: Into = OUTPUT,
    scheduler: Scheduler = "",
    fresh: Fresh = False,
    check_ranges: CheckRanges = False,
) -> None:
    """Run benchmarks, each into a folder of its own: configuration, figures, tables, plots and a report.

    A benchmark that was run with the same configuration, code and data is kept. One that fails does not stop the
    others, and the exit code is 1. Ctrl-C ends the run; what was done is marked as partial (NAME.partial). A goal that
    is missed is a result and no failure.
    """
    from heterosched_lab import registry
    from heterosched_lab.progress import Bars
    from heterosched_lab.runs import request
    from heterosched_lab.runs.execute import Wanted, run_all

    if full and seeds != DEFAULT_SEEDS:
        raise InvalidInput("option --seeds", "", "goes not with --full", "give one of them")
    wanted = Wanted(
        registry.chosen(tuple(names)),
        FULL_SEEDS if full else request.seeds(seeds),
        short,
        output,
        registry.data_folder(),
        request.settings(set_),
        scheduler,
        fresh,
    )
    with request.terminable(), Bars() as bars:
        finished = run_all(wanted, bars, note)
    raise typer.Exit(request.conclude(finished, tuple(names), check_ranges))


@app.command(
    epilog=f"{EPILOG.removesuffix('.')}; here 1 means that a figure regressed.",
    short_help="Two runs, figure by figure.",
)
def compare(
    before: Annotated[Path, typer.Argument(help="A run's folder or figures.json, or a folder of runs.", metavar="A")],
    after: Annotated[Path, typer.Argument(help="The same of what is compared with it.", metavar="B")],
    output: Output = Format.TABLE,
) -> None:
    """Compare two runs: what became better or worse in B, by a test at 1 % over the repeats.

    Simulated and counted figures of the same seeds are compared seed by seed, others by Welch's test. Which way is
    better is said by each figure's goal. Outliers and changes that are hard to believe are flagged;
    without repeats a change of 5 % counts. Exit code 1 when a figure regressed.
    """
    from heterosched_lab.runs.compare import as_data, compare

    found = compare(before, after)
    if output is not Format.TABLE:
        write_data(as_data(found), output)
    else:
        from heterosched_lab.runs.compare import table_rows

        write_table(("BENCHMARK", "FIGURE", "A", "B", "GAIN", "P", "VERDICT", "FLAGS"), table_rows(found))
        for remark in found.remarks:
            note(f"note: {remark}")
    raise typer.Exit(1 if found.regressed else 0)


@app.command(epilog=EPILOG, short_help="Report on all runs of a folder, with a verdict for each goal.")
def report(folder: Folder = OUTPUT, output: Output = Format.TABLE) -> None:
    """Write FOLDER/report.md and FOLDER/summary.json over all runs, and show the goals: met or missed.

    Results of bench-core, bench-extender and bench-live are taken in where they lie in the folder.
    """
    from heterosched_lab.runs import summary

    found = summary.gather(folder)
    path = summary.write(found)
    if output is not Format.TABLE:
        write_data(summary.as_data(found), output)
    else:
        columns = ("BENCHMARK", "GOAL", "VALUE", "95% INTERVAL", "WANTED", "VERDICT", "PEER", "ORIGIN")
        write_table(columns, summary.goal_rows(found))
    for problem in found.problems:
        note(f"warning: {problem}")
    aimless = [run.config.benchmark for run in found.runs if not any(f.goal is not None for f in run.outcome.figures)]
    if aimless:
        note(f"without goals as they were run, so not in the table: {', '.join(aimless)}")
    if found.absent:
        note(f"not run, or skipped because its data is missing: {', '.join(found.absent)}")
    note(f"{len(found.goals()) - summary.missed(found)} of {len(found.goals())} goals met; report: {path}")


@app.command(epilog=EPILOG, short_help="The range spec that follows from a run.")
def ranges(
    folder: Annotated[Path, typer.Argument(help="A run's folder, of five seeds or more.", metavar="FOLDER")],
) -> None:
    """Print a range spec: the mean of a run's repeats and 20 % to the worse side, with its provenance."""
    from heterosched_lab.runs.folder import read
    from heterosched_lab.runs.range_specs import proposed

    typer.echo(proposed(read(folder)), nl=False)


PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": list[str]()}


@app.command("workload", context_settings=PASSED_ON, add_help_option=False, short_help="Run one workload by its name.")
def workload(context: typer.Context) -> None:
    """Run one of the workloads as real processes and measure it: `bench workload montecarlo --samples 1000000`."""
    from heterosched_lab.workloads.app import app as workloads

    _pass_on(workloads, context)


@app.command("contest", context_settings=PASSED_ON, add_help_option=False, short_help="The strategies' contest alone.")
def contest(context: typer.Context) -> None:
    """Run the heavy simulation, the offline experiment or the profiler: `bench contest heavy --tasks 1000`."""
    from heterosched_lab.contest.app import app as contests

    _pass_on(contests, context)


@app.command("tune", context_settings=PASSED_ON, add_help_option=False, short_help="Tune a SchedulingPolicy by search.")
def tune(context: typer.Context) -> None:
    """Tune weights, JPS's effort or its beta, and write the policy where there is a gain: `bench tune jps`."""
    from heterosched_lab.tuning.app import app as tuner

    _pass_on(tuner, context)


def _pass_on(commands: typer.Typer, context: typer.Context) -> None:
    """The commands of another app by the arguments that are left, with the exit code that they end with."""
    from typer.main import get_command

    name = f"heterosched bench {context.info_name}"
    raise typer.Exit(get_command(commands).main(context.args, prog_name=name, standalone_mode=False) or 0)
