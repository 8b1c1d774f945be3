"""The command line: the same functions as the MCP tools, one command each.

``--format json`` prints exactly the structured result; ``text`` what a model would read. Exit codes: 0 what was
asked for is so, 1 it is not (or failed), 2 the command itself was wrong.
"""

from __future__ import annotations

import argparse
import inspect
import json
import logging
import os
import sys
import typing
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

from mcp_registrar_tools.errors import RegistrarError

if TYPE_CHECKING:
    from cyclopts import App

    from mcp_registrar.catalog import ToolSpec
    from mcp_registrar_tools.answer import Answer
    from mcp_registrar_tools.workbench import Settings


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--data-dir")
    options.add_argument("--log-level")
    given, rest = options.parse_known_args(arguments)

    from mcp_registrar import logs, settings

    for stream in (sys.stdout, sys.stderr):  # a terminal without Unicode still gets its answer
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        loaded = settings.load(
            data_dir=settings.absolute_path(given.data_dir) if given.data_dir else None,
            log_level=given.log_level,
        )
        logs.configure(loaded.log_level)
        if rest == ["serve"]:  # what a host runs: no command-line library is loaded for it
            return serve_stdio(loaded)
        return _dispatch(loaded, rest)
    except RegistrarError as error:
        print_error(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read has seen enough, as in `mcp-registrar search | head -1`
        _drop_output()
        return 141
    except Exception as error:
        logging.getLogger(__name__).debug("unexpected failure", exc_info=True)
        print_error(
            RegistrarError(
                "internal-error",
                f"mcp-registrar itself failed ({type(error).__name__})",
                "run it again with --log-level DEBUG and report what it prints",
            )
        )
        return 1


def serve_stdio(settings: Settings) -> int:
    """The MCP server on standard input and output, until the client closes it."""
    from mcp_registrar.app import build_server

    build_server(settings).run()
    return 0


def _say(text: str) -> None:
    """Print an answer at once, where a failure to write it can still be told. Raises `InputError`."""
    from mcp_registrar_tools.errors import InputError

    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise InputError(
            "output-unwritable",
            f"the command is done, and its answer cannot be written: {error.strerror or error}",
            "make room where standard output goes",
        ) from None


def _drop_output() -> None:
    """Nothing is left for the interpreter to write, and to complain of, at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_error(error: RegistrarError, *, as_json: bool = False) -> None:
    """An error on standard error, in the words the model would read; as JSON on standard output."""
    from mcp_registrar.logs import redact

    if as_json:
        facts = {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}
        _say(redact(json.dumps({"error": facts}, indent=2, ensure_ascii=False)))
    else:
        print(redact(f"error: {error.text()}"), file=sys.stderr)


def _dispatch(settings: Settings, arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    app = build_app(settings)
    try:
        code = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return 2
    return code if isinstance(code, int) else 0


def build_app(settings: Settings) -> App:
    """All commands: ``serve``, one per tool, and the embedded registry's own."""
    from cyclopts import App, Parameter

    from mcp_registrar.catalog import COMMANDS_ONLY, TOOLS, tool
    from mcp_registrar_tools.version import VERSION

    app = App(
        name="mcp-registrar",
        help="Publish MCP servers: write server.json, validate, build, prove, publish, find.",
        version=f"mcp-registrar {VERSION}",
        default_parameter=Parameter(negative=()),
        help_format="plaintext",
        help_epilogue="Everywhere: --data-dir DIR (embedded registry and credentials), --log-level LEVEL.",
    )
    app.command(_serve_command(settings), name="serve")
    for spec in (*TOOLS, *COMMANDS_ONLY):
        # Tools have a `--version` of their own: a server's, not this program's.
        app.command(_tool_command(spec, settings), name=spec.command, version_flags=())
    # What users of agentregistry's command line type.
    app.command(_tool_command(tool("search"), settings), name="list", version_flags=(), show=False)
    unpublish = _tool_command(tool("set_status"), settings, status="deleted")
    app.command(unpublish, name="unpublish", version_flags=(), show=False)
    app.command(_registry_app(settings))
    return app


def _registry_app(settings: Settings) -> App:
    """``mcp-registrar registry``: serves the embedded registry; its other commands beside it."""
    from cyclopts import App, Parameter

    from mcp_registrar.registry import commands

    app = App(
        name="registry", help="Serve the embedded registry, or fill it.", default_parameter=Parameter(negative=())
    )
    app.default(_settings_command(commands.serve, settings))
    for function in (commands.mirror, commands.seed, commands.export, commands.token):
        app.command(_settings_command(function, settings), name=function.__name__)
    return app


def _settings_command(function: Callable[..., Awaitable[int]], settings: Settings) -> Callable[..., Awaitable[int]]:
    """The command of a function whose first parameter is the settings."""
    bare = inspect.signature(function, eval_str=True)
    _settings, *rest = bare.parameters.values()
    public = bare.replace(parameters=[p.replace(annotation=_described(p)) for p in rest])

    async def command(*positional: Any, **named: Any) -> int:
        bound = public.bind(*positional, **named)
        return await function(settings, *bound.args, **bound.kwargs)

    command.__signature__ = public  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in public.parameters.values()} | {"return": int}
    command.__doc__ = inspect.getdoc(function)
    command.__name__ = function.__name__
    return command


