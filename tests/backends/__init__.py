"""Gets and starts the real servers that tests send to and query.

Prometheus, Loki, Elasticsearch, Jaeger, and a recorder that speaks Datadog's intake.

`python -m tests.backends build` builds them once from their published sources into a cache outside the tree;
`tests.backends.fixtures` gives them to pytest. Each server is a context manager in a module of its own.
"""
