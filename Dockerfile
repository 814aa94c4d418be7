# Sori's page and commands on a CPU:
#   docker build -t sori .
#   docker run --rm -p 127.0.0.1:7860:7860 sori
#   docker run --rm -v "$PWD:/songs" -w /songs sori sori-separate --input_path song.mp3 --output_path stems
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg libsndfile1 \
    && rm -rf /var/lib/apt/lists/*

# torch's builds for CPUs alone are a tenth as large as those with CUDA.
RUN pip install --no-cache-dir torch==2.11.0 torchaudio==2.11.0 --index-url https://download.pytorch.org/whl/cpu

WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY separator separator
COPY training training
COPY ui ui
COPY sori sori
COPY assets assets
COPY checkpoints checkpoints
RUN pip install --no-cache-dir ".[ui]"

RUN useradd --create-home --uid 1000 sori
USER sori
WORKDIR /home/sori
EXPOSE 7860
CMD ["sori-app", "--host", "0.0.0.0", "--port", "7860", "--no_browser"]
