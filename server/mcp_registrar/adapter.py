"""One annotated async function becomes one strict MCP tool.

What the stock decorator leaves open is closed here: unknown arguments are refused, rejected values are never
echoed back, descriptions carry no indentation, published schemas carry no noise, and errors reach the model as
*what, where, next step, code*.
"""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mcp import types
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool, ToolManager
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from mcp_registrar.catalog import ToolSpec, signature
from mcp_registrar_tools.answer import Answer, clean
from mcp_registrar_tools.errors import RegistrarError
from mcp_registrar_tools.workbench import Workbench

# Strictness for every tool at once, where the SDK derives its argument models from; setting it on each finished model
# would build each twice, and a host waits for the start of this process.
ArgModelBase.model_config.update({"extra": "forbid", "hide_input_in_errors": True})

STATELESS_ERA = "2026-07-28"
"""From this protocol version on a server cannot ask in the middle of a call: the call is repeated with the answer."""


class LazyTools(ToolManager):
    """Tools that are made when they are first asked for: a host waits for the handshake, which needs none of them."""

    def __init__(self, specs: Sequence[ToolSpec], bench: Workbench) -> None:
        super().__init__()
        self._specs = {spec.name: spec for spec in specs}
        self._bench = bench

    def get_tool(self, name: str) -> Tool | None:
        if name not in self._tools and name in self._specs:
            self._tools[name] = make_tool(self._specs[name], self._bench)
        return self._tools.get(name)

    def list_tools(self) -> list[Tool]:
        return [tool for name in self._specs if (tool := self.get_tool(name))]


class RegistrarServer(MCPServer[Any]):
    """`MCPServer` whose failures are written for the model that reads them. ``specs`` are its tools, in order."""

    def __init__(self, name: str, specs: Sequence[ToolSpec], bench: Workbench, **options: Any) -> None:
        super().__init__(name, **options)
        # The SDK has no public way in; tests/server/test_adapter.py would notice a change.
        self._tool_manager = LazyTools(specs, bench)

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> types.CallToolResult | types.InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, RegistrarError):
                raise ToolError(clean(cause.text())) from None
            if isinstance(cause, ValidationError):
                known = list((await self._schema_of(name)).get("properties", {}))
                raise ToolError(argument_errors(name, cause, known)) from None
            if cause is None and str(error).startswith("Unknown tool"):
                tools = ", ".join(tool.name for tool in await self.list_tools())
                raise ToolError(
                    f"There is no tool {clean(name, 80)!r}. Next: use one of {tools} [unknown-tool]"
                ) from None
            raise

    async def _schema_of(self, name: str) -> dict[str, Any]:
        return next((tool.input_schema for tool in await self.list_tools() if tool.name == name), {})

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> types.GetPromptResult | types.InputRequiredResult:
        prompts = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in prompts:
            raise MCPError(
                types.INVALID_PARAMS,
                f"There is no prompt {clean(name, 80)!r}. There are: {', '.join(sorted(prompts))}.",
            )
        declared = {argument.name: bool(argument.required) for argument in prompts[name].arguments or []}
        given = set(arguments or {})
        missing = sorted({key for key, required in declared.items() if required} - given)
        unknown = sorted(clean(key, 80) for key in given - set(declared))
        if missing or unknown:
            raise MCPError(
                types.INVALID_PARAMS,
                f"Prompt {name!r} takes {', '.join(sorted(declared)) or 'no arguments'}"
                + (f"; missing: {', '.join(missing)}" if missing else "")
                + (f"; unknown: {', '.join(unknown)}" if unknown else "")
                + ".",
            )
        return await super().get_prompt(name, arguments, context)


def argument_errors(tool: str, error: ValidationError, known: list[str]) -> str:
    """What is wrong with a call's arguments, one line each, without the values that were rejected."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        where = clean(".".join(str(part) for part in problem["loc"]), 80)
        if problem["type"] == "extra_forbidden":
            guess = difflib.get_close_matches(where, known, 1)
            lines.append(f"- {where}: no such argument" + (f", did you mean {guess[0]}?" if guess else ""))
        else:
            lines.append(f"- {where}: {problem['msg']}")
    return (
        f"Invalid arguments for {tool}:\n" + "\n".join(lines[:20]) + f"\nNext: call {tool} with"
        f" {', '.join(known) or 'no arguments'} [invalid-arguments]"
    )


def make_tool(spec: ToolSpec, bench: Workbench) -> Tool:
    """The MCP tool of a tool function. The function's signature, without ``bench``, is the input schema."""
    function = spec.function()
    outer = signature(function)
    answer_type: type[Answer] = outer.return_annotation

    async def call(ctx: Context[Any, Any], **arguments: Any) -> Any:
        asker = ClientAsker(ctx)
        try:
            answer = await function(replace(bench, progress=ctx.report_progress, ask=asker), **arguments)
        except _Question as question:
            return question.result
        return tool_result(answer)

    call.__name__ = spec.name
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Context)
    parameters = [
        context,
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in outer.parameters.values()),
    ]
    call.__signature__ = inspect.Signature(parameters, return_annotation=Any)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": Any}

    tool = Tool.from_function(
        call,
        name=spec.name,
        title=spec.title,
        description=inspect.getdoc(function),
        annotations=types.ToolAnnotations(
            read_only_hint=spec.read_only,
            destructive_hint=spec.destructive,
            idempotent_hint=spec.idempotent,
            open_world_hint=spec.open_world,
        ),
        structured_output=False,
    )
    quiet(tool.parameters)
    tool.fn_metadata.output_schema = shallow(answer_type)
    return tool


