"""The command `darkhorse`: its words and options. What a command does is imported when it runs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from sim.errors import InputError

BAD_INPUT, FAILED = 2, 1

app = typer.Typer(
    name="darkhorse",
    help="A simulation laboratory for the geopolitics of AI: run scenarios, compare policies, draw the results.",
    epilog="Exit codes: 0 done, 1 failed or incomplete, 2 bad input. A scenario is a preset's name or a YAML file.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

File = Annotated[str, typer.Argument(help="A preset's name or a YAML file.", metavar="FILE")]
Folder = Annotated[Path, typer.Argument(help="A folder of results that a command wrote.", metavar="DIR")]
Runs = Annotated[
    int | None, typer.Option("--runs", min=1, metavar="N", help="Number of runs, instead of the scenario's.")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Seed, instead of the scenario's.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set a value of the scenario; the end of a path is enough."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder in which the results get their own folder.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, metavar="N", help="Processes to use; 2 unless given.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no table, only the folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object or list on standard output, nothing else.")]
NoCharts = Annotated[bool, typer.Option("--no-charts", help="Draw no charts.")]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write no report.html.")]
Force = Annotated[bool, typer.Option("--force", help="Compute again even if the results are there.")]
Executor = Annotated[
    str, typer.Option("--executor", metavar="NAME", help="Where runs are computed: processes, dask or here.")
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler, tcp://host:port.")
]
OUT = Path("outputs")


def _print_version(asked: bool) -> None:
    if asked:
        from sim.plan import own_version

        typer.echo(f"darkhorse {own_version()}")
        raise typer.Exit


@app.callback()
def _darkhorse(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command("list", short_help="List the scenarios that come with it.")
def list_command(as_json: Json = False) -> None:
    """List the scenarios that come with darkhorse."""
    with _reporting(as_json):
        from sim.commands.text import print_presets

        print_presets(as_json)


@app.command(short_help="Check scenarios and report all errors.")
def validate(
    files: Annotated[list[str], typer.Argument(help="Preset names or YAML files.", metavar="FILE")],
    as_json: Json = False,
) -> None:
    """Check scenarios and say everything that is wrong with them."""
    with _reporting(as_json):
        from sim.commands.text import validate_files

        if not validate_files(files, as_json):
            raise typer.Exit(BAD_INPUT)


@app.command(short_help="Put a scenario or a name into words.")
def explain(
    name: Annotated[
        str, typer.Argument(help="A scenario, parameter, lever, measure, operator or fact.", metavar="NAME")
    ],
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Say in words what a scenario assumes and how it differs from its parent, or what a name stands for."""
    with _reporting(as_json):
        from sim.commands.text import print_explanation

        print_explanation(name, sets or [], as_json)


@app.command(short_help="Print the JSON Schema of scenario files.")
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    with _reporting(False):
        from sim.commands.text import print_schema

        print_schema()


@app.command(short_help="Run a scenario and its counterfactual.")
def run(
    file: File,
    runs: Runs = None,
    seed: Seed = None,
    sets: Sets = None,
    out: Out = OUT,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    no_report: NoReport = False,
    force: Force = False,
) -> None:
    """Run a scenario with its counterfactual and write tables and charts."""
    with _reporting(as_json):
        from sim.commands.runs import Wish, run_scenario

        wish = Wish(out, runs, seed, tuple(sets or ()), jobs, quiet, as_json, not no_charts, force, not no_report)
        _end(run_scenario(file, wish))


@app.command(short_help="Compare scenarios, run by run.")
def compare(
    base: Annotated[str, typer.Argument(help="The scenario that the others are set against.", metavar="BASE")],
    alternatives: Annotated[list[str], typer.Argument(help="Scenarios to set against it.", metavar="ALT")],
    runs: Runs = None,
    seed: Seed = None,
    sets: Sets = None,
    out: Out = OUT,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: Json = False,
    no_report: NoReport = False,
    force: Force = False,
) -> None:
    """Run scenarios with the same draws and chance and write their paired differences, with 90% intervals.

    `darkhorse chart DIR` draws the charts of the folder that this writes.
    """
    with _reporting(as_json):
        from sim.commands.runs import Wish, compare_scenarios

        wish = Wish(out, runs, seed, tuple(sets or ()), jobs, quiet, as_json, False, force, not no_report)
        _end(compare_scenarios(base, alternatives, wish))


