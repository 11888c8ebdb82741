"""The chart of deploy/kubernetes against a real API server, by hand: `make test-kubernetes`."""