def tool_result(answer: Answer) -> types.CallToolResult:
    """Short text for the model, the same facts as structured content, a link for each written file."""
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=answer.text())]
    content += [
        types.ResourceLink(type="resource_link", name=path.name, uri=path.resolve().as_uri()) for path in answer.files()
    ]
    return types.CallToolResult(content=content, structured_content=answer.model_dump(mode="json"))


def quiet(schema: dict[str, Any]) -> None:
    """Take out of a published input schema what tells a model nothing: titles, "or null", empty defaults and bounds."""
    schema.pop("title", None)
    for value in schema.get("properties", {}).values():
        value.pop("title", None)
        options = [option for option in value.get("anyOf", ()) if option.get("type") != "null"]
        if len(options) == 1 and value.get("default", ...) is None:
            del value["anyOf"], value["default"]
            value.update(options[0])
        for key, silent in (("default", ("", False, [])), ("minimum", (0,)), ("additionalProperties", (True,))):
            if value.get(key, ...) in silent:
                del value[key]


def shallow(model: type[BaseModel]) -> dict[str, Any]:
    """An output schema of names: every call sends the whole list of tools, so each word is dear.

    The types stand in the documentation; `next`, which every answer has, is told of in the server's instructions.
    """
    return {
        "type": "object",
        "properties": {name: {} for name, field in model.model_fields.items() if name != "next" and not field.exclude},
    }


class _Question(BaseException):
    """Leaves a tool in the stateless era: the call is answered with a question and will be repeated.

    A BaseException so that no ``except Exception`` of a tool takes it for a failure.
    """

    def __init__(self, result: types.InputRequiredResult) -> None:
        self.result = result


class ClientAsker:
    """Asks the person through the client, in whichever way this client and protocol version can.

    Before 2026-07-28 the question goes out in the middle of the call. Since then the call ends with the question
    and is repeated with the answer; answers given so far travel in the sealed request state. A client that
    declares no elicitation cannot be asked: None.
    """

    patience = 40.0  # some clients give a call up after a minute

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._asked = 0
        self._answers: dict[str, bool] = json.loads(context.request_state or "{}")

    def _can(self, mode: str) -> bool:
        capabilities = self._context.client_capabilities
        elicitation = capabilities.elicitation if capabilities else None
        if elicitation is None:
            return False
        if mode == "url":
            return elicitation.url is not None
        return elicitation.form is not None or elicitation.url is None  # {} means forms only

    async def confirm(self, question: str) -> bool | None:
        if not self._can("form"):
            return None
        schema = {
            "type": "object",
            "properties": {"yes": {"type": "boolean", "title": "Yes", "description": "go ahead"}},
            "required": ["yes"],
        }
        return await self._ask(types.ElicitRequestFormParams(message=clean(question), requested_schema=schema))

    async def visit(self, message: str, url: str) -> bool | None:
        if self._can("url"):
            return await self._ask(
                types.ElicitRequestURLParams(message=clean(message), url=url, elicitation_id=f"visit-{self._asked}")
            )
        return await self.confirm(f"{message} Open {url}, then answer yes here.")

    async def _ask(self, params: types.ElicitRequestFormParams | types.ElicitRequestURLParams) -> bool:
        self._asked += 1
        key = f"q{self._asked}"
        if key not in self._answers:
            self._answers[key] = _is_yes(params, await self._response(key, params))
        return self._answers[key]

    async def _response(
        self, key: str, params: types.ElicitRequestFormParams | types.ElicitRequestURLParams
    ) -> types.ElicitResult:
        context = self._context
        if (context.protocol_version or "") < STATELESS_ERA:
            if isinstance(params, types.ElicitRequestURLParams):
                outcome = await context.elicit_url(params.message, params.url, params.elicitation_id or key)
                return types.ElicitResult(action=outcome.action)
            form: types.ElicitResult = await context.session.elicit_form(
                params.message, params.requested_schema, context.request_id
            )
            return form
        response = (context.input_responses or {}).get(key)
        if isinstance(response, types.ElicitResult):
            return response
        raise _Question(
            types.InputRequiredResult(
                input_requests={key: types.ElicitRequest(params=params)},
                request_state=json.dumps(self._answers),
            )
        )


def _is_yes(params: types.ElicitRequestFormParams | types.ElicitRequestURLParams, response: types.ElicitResult) -> bool:
    if response.action != "accept":
        return False
    return isinstance(params, types.ElicitRequestURLParams) or bool((response.content or {}).get("yes"))
