"""The three doors to the tools: an MCP server, a command line, and the embedded registry's HTTP API."""
