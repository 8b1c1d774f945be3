# mcp-registrar in a small image that runs as nobody.
#   docker build -t mcp-registrar .
#   docker run -i --rm -v "$PWD:/project" -w /project mcp-registrar                     # MCP server on stdio
#   docker run --rm -p 127.0.0.1:12121:12121 -v registrar:/data mcp-registrar registry --host 0.0.0.0
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/mcp-registrar
COPY . .
# For a build without a network: --build-arg PIP_OPTIONS="--no-index --find-links wheels"
ARG PIP_OPTIONS=""
RUN /opt/mcp-registrar/bin/python -m pip install --no-cache-dir ${PIP_OPTIONS} ".[postgres]" \
 && /opt/mcp-registrar/bin/python -m pip uninstall -q -y pip

FROM ${PYTHON_IMAGE}
LABEL io.modelcontextprotocol.server.name="io.github.mcp-registrar/mcp-registrar" \
      org.opencontainers.image.title="mcp-registrar" \
      org.opencontainers.image.description="Publish MCP servers from a coding assistant; a registry inside to rehearse on" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/mcp-registrar/mcp-registrar"
COPY --from=build /opt/mcp-registrar /opt/mcp-registrar
RUN mkdir /data && chown 10001 /data
ENV PATH=/opt/mcp-registrar/bin:$PATH HOME=/data MCP_REGISTRAR_DATA_DIR=/data PYTHONUNBUFFERED=1
USER 10001
VOLUME /data
EXPOSE 12121
ENTRYPOINT ["mcp-registrar"]
CMD ["serve"]
