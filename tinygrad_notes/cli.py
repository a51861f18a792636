"""The command ``tinygrad-notes``: each subcommand reads its arguments and makes one call.

A subcommand is a function ``add_<name>(commands)`` that adds its parser and sets ``run``; `COMMANDS` lists them.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .errors import BadInputError, TinygradNotesError, missing_extra

if TYPE_CHECKING:
    from .graphs import Graph

__all__ = ["main"]

Commands = Any  # what argparse's add_subparsers returns; its type has no public name

EXAMPLES = """examples:
  tinygrad-notes draw "3*(a + b*c)" a=5 b=3 c=2 -o J.svg
  tinygrad-notes draw "u = b*c; v = a + u; J = 3*v" a=5 b=3 c=2
  tinygrad-notes draw "mean((w.T @ X - Y)**2)" w=[[1],[2]] X=X.npy Y=Y.npy --constant X Y
  tinygrad-notes draw model.py:loss -o loss.png
"""


OVERVIEW = """examples:
  tinygrad-notes draw "3*(a + b*c)" a=5 b=3 c=2      the picture of a formula, with its derivatives
  tinygrad-notes check derivation.py                 are my gradients right, and where do they go wrong?
  tinygrad-notes explain model.py:cost --source      the backward pass as NumPy code
  tinygrad-notes bench train.py                      where a compiled step's time goes, line by line

exit codes: 0 done, 1 a check did not pass, 2 the input can't be used (one line says why), 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """Errors are one line, without the usage; arguments that a large room adds, it adds when they are needed.

    Attributes
    ----------
    late : callable, optional
        Adds the rest of the arguments to this parser.
    """

    late: Callable[[Parser], None] | None = None

    def finish(self) -> None:
        """Add the late arguments."""
        late, self.late = self.late, None
        if late is not None:
            late(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read the arguments: this command is the one that was called."""
        self.finish()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the line and end with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if not given.

    Returns
    -------
    int
        0, or 2 after a line on stderr that says what was wrong.
    """
    arguments = make_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if arguments.debug:
            raise
        print(f"tinygrad-notes {arguments.command}: {_in_one_line(error)}", file=sys.stderr)
        return 2


def make_parser(whole: bool = False) -> Parser:
    """The parser of the command with all its subcommands; `whole`: with their late arguments too."""
    parser = Parser(
        prog="tinygrad-notes",
        description="Draw, explain and check computation graphs.",
        epilog=OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tinygrad-notes {_version()}")
    parser.add_argument("--debug", action="store_true", help="show Python's traceback of an error")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, parser_class=Parser)
    for add in COMMANDS:
        add(commands)
    for subcommand in commands.choices.values() if whole else ():
        subcommand.finish()
    return parser


def _version() -> str:
    return str(sys.modules["tinygrad_notes"].__version__)  # which importlib.metadata would say too, in 20 ms


def _in_one_line(error: Exception) -> str:
    """What went wrong; for an error that isn't ours, its kind and where in the user's file."""
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, (TinygradNotesError, OSError)):
        return text
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".py") and not file.startswith((str(Path(__file__).parent), sys.base_prefix, sys.prefix)):
            place = f" (at {Path(file).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {text}{place}; --debug shows the traceback"


# ── what is drawn or explained: a formula with values, or something in a file ────────────────────────────────────


def add_subject(parser: argparse.ArgumentParser) -> None:
    """The arguments that name a graph."""
    parser.add_argument("subject", help="a formula, or FILE.py:NAME (a function or a Tensor in that file)")
    parser.add_argument(
        "values", nargs="*", metavar="name=value", help="5, [1,2], [[1,2],[3,4]], file.npy or file.npz:name"
    )
    parser.add_argument("--constant", nargs="+", default=[], metavar="NAME", help="values without a derivative")


def graph_of(arguments: argparse.Namespace) -> Graph:
    """The graph that the arguments name.

    Raises
    ------
    BadInputError
        If they name none.
    """
    values = read_values(arguments.values)
    unknown = [name for name in arguments.constant if name not in values]
    if unknown:
        raise BadInputError(f"--constant {unknown[0]}: no such value was given")
    file = re.fullmatch(r"(.+\.py):(\w+)", arguments.subject, re.DOTALL)
    if file:
        return graph_in_file(Path(file[1]), file[2], values)
    if arguments.subject.endswith(".py"):
        raise BadInputError(f"which function or Tensor of {arguments.subject}? Write {arguments.subject}:NAME")
    return graph_of_formula(arguments.subject, values, set(arguments.constant))


def read_values(pairs: Sequence[str]) -> dict[str, Any]:
    """``["a=5", "w=[1,2]"]`` as names and arrays."""
    import unicodedata

    from .expressions import read_value

    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python reads the names of a formula
        if not equals or not name.isidentifier():
            raise BadInputError(f"{pair!r} is not of the form name=value")
        if name in values:
            raise BadInputError(f"{name} is given twice")
        values[name] = read_value(text.strip())
    return values


def graph_of_formula(text: str, values: dict[str, Any], constants: set[str]) -> Graph:
    """Compute a formula on Tensors and take its graph; its parts are named u, v, w … as in the notes."""
    from .expressions import give_names, parse
    from .graphs import Graph
    from .graphs.names import Names
    from .tensor import Tensor

    program = parse(text)
    extra = [name for name in values if name not in program.names]
    if extra:
        raise BadInputError(
            f"{extra[0]} does not occur in the formula; it has {', '.join(program.names) or 'no names'}"
        )
    tensors = {name: Tensor(value, requires_grad=name not in constants) for name, value in values.items()}
    with np.errstate(all="ignore"):
        variables = program.run(tensors)
        result = variables[program.result]
        if not isinstance(result, Tensor) or result.node is None:
            raise BadInputError(f"{text!r} has no variables with a derivative: name some, and give them values, a=2")
        names = Names()
        names.search({name: value for name, value in variables.items() if name != "pi"})
        if program.is_one_formula:
            names.of_nodes.update(give_names(result, set(variables)))
        return Graph(result.node, gradients=result.size == 1, names=names)


def graph_in_file(file: Path, name: str, values: dict[str, Any]) -> Graph:
    """Run the user's own file and take the graph of a Tensor in it, or of what a function in it returns."""
    from .graphs import Graph, graph
    from .graphs.names import Names
    from .recording import call_sites
    from .tensor import Tensor

    if not file.is_file():
        raise BadInputError(f"no such file: {file}")
    sys.path.insert(0, str(file.resolve().parent))
    try:
        with call_sites():
            namespace = runpy.run_path(str(file))
            if name not in namespace:
                raise BadInputError(f"{file} has no {name}")
            thing = namespace[name]
            if isinstance(thing, Tensor):
                names = Names()
                names.search(namespace)
                if thing.node is None:
                    raise BadInputError(f"{name} in {file} is a constant")
                return Graph(thing.node, gradients=thing.size == 1, names=names)
            if not callable(thing):
                raise BadInputError(f"{name} in {file} is neither a function nor a Tensor")
            return graph(thing, *arguments_for(thing, namespace, values))
    except TinygradNotesError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInputError(f"{file}: {type(error).__name__}: {error}{_line_in(error, file)}") from error
    finally:
        sys.path.remove(str(file.resolve().parent))


