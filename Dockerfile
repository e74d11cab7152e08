# The service: light installation, models baked in, a user without rights.
FROM python:3.11-slim
ARG MODELS="msd-musicnn mtt-musicnn"
ENV RESEMUL_HOME=/models PYTHONUNBUFFERED=1
COPY . /source
RUN pip install --no-cache-dir "/source[server]" && rm -rf /source \
    && resemul pretrained download $MODELS \
    && useradd --system --no-create-home resemul
USER resemul
ENV RESEMUL_OFFLINE=1
EXPOSE 8000
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready')"
ENTRYPOINT ["resemul", "serve", "--host", "0.0.0.0"]
