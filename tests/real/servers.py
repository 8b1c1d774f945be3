"""MCP servers in a few lines each, right and wrong, for images and programs in tests."""

# ruff: noqa: E501 - programs in strings

from __future__ import annotations

PYTHON = """\
import json, os, sys
BANNER, SILENT, CODE = os.environ.get("BANNER"), os.environ.get("SILENT"), os.environ.get("EXIT")
print("starting up", file=sys.stderr, flush=True)
if BANNER: print(BANNER, flush=True)
if CODE: print("missing API_KEY", file=sys.stderr); sys.exit(int(CODE))
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("forecast", "alerts")]
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or SILENT: continue
    if message["method"] == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": os.environ.get("NAME", "weather"), "version": "1.2.3"}}
    elif message["method"] == "tools/list": result = {"tools": TOOLS}
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""
"""Standard library only. BANNER prints to standard output first, SILENT answers nothing, EXIT ends at once."""

NODE = """\
const out = m => process.stdout.write(JSON.stringify(m) + "\\n");
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const m = JSON.parse(line);
  if (m.id === undefined) return;
  if (m.method === "initialize") out({ jsonrpc: "2.0", id: m.id, result: { protocolVersion: m.params.protocolVersion,
    capabilities: { tools: {} }, serverInfo: { name: "node-weather", version: "2.0.0" } } });
  else out({ jsonrpc: "2.0", id: m.id, result: { tools: [{ name: "forecast", inputSchema: { type: "object" } }] } });
});
"""

C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  static char line[65536];
  while (fgets(line, sizeof line, stdin)) {
    char *id = strstr(line, "\"id\":");
    if (!id) continue;
    long n = strtol(id + 5, NULL, 10);
    if (strstr(line, "\"initialize\""))
      printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
             "\"serverInfo\":{\"name\":\"static-weather\",\"version\":\"3\"}}}\n", n);
    else
      printf("{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"tools\":[{\"name\":\"forecast\",\"inputSchema\":{\"type\":\"object\"}}]}}\n", n);
    fflush(stdout);
  }
  return 0;
}
"""
"""To be linked statically: an image of one file on `scratch`."""

HTTP = """\
import http.server, json, os, sys, time
HOST, PORT = os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))
time.sleep(float(os.environ.get("SLOW", "0")))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/mcp": return self.answer(404, b"", "text/plain")
        if os.environ.get("LOCKED"): return self.answer(401, b"{}", "application/json")
        if "id" not in message: return self.answer(202, b"", "application/json")
        if message["method"] == "initialize":
            result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                      "serverInfo": {"name": "http-weather", "version": "4"}}
        else: result = {"tools": [{"name": "forecast", "inputSchema": {"type": "object"}}]}
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        if os.environ.get("STREAM"): self.answer(200, b"event: message\\ndata: " + body + b"\\n\\n", "text/event-stream")
        else: self.answer(200, body, "application/json")
    def answer(self, status, body, kind):
        self.send_response(status); self.send_header("Content-Type", kind); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): print(*args, file=sys.stderr)
http.server.ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()
"""

SHELL = r"""
while read -r line; do
  id=$(echo "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  [ -z "$id" ] && continue
  case "$line" in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"shell-weather","version":"6"}}}' ;;
    *) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[{"name":"forecast","inputSchema":{"type":"object"}}]}}' ;;
  esac
done
"""
"""For an image of busybox alone."""
