"""The HTTP side: /metrics, the JSON API and a dashboard. Reads the picture; asks monitors only to start and stop."""