@app.command(short_help="Vary levers over shared draws, with paired effects.")
def sweep(
    file: File,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="PATH=A:B:N", help="Vary a path: from A to B in N values, or PATH=a,b,c."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="NAME={PATH: VALUE}", help="A named policy; also NAME=counterfactual."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            "--baseline",
            metavar="WHAT",
            help="Compare with as_written, counterfactual, a policy, or PATH=VALUE laid over.",
        ),
    ] = None,
    method: Annotated[str | None, typer.Option("--method", metavar="M", help="grid, latin_hypercube or sobol.")] = None,
    points: Annotated[int | None, typer.Option("--points", min=1, help="Points of a sampled design.")] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=1, help="Draws of the uncertain world; 64.")] = None,
    draw_method: Annotated[
        str | None, typer.Option("--draw-method", metavar="M", help="random, latin_hypercube or sobol.")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Chances for each draw; 1.")] = None,
    outcomes: Annotated[str | None, typer.Option("--outcomes", metavar="A,B", help="Measures or columns.")] = None,
    series: Annotated[
        str | None, typer.Option("--series", metavar="A,B", help="Keep these month by month too.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="MONTH,...", help="Months of the outcomes.")] = None,
    sets: Sets = None,
    seed: Seed = None,
    out: Out = OUT,
    jobs: Jobs = None,
    executor: Executor = "processes",
    scheduler: Scheduler = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Compute only this share; then `darkhorse merge`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, how long, how large; end.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    no_report: NoReport = False,
    force: Force = False,
) -> None:
    """Vary levers, policies or values over the same draws and luck, and write every run and the paired effects.

    The same can stand in the scenario as a block `experiment:`. The same command goes on where it was interrupted.
    """
    with _reporting(as_json, "what was finished is kept, and the same command goes on from there"):
        from sim.commands.sweeps import Manner, SweepWish, sweep_scenario

        block = {"method": method, "points": points, "draws": draws, "draw_method": draw_method, "seeds": seeds}
        lists = tuple(sets or ()), seed, tuple(vary or ()), tuple(policy or ()), tuple(baseline or ())
        wish = SweepWish(*lists, block, outcomes, series, at)
        manner = Manner(out, jobs, executor, scheduler, shard, quiet, as_json, not no_charts, force, not no_report)
        _end(sweep_scenario(file, wish, manner, dry_run))


@app.command(short_help="Put the parts of a sweep's shards together.")
def merge(folder: Folder, quiet: Quiet = False, as_json: Json = False) -> None:
    """Put the tables of a sweep together from parts that `darkhorse sweep --shard` computed."""
    with _reporting(as_json):
        from sim.commands.sweeps import merge_shards

        _end(merge_shards(folder, quiet, as_json))


@app.command(short_help="Find the conditions under which something happens.")
def discover(
    folder: Folder,
    when: Annotated[
        str,
        typer.Option(
            "--when", metavar="CONDITION", help="As in 'gap_months.CN@2027-12 > baseline + 3'; joined by and."
        ),
    ],
    coverage: Annotated[
        float | None, typer.Option("--coverage", metavar="SHARE", help="Least share of the cases in the box; 0.5.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    force: Force = False,
) -> None:
    """Find the conditions on parameters and levers under which something happens in a sweep, by PRIM and CART.

    Needs `pip install darkhorse[analysis]`. See docs/discovery.md.
    """
    with _reporting(as_json):
        from sim.commands.discover import Showing, discover

        _end(discover(folder, when, coverage, Showing(quiet, as_json, not no_charts, force)))


@app.command(short_help="Find the policy that loses least, whatever the world.")
def regret(
    folders: Annotated[list[Path], typer.Argument(help="A sweep, or one for each worldview.", metavar="DIR")],
    side: Annotated[str, typer.Option("--side", metavar="WHO", help="Who chooses: sender or challenger.")] = "sender",
    objective: Annotated[
        list[str] | None,
        typer.Option("--objective", metavar="OUTCOME:higher", help="Your own, instead of the side's; or :lower."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="A,B,C", help="Weights of the objectives; equal unless given.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="MONTH", help="Month of the objectives; the last.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    force: Force = False,
) -> None:
    """Compare the policies of a sweep by their regret over its draws, and by trade-offs between objectives.

    Several sweeps of the same policies are views of the world with names. See docs/discovery.md.
    """
    with _reporting(as_json):
        from sim.commands.discover import Showing
        from sim.commands.regret import RegretWish, regret

        wish = RegretWish(side, tuple(objective or ()), at, weights)
        _end(regret(folders, wish, Showing(quiet, as_json, not no_charts, force)))


@app.command(short_help="Find what drives outcomes and the effect on them.")
def sensitivity(
    file: File,
    outcomes: Annotated[str | None, typer.Option("--outcomes", metavar="A,B", help="Measures or columns.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="MONTH,...", help="Months of the outcomes.")] = None,
    of: Annotated[
        str, typer.Option("--of", metavar="WHAT", help="effect (less the counterfactual), level or both.")
    ] = "both",
    trajectories: Annotated[
        int | None, typer.Option("--trajectories", min=2, metavar="N", help="Morris trajectories; 20.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=16, metavar="N", help="Sobol' samples, a power of two; 512.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, metavar="K", help="Parameters that get Sobol' indices; 16.")
    ] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=3, metavar="N", help="Draws of the split; 32.")] = None,
    chances: Annotated[
        int | None, typer.Option("--chances", min=3, metavar="N", help="Chances for each draw of the split; 4.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few runs: a rough look.")] = False,
    sets: Sets = None,
    seed: Seed = None,
    out: Out = OUT,
    jobs: Jobs = None,
    executor: Executor = "processes",
    scheduler: Scheduler = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, and where; end.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    force: Force = False,
) -> None:
    """Rank uncertain parameters (Morris), share out the variance (Sobol', PAWN), set it beside structure and chance.

    Needs `pip install darkhorse[analysis]`. The same command goes on where it was interrupted. See docs/sensitivity.md.
    """
    with _reporting(as_json, "what was finished is kept, and the same command goes on from there"):
        from sim.commands.sensitivity import SensitivityWish, run_sensitivity

        sizes = {"trajectories": trajectories, "samples": samples, "top": top, "draws": draws, "chances": chances}
        wish = SensitivityWish(
            tuple(sets or ()), seed, outcomes, at, of, sizes, quick,
            out, jobs, executor, scheduler, quiet, as_json, not no_charts, force, dry_run,
        )  # fmt: skip
        _end(run_sensitivity(file, wish))


@app.command(short_help="Fit the uncertain numbers to the stylised facts.")
def calibrate(
    scenario: Annotated[str, typer.Argument(metavar="[FILE]", help="A preset's name or a YAML file.")] = "history_hold",
    until: Annotated[
        str, typer.Option("--until", metavar="MONTH", help="Last month of data that is seen.")
    ] = "2025-12",
    quick: Annotated[bool, typer.Option("--quick", help="Few runs and short chains: a rough look.")] = False,
    slack: Annotated[
        bool, typer.Option("--slack", help="Fit the response of progress to scarcity too (off otherwise).")
    ] = False,
    points: Annotated[int | None, typer.Option("--points", min=256, metavar="N", help="Runs a wave; 8192.")] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=100, metavar="N", help="Steps of the chain; 6000.")
    ] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=16, metavar="N", help="Draws that are kept; 400.")] = None,
    ship: Annotated[bool, typer.Option("--ship", help="Make it the fit that `base: posterior` takes.")] = False,
    seed: Seed = None,
    out: Out = OUT,
    jobs: Jobs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, and where; end.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    force: Force = False,
) -> None:
    """Fit by history matching and a posterior: what data say of the uncertain numbers, and what they do not.

    Needs `pip install darkhorse[calibrate]`. The same command goes on after the last finished wave. See
    docs/calibration.md.
    """
    with _reporting(as_json, "finished waves are kept, and the same command goes on from there"):
        from sim.commands.calibrate import CalibrateWish, run_calibrate

        sizes = {"points": points, "steps": steps, "draws": draws}
        wish = CalibrateWish(
            scenario, until, quick, slack, sizes, seed, ship,
            out, jobs, quiet, as_json, not no_charts, force, dry_run,
        )  # fmt: skip
        _end(run_calibrate(wish))


@app.command(short_help="Forecast what is observed, and score past forecasts.")
def backcast(
    cut: Annotated[
        str | None, typer.Option("--fit-until", metavar="MONTH", help="Last month of data; the last shipped fit's.")
    ] = None,
    until: Annotated[str, typer.Option("--until", metavar="MONTH", help="Last month of the forecasts.")] = "2027-12",
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="FILE", help="A preset's name or a YAML file.")
    ] = "history_hold",
    draws: Annotated[int, typer.Option("--draws", min=2, metavar="N", help="Runs of each world.")] = 256,
    origins: Annotated[
        str, typer.Option("--origins", metavar="MONTH,...", help="Cuts from which what followed is scored.")
    ] = "2023-12,2024-06,2024-12",
    world: Annotated[str, typer.Option("--world", metavar="BASE", help="posterior, prior or central.")] = "posterior",
    sets: Sets = None,
    out: Out = OUT,
    jobs: Jobs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, and where; end.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    force: Force = False,
) -> None:
    """Forecast every observation operator from a fit, and score what came after the cut beside simple rules.

    See docs/backcast.md.
    """
    with _reporting(as_json):
        from sim.commands.backcast import BackcastWish, run_backcast

        wish = BackcastWish(
            cut, until, scenario, draws, origins, world, tuple(sets or ()),
            out, jobs, quiet, as_json, not no_charts, force, dry_run,
        )  # fmt: skip
        _end(run_backcast(wish))


@app.command(short_help="Try the memo's claims, with a verdict on each.")
def memo(
    file: Annotated[str, typer.Argument(help="deepseek_shock, history_hold or a file.", metavar="FILE")] = (
        "deepseek_shock"
    ),
    draws: Annotated[int, typer.Option("--draws", min=1, metavar="N", help="Draws of the uncertain world.")] = 200,
    seeds: Annotated[int, typer.Option("--seeds-per-draw", min=1, metavar="N", help="Chances for each draw.")] = 1,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="BASE", help="prior, posterior or both; both unless there is no posterior."),
    ] = None,
    sets: Sets = None,
    seed: Seed = None,
    out: Out = OUT,
    jobs: Jobs = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many runs, and where; end.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    no_charts: NoCharts = False,
    no_report: NoReport = False,
    force: Force = False,
) -> None:
    """Try the claims of the DeepSeek memo: effects, cells, variants, ablations, placebos, and a verdict by a rule.

    See docs/memo.md.
    """
    with _reporting(as_json):
        from sim.commands.memo import MemoWish, try_memo

        wish = MemoWish(
            draws, seeds, base, tuple(sets or ()), seed, out, jobs, quiet, as_json, not no_charts, force, dry_run,
            not no_report,
        )  # fmt: skip
        _end(try_memo(file, wish))


