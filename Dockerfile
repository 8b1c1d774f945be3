# mcp-registrar in a small image that runs as nobody.
#   docker build -t mcp-registrar .
#   docker run -i --rm -v "$PWD:/project" -w /project mcp-registrar                     # MCP server on stdio
#   docker run --rm -p 127.0.0.1:12121:12121 -v registrar:/data mcp-registrar registry --host 0.0.0.0
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY server ./server
COPY tools ./tools
RUN pip install --no-cache-dir --no-compile --prefix=/install ".[postgres]"

FROM python:3.12-slim
LABEL io.modelcontextprotocol.server.name="io.github.mcp-registrar/mcp-registrar" \
      org.opencontainers.image.title="mcp-registrar" \
      org.opencontainers.image.description="Publish MCP servers from a coding assistant, with a registry inside to rehearse on" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/mcp-registrar/mcp-registrar"
COPY --from=build /install /usr/local
RUN useradd --system --uid 10001 --home-dir /data --create-home registrar
ENV MCP_REGISTRAR_DATA_DIR=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /data
EXPOSE 12121
ENTRYPOINT ["mcp-registrar"]
CMD ["serve"]
