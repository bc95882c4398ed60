# The workstation: train, score, estimate, simulate. Everything but bitfiles; those need Dockerfile.finn.
#   docker build -t radioml . && docker run --rm -it -v "$PWD/runs:/radioml/runs" radioml make demo
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends g++ make git && rm -rf /var/lib/apt/lists/*
WORKDIR /radioml
COPY . .
RUN requirements/install.sh .venv
ENV PATH="/radioml/.venv/bin:${PATH}"
CMD ["radioml", "--help"]
