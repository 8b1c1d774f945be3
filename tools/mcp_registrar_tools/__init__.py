"""What mcp-registrar can do: plain async functions that know neither MCP nor a command line."""