def arguments_for(function: Callable[..., Any], namespace: dict[str, Any], values: dict[str, Any]) -> list[Any]:
    """A value for each parameter: from the command line, its default, or the file's variable of that name."""
    import inspect

    found = []
    parameters = inspect.signature(function).parameters
    extra = [name for name in values if name not in parameters]
    if extra:
        raise BadInputError(f"{function.__name__}() has no parameter {extra[0]}")
    missing = []
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        if name in values:
            found.append(values[name])
        elif parameter.default is not parameter.empty:
            found.append(parameter.default)
        elif name in namespace:
            found.append(namespace[name])
        else:
            missing.append(f"{name}=...")
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise BadInputError(f"give {function.__name__}() its argument{plural}: {' '.join(missing)}")
    return found


def _line_in(error: BaseException, file: Path) -> str:
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""


# ── draw ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_draw(commands: Commands) -> None:
    """``draw``: print values and derivatives, save the picture."""
    parser = commands.add_parser(
        "draw",
        help="draw the graph of a formula, or of a function in your own file",
        description="Compute a formula or call a function, print its values and derivatives, draw its graph.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_subject(parser)
    parser.add_argument("-o", "--output", default="J.svg", help="where to: .svg .png .pdf .dot .html .txt (J.svg)")
    parser.add_argument("--direction", choices=("both", "forward", "backward"), default="both")
    parser.add_argument("--level", type=int, help="how many levels of scopes to open")
    parser.add_argument("--chain", action="store_true", help="write the chain rule at each arrow")
    parser.add_argument("--json", action="store_true", help="print values and derivatives as JSON")
    parser.set_defaults(run=run_draw)


def run_draw(arguments: argparse.Namespace) -> int:
    """Print and draw."""
    from .graphs.graph import check_suffix
    from .graphs.text import derivative_lines, value_lines

    output = Path(arguments.output)
    check_suffix(output)
    if not output.parent.is_dir():
        raise BadInputError(f"no such folder: {output.parent}")
    graph = graph_of(arguments)
    graph = graph.with_view(direction=arguments.direction, level=arguments.level, chain=arguments.chain)
    saved = graph.save(output)
    if arguments.json:
        print(json.dumps(as_data(graph) | {"picture": str(saved)}, ensure_ascii=False, indent=1))
        return 0
    lines = [*value_lines(graph), *(derivative_lines(graph) if graph.has_gradients else [])]
    print("\n".join(lines if len(lines) <= 200 else [str(graph)]))
    if not graph.has_gradients:
        print(f"no derivatives: {graph.root.label} is not one number; reduce it with sum or mean", file=sys.stderr)
    print(f"drawn to {saved}")
    return 0


def as_data(graph: Graph) -> dict[str, Any]:
    """Values and derivatives by label, as plain lists and numbers."""
    named = {node.label: node for node in graph.nodes if node.shape is not None}
    gradients = {name: node.gradient for name, node in named.items() if node.gradient is not None}
    return {
        "result": graph.root.label,
        "values": {name: np.asarray(node.value).tolist() for name, node in named.items()},
        "gradients": {name: np.asarray(gradient).tolist() for name, gradient in gradients.items()},
    }


# ── train ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_train(commands: Commands) -> None:
    """``train``: run one of the notes' assignments, print its table beside theirs, save its picture."""
    parser = commands.add_parser(
        "train",
        help="run one of the notes' assignments again, its table beside theirs",
        description="Run one of the notes' assignments again and print its table beside the notes' numbers.",
    )
    parser.late = _train_arguments


def _train_arguments(parser: Parser) -> None:
    from .notes.experiments.command import add_arguments, train_command

    add_arguments(parser)
    parser.set_defaults(run=train_command)


# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_notes(commands: Commands) -> None:
    """``notes``: verify the catalogue of the notes; a table, one entry, JSON, or a web site."""
    parser = commands.add_parser(
        "notes",
        help="verify every formula of the notes",
        description="Verify every formula of the notes: right ones by computing, wrong ones by a counterexample.",
    )
    parser.late = _notes_arguments


def _notes_arguments(parser: Parser) -> None:
    from .notes.command import add_arguments, notes_command

    add_arguments(parser)
    parser.set_defaults(run=notes_command)


# ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_check(commands: Commands) -> None:
    """``check``: run the derivations of a file, print a table of verdicts."""
    parser = commands.add_parser(
        "check",
        help="check the derivations marked with @tn.testing.derivation in your files",
        description="Check every derivation of the files; ends with 1 unless all are right.",
        epilog="example:\n  tinygrad-notes check logistic.py --examples 50 --artefacts failing/",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", help="Python files")
    parser.add_argument("--seed", type=int, default=0, help="of the random cases (0)")
    parser.add_argument("--examples", type=int, default=20, help="random cases per derivation (20)")
    parser.add_argument("--artefacts", help="a folder for failing cases: web page, .npz, program")
    parser.add_argument("--json", action="store_true", help="every report as JSON")
    parser.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> int:
    """Check, and say how it went by the exit code."""
    from .testing.command import check_files

    return check_files(
        arguments.files,
        as_json=arguments.json,
        seed=arguments.seed,
        max_examples=arguments.examples,
        artefacts=arguments.artefacts,
    )


# ── coverage ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_coverage(commands: Commands) -> None:
    """``coverage``: what can be differentiated, from the rule book."""
    parser = commands.add_parser(
        "coverage",
        help="list the functions that can be differentiated, with their derivatives",
        description="List every function the rule book knows: its derivative, or why there is none, or what to use.",
        epilog="examples:\n  tinygrad-notes coverage tanh\n  tinygrad-notes coverage --json | jq '.[].name'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="only functions whose name contains this")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--markdown", action="store_true", help="as the page of the documentation")
    parser.set_defaults(run=run_coverage)


def run_coverage(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from .coverage import Coverage, coverage

    table = coverage()
    if arguments.name:
        names = {row.name.rpartition(".")[2] for row in table}
        table = Coverage([row for row in table if arguments.name in row.name])
        if not len(table):
            near = difflib.get_close_matches(arguments.name.rpartition(".")[2], names, 3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise BadInputError(f"no function of the rule book is named like '{arguments.name}'{hint}")
    print(table.to_json() if arguments.json else table.to_markdown() if arguments.markdown else table)
    return 0


# ── bench ────────────────────────────────────────────────────────────────────────────────────────────────────────


def add_bench(commands: Commands) -> None:
    """``bench``: where a compiled function's time goes."""
    parser = commands.add_parser(
        "bench",
        help="run a file and print the profile of each function compiled in it, line by line",
        description="Run a Python file; for each tn.compile(...) in it that was called, print the program: expected "
        "and measured time, bytes and arithmetic of every line.",
        epilog="example:\n  tinygrad-notes bench examples/12_compile.py --source",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="a Python file")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long to run each (0.2)")
    parser.add_argument("--source", action="store_true", help="print the programs too")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run_bench)


def run_bench(arguments: argparse.Namespace) -> int:
    """Run the file and print the profiles."""
    from .compiler import Compiled

    if not arguments.file.is_file():
        raise BadInputError(f"no such file: {arguments.file}")
    sys.path.insert(0, str(arguments.file.resolve().parent))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            namespace = runpy.run_path(str(arguments.file))
    finally:
        sys.path.pop(0)
    found = {name: thing for name, thing in namespace.items() if isinstance(thing, Compiled) and thing.traces}
    if not found:
        raise BadInputError(f"{arguments.file} calls no compiled function: step = tn.compile(step), then step(...)")
    profiles = {name: thing.stats.measure(arguments.seconds) for name, thing in found.items()}
    if arguments.json:
        print(json.dumps({name: profile.to_json() for name, profile in profiles.items()}, indent=1))
        return 0
    for name, profile in profiles.items():
        print(f"{name}: {profile}\n")
        if arguments.source:
            print(found[name].source)
    return 0


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────


def add_explain(commands: Commands) -> None:
    """``explain``: the chain rule, step by step."""
    parser = commands.add_parser(
        "explain",
        help="print the chain-rule steps of a formula, or of a function in your own file",
        description="Print values, then each derivative by the chain rule; as LaTeX, or as NumPy code.",
        epilog=EXAMPLES.replace("draw", "explain").replace(" -o J.svg", "").replace(" -o loss.png", " --source"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_subject(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="as LaTeX")
    form.add_argument("--source", action="store_true", help="as NumPy code of both passes")
    parser.add_argument("--course", action="store_true", help="with --latex: dZ without 1/m, as the course writes it")
    parser.set_defaults(run=run_explain)


def run_explain(arguments: argparse.Namespace) -> int:
    """Print."""
    from .graphs.text import derivative_lines, value_lines

    graph = graph_of(arguments)
    if not graph.has_gradients:
        raise BadInputError(f"{graph.root.label} is not one number; reduce it with sum or mean")
    if arguments.latex:
        print(graph.to_latex(course=arguments.course))
    elif arguments.source:
        print(graph.source, end="")
    elif all(node.shape == () for node in graph.nodes):
        steps = graph.steps
        explained = {step.split(" = ")[0] for step in steps}
        others = [line for line in derivative_lines(graph) if line.split(" = ")[0] not in explained]
        print("\n".join([*value_lines(graph), *steps, *others]))
    else:
        print("\n".join([*value_lines(graph), "", graph.source]), end="")
    return 0


# ── completion ───────────────────────────────────────────────────────────────────────────────────────────────────


def add_completion(commands: Commands) -> None:
    """``completion``: a script that lets a shell complete the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script with which your shell completes this command",
        description="Print the completion script of a shell.",
        epilog="examples:\n"
        "  tinygrad-notes completion bash > ~/.local/share/bash-completion/completions/tinygrad-notes\n"
        "  tinygrad-notes completion zsh > ~/.zfunc/_tinygrad-notes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(run=run_completion)


def run_completion(arguments: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab
    except ImportError as error:
        raise missing_extra("shtab", "cli", "shell completion") from error
    print(shtab.complete(make_parser(whole=True), arguments.shell))
    return 0


COMMANDS: tuple[Callable[[Commands], None], ...] = (
    add_draw,
    add_explain,
    add_train,
    add_notes,
    add_coverage,
    add_check,
    add_bench,
    add_completion,
)
