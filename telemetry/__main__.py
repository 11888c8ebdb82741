"""`python -m telemetry …` is `orchestrator-telemetry …`."""

from telemetry.cli import main

if __name__ == "__main__":
    main()