@app.command(short_help="Write a report to send, one HTML file.")
def report(
    folders: Annotated[
        list[Path], typer.Argument(help="The results that it is about, then others that add to it.", metavar="DIR")
    ],
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="ARM", help="The scenario that the others are held against.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file; report.html in the first folder.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write one HTML file on a run, comparison, sweep or memo: offline, to read, to send or to print.

    Further folders (sweep, sensitivity, discovery, regret, memo, backcast, calibration) add their sections.
    """
    with _reporting(as_json):
        from sim.commands.report import make_report

        _end(make_report(folders, baseline, out, quiet, as_json))


@app.command(short_help="Print the hash of a folder's numbers.")
def digest(folder: Folder, as_json: Json = False) -> None:
    """Print the hash of the numbers in a folder's tables: equal for equal numbers, however they were computed."""
    with _reporting(as_json):
        from sim.commands.sweeps import print_digest

        print_digest(folder, as_json)


@app.command(short_help="Draw the charts of a folder again.")
def chart(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the figures, where the results cannot be written."),
    ] = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw the charts of a run, comparison or experiment from its tables."""
    with _reporting(as_json):
        from sim.commands.runs import draw_again

        _end(draw_again(folder, out, jobs, quiet, as_json))


@app.command(short_help="Write a folder as files for other tools.")
def export(
    folder: Folder,
    iamc: Annotated[bool, typer.Option("--iamc", help="IAMC tables with definitions, as CSV and XLSX.")] = False,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="A workbook with a sheet for each table, and charts.")] = False,
    zip_: Annotated[bool, typer.Option("--zip", help="A bundle with data, licence and how to reproduce it.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the files; DIR/export unless given.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a folder of results as files for other tools; without an option in every form that applies.

    Needs `pip install darkhorse[export]`. IAMC tables take a run, a comparison or a sweep.
    """
    with _reporting(as_json):
        from sim.commands.export import export_folder

        wanted = {"iamc": iamc, "xlsx": xlsx, "zip": zip_}
        _end(export_folder(folder, [form for form, asked in wanted.items() if asked], out, quiet, as_json))


@app.command(short_help="Check one recorded run alone.")
def replay(
    folder: Folder,
    number: Annotated[int, typer.Option("--run", min=0, metavar="K", help="Number of the run, from 0.")],
    as_json: Json = False,
) -> None:
    """Compute one recorded run alone and check that it gives the same numbers, bit for bit."""
    with _reporting(as_json):
        from sim.commands.runs import replay_run

        _end(replay_run(folder, number, as_json))


@app.command("app", short_help="Open the live policy desk.")
def app_command(
    port: Annotated[
        int | None, typer.Option("--port", min=1024, max=65535, metavar="N", help="Port; the first free one from 8501.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser; only serve the page.")] = False,
) -> None:
    """Open the live policy desk in the browser: levers on the left, answers while they move. Ctrl-C ends it.

    It is served on this machine only and asks the network for nothing. Needs `pip install 'darkhorse[app]'`.
    """
    with _reporting(False):
        from sim.commands.app import open_desk

        open_desk(port, not no_browser)


def main() -> None:
    """Run the command line."""
    app()


def _end(success: bool) -> None:
    if not success:
        raise typer.Exit(FAILED)


@contextlib.contextmanager
def _reporting(as_json: bool, stopped: str = "nothing half-written was left") -> Iterator[None]:
    """Turn what can go wrong into messages and exit codes; `stopped` is what Ctrl-C leaves behind."""
    try:
        yield
    except InputError as error:
        from sim.commands.text import print_problems

        print_problems(error, as_json)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo(f"stopped; {stopped}", err=True)
        raise typer.Exit(FAILED) from None
    except (RuntimeError, FileNotFoundError) as error:
        from sim.commands.text import print_failure
        from sim.ensemble import RunError
        from sim.executors import WorkersError
        from sim.results import OutputError

        if not isinstance(error, RunError | OutputError | WorkersError | FileNotFoundError):
            raise
        print_failure(error, as_json)
        raise typer.Exit(FAILED) from None
