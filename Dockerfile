# The workstation: train, score, estimate, simulate. Bitfiles need Dockerfile.finn.
#   docker build -t radioml .
#   docker run --rm -it -v "$PWD/runs:/radioml/runs" radioml make demo
# BASE is any Debian 12; name an image by its digest to repeat a build exactly.
ARG BASE=debian:bookworm-slim
# hadolint ignore=DL3006
FROM ${BASE}

# Versions of Debian's packages follow the base: a pinned one disappears from the mirrors with the next point release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates g++ git make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 radioml \
    && install -d -o radioml /radioml
USER 1000
WORKDIR /radioml

# Dependencies in a layer of their own, so that a change of the code does not install them again.
COPY --chown=radioml requirements/ requirements/
RUN requirements/install.sh .venv --dependencies
COPY --chown=radioml . .
RUN requirements/install.sh .venv
ENV PATH="/radioml/.venv/bin:${PATH}"
HEALTHCHECK --interval=1h --timeout=1m CMD ["sh", "-c", "radioml doctor training && radioml doctor build"]
CMD ["radioml", "--help"]