def _serve_command(settings: Settings) -> Callable[..., int]:
    def serve(*, http: bool = False, port: int = 8765) -> int:
        """Run the MCP server on standard input and output.

        Parameters
        ----------
        http
            Serve streamable HTTP on 127.0.0.1 instead, at /mcp.
        port
            Port for --http.
        """
        if not http:
            return serve_stdio(settings)
        from mcp_registrar.app import build_server

        build_server(settings).run("streamable-http", host="127.0.0.1", port=port)
        return 0

    return serve


FORMATS = ("text", "json")


def _tool_command(spec: ToolSpec, settings: Settings, **fixed: Any) -> Callable[..., Awaitable[int]]:
    """The command of a tool: the function's own signature without what is ``fixed``, and ``--format``."""
    from cyclopts import Parameter

    from mcp_registrar.bench import make_bench
    from mcp_registrar.catalog import signature

    function = spec.function()
    outer = signature(function)

    async def command(*positional: Any, **named: Any) -> int:
        arguments = public.bind(*positional, **named).arguments
        form = arguments.pop("format", "text")
        bench, close = make_bench(settings)
        bench.progress = show_progress
        bench.ask = TerminalAsker()
        try:
            answer = await function(bench, **arguments, **fixed)
        except RegistrarError as error:
            _clear_progress()
            print_error(error, as_json=form == "json")
            _tell_actions(error)
            return 1
        finally:
            await close()
        _clear_progress()
        _tell_actions(answer)
        return print_answer(answer, form)

    parameters: list[inspect.Parameter] = []
    for parameter in outer.parameters.values():
        if parameter.name in fixed or "dict" in str(
            parameter.annotation
        ):  # an inline document is a model's way; a shell has files
            continue
        positional = not parameters or parameter.default is inspect.Parameter.empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if positional else inspect.Parameter.KEYWORD_ONLY
        parameters.append(parameter.replace(annotation=_described(parameter), kind=kind))
    formats = (*FORMATS, *outer.return_annotation.FORMATS)
    parameters.append(
        inspect.Parameter(
            "format",
            inspect.Parameter.KEYWORD_ONLY,
            default="text",
            annotation=Annotated[typing.Literal[formats], Parameter(help="how to print the result")],
        )
    )
    public = inspect.Signature(parameters, return_annotation=int)
    command.__signature__ = public  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": int}
    command.__doc__ = inspect.getdoc(function)
    command.__name__ = spec.name
    return command


def _described(parameter: inspect.Parameter) -> Any:
    """A parameter's annotation with pydantic's field description as command-line help; empty defaults say nothing."""
    from cyclopts import Parameter
    from pydantic.fields import FieldInfo

    hint: Any = parameter.annotation
    notes: list[Any] = []
    if typing.get_origin(hint) is Annotated:
        hint, *notes = typing.get_args(hint)
    text = next((note.description for note in notes if isinstance(note, FieldInfo) and note.description), None)
    shown = parameter.default not in ("", False, 0, None, [], inspect.Parameter.empty)
    name = ("--from", "--source") if parameter.name == "source" else None  # `from` is no name in Python
    return Annotated[hint, Parameter(name=name, help=text, show_default=shown)]


def _tell_actions(result: Answer | RegistrarError) -> None:
    """In a GitHub Actions job: annotations and the job's summary."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from mcp_registrar_tools import github_actions

        for line in github_actions.report(result):
            print(line, file=sys.stderr)


def print_answer(answer: Answer, form: str) -> int:
    """Print a result and return the exit code it asks for."""
    if form == "json":
        _say(json.dumps(answer.model_dump(mode="json"), indent=2, ensure_ascii=False))
    elif form == "text":
        _say(answer.text())
    else:
        _say(answer.render(form))
    return answer.exit_code()


_last_progress = ""


async def show_progress(done: float, total: float | None, message: str) -> None:
    """One line that is rewritten on a terminal; a line per message in a log."""
    global _last_progress  # noqa: PLW0603 - the state of this process's one terminal line
    from mcp_registrar_tools.answer import clean

    message = clean(message).strip().replace("\n", " ")
    if not message or message == _last_progress:
        return
    _last_progress = message
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        print(f"\r\x1b[K{message[:width]}", end="", file=sys.stderr, flush=True)
    else:
        print(message, file=sys.stderr, flush=True)


def _clear_progress() -> None:
    if _last_progress and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class TerminalAsker:
    """Asks on the terminal; without one nobody can be asked."""

    patience = 900.0

    async def confirm(self, question: str) -> bool | None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        import anyio

        _clear_progress()
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return (await anyio.to_thread.run_sync(sys.stdin.readline)).strip().lower() in {"y", "yes"}

    async def visit(self, message: str, url: str) -> bool | None:
        _clear_progress()
        print(f"{message}\n  {url}", file=sys.stderr, flush=True)
        return True if sys.stderr.isatty() else None
