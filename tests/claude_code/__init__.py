"""The real Claude Code behind a stub of its model: fetched once, started in panes of a test's own tmux server.

    def test_it(claude_code: ClaudeCode) -> None:            # the fixture of `fixtures`, with a `tmux` beside it
        claude_code.home.settings(hooks=…)                   # before the start; the home is `claude_code.home.folder`
        program = claude_code.start("--name", "digger")      # variables=TEAMS, session="…" where wanted
        program.say("hold on")                               # what may be said: `script`
        program.wait_for("busy")
        claude_code.stub.release("on")
        program.wait_for("idle")
        program.end()                                        # kill -9; or leave(), end(signal.SIGTERM)
        again = program.resumed()

A started program sees nobody's home, settings or environment, and reaches no address but those on the loopback.
"""
