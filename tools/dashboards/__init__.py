"""Dashboards as code: what stands in deploy/grafana/dashboards and deploy/datadog, and Kibana's part, is written here.

Names come from telemetry/signals/semconv.py and thresholds from the catalogue of alert rules, so that a dashboard can't
name what nobody sends. `python -m tools.dashboards` (`make dashboards`) writes the files.
"""
