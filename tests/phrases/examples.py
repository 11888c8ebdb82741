"""Whole sentences of those that the program puts together from pieces, as it says them: each must be known."""

from __future__ import annotations

EXAMPLES = (
    # alerts
    "agent stopped: pane %5 is gone; it was at «write the docs; then test»",
    "agent stopped: process 12: it was killed by signal 9 (SIGKILL) in pane %5",
    "agent stopped: gave up on purpose",
    "agent is unresponsive: no heartbeat for more than 30 s",
    "agent idle for more than 300 s; it was at «a task»",
    "agent idle for more than 300 s",
    "agent has waited for a person for more than 60 s; it was at «a task»",
    "agent has waited for a person for more than 60 s",
    "9 of 12 agents stopped: a, b, c, d, e, f, g, h and 1 more",
    "cluster main is down: session work is gone",
    "cluster main is down: its session is gone",
    "cluster main is down: none of its 3 agents runs",
    "busy → stopped: only zsh is left in pane %1: it ended with status 1",
    "idle → busy: works",
    "unknown → waiting: its own words",
    # of one word, which the search through the source leaves out
    *("works", "silenced", "maintenance", "maintenance: planned", "uses Bash", "no connection", "status 500"),
    *("polling: nobody listens", "polling: its own words"),
    # ends
    "pane %5 is gone: it was killed by signal 9 (SIGKILL)",
    "it ended in pane %1",
    "it ended with status 3 in pane %1",
    "it was killed by signal 9 in pane %1",
    "process 12: it ended",
    "process 12: it ended in pane %1",
    "process 12, named in pid file /run/x.pid, is gone",
    "process 12, named in pid file /run/x.pid: it ended with status 1",
    "process 12 is gone; only the sh that started it is left",
    "process 12 is gone from pane %1",
    "process 12 died, unnoticed by tmux, in pane %1",
    "only zsh is left in pane %1",
    "only zsh runs in pane %1",
    "something else runs in pane %1: worker is gone",
    # sources
    "tmux: tmux gave no answer within 5 s: the default server hangs",
    "tmux: tmux gave no answer within 5 s: the server at /tmp/x hangs",
    "tmux can't be started: Permission denied",
    "process: systemctl --user gave no answer within 3 s",
    "systemctl: it ended with status 1",
    "get_status()['agents'][3] is unusable: KeyError: 'name'",
    "the session's first window has no pane with index 3: they are 0 to 2",
    "the session's first window has no pane with index 3: there is none",
    "events from 1 session",
    "events from 2 sessions, polling 1 more",
    "events from 1 session, polling 1 more",
    "polling: the control client ended, next try in 4 s",
    "polling: tmux can't be started: Permission denied, next try in 4 s",
    "polling: nothing is watched yet",
    "polling: changes of files are only seen by looking: No space left on device",
    "at once, by pidfd: 1 process",
    "at once, by pidfd: 2 processes",
    "at once, by pidfd: 2 processes; others by checks: pidfd_open: Permission denied",
    "at once, by pidfd: 2 processes; others by checks: pidfd_open: 2147483648 is no process's number",
    "unit a.service is failed (failed): it ended with status 1, systemd starts it again",
    "unit a.service is failed (failed): it was not ready, or did not stop, in time, systemd starts it again",
    "unit a.service is failed (failed): it was killed by signal 9 (SIGKILL), the system ran out of memory",
    "unit a.service is inactive (dead)",
    "tmux says busy, claude says idle, push says runs: tmux is nearest to the agent",
    # Claude Code
    "stands in the configuration of team t, but no session of it is there",
    "a ghost: in the configuration of team t, but its process 12 is gone",
    "a ghost: in the configuration of team t, but its process 1 has ended: its number is another one's now",
    "a ghost: in the configuration of team t, but the process of its lead, in which it lived, is gone",
    "never seen: in the configuration of team t, but no process of it runs",
    "process 12 is gone, and left its session file behind",
    "/home/x/.claude is a symbolic link, which is not followed: a folder is needed",
    "/home/x/.claude is a file: a folder is needed",
    "/home/x/.claude can't be read: Permission denied",
    "/home/x\ufffd has a name that no file can have",
    "claude: /home/x/.claude is a pipe: a folder is needed",
    # backends
    "5 metric points given up and none sent since; 12 (3.0% of its queue) waiting; 7 spans given up and none sent ever",
    "log records: nothing was sent for 30 s; 1,204 waiting; the collector says: connection refused",
    "metric points: its queue is 85% full",
    "metric points: whether any are sent now is not known yet; 12 (3.0% of its queue) waiting",
    "12 spans sent and 3 given up before the first look",
    "no log records sent yet",
    "1,000 metric points sent, 3 given up; 12 log records sent",
    "the endpoint's last answers: metrics taken, logs NOT taken",
    "the backend takes nothing: connection refused",
    "the collector's queue of logs for this backend is at least 70 % full",
    (
        "at least 1 metric points, log records and spans did not get to this backend within 900 s: the collector gave "
        "it up, it was turned away, as with a full queue"
    ),
    "what this monitor sends is not taken: logs NOT taken, metrics NOT taken; the collector: not running: /x",
    "what this monitor sends is not taken: traces NOT taken",
    "the part of the spool for traces is at least 90 % full",
    (
        "at least 100 log records and spans of this monitor were lost within 900 s: the spool was full, the collector "
        "refused it for good"
    ),
    "files of its queues were damaged, and set aside: 2; what they held was not sent",
    # channels
    "Slack could not be asked: All connection attempts failed",
    "Slack answered 404: no_team",
    "the webhook (127.0.0.1) could not be asked: Connection refused",
    "Slack (hooks.example) gave no answer within 9 s",
    "the webhook answered 302 (redirects are not followed)",
    "the webhook is at 169.254.1.1, where nothing is sent to: it is link-local or a cloud's metadata service",
    "ntfy: it is at 169.254.1.1, where nothing is sent to: it is link-local or a cloud's metadata service",
    "2 of 3 services did not take it: ntfy: no answer within 9 s; gotify: no reason given",
    "the mail server localhost:25 took it: 2.0.0 Ok; but not for a@example.org",
    "the mail server localhost:25 refused the login: 535 no",
    "the mail server localhost:25 refused the mail: 550 no",
    "the mail server localhost:25 could not be used: Connection refused; SMTP_CA_FILE can name who else is trusted",
    "Alertmanager answered 200 to 1 alert",
    "Alertmanager answered 200 to 2 alerts",
    "given up after 24 h: Slack gave no answer within 9 s",
    # the API
    "no channel that is on is named x; on are: slack, email",
    "no channel that is on is named x; none is on",
    "this needs the role operate, and this token has the role read",
    "this needs the role operate, and the token ada has the role read",
)

UNSHOWN = (
    # commands for tmux, and its own words that are looked for
    *("display-message -p {}S ; capture-pane -p -J -S -{} -t {}", "display-message -p {}S{}", "display-message -p {}E"),
    *("if-shell -F -t {} {} {{ {} }}\ndisplay-message -p {}E", "list-panes -a {}", "list-panes -s -t {} {}"),
    *("if-shell -F {} {} {{ list-panes -s {} {} }} {{ {} }}", "capture-pane -p -t {}", "unknown option -- N"),
    *("no server running", "no such file or directory", "connection refused", "server exited", "lost server"),
    *("can't find session", "can't find window", "no current target", "display-message -p 'identity #{}/#{}/#{}'"),
    'while read -r pids; do held=$pids; done; [ -z "$held" ] || kill -KILL $held 2>/dev/null',
    # paths
    *(
        "{}/task/{}/children",
        "/proc/{}/stat",
        "teams/{}/config.json",
        "'#{{==:#{{session_id}}/#{{session_created}}/#{{pid}},{}}}'",
    ),
    "teams/{}/inboxes",
    "besides, the collector set {} damaged files of queues aside",  # told to a probe
    # told to who starts the program, or writes its settings
    *("the channel {} has no URL", "the host of URL number {} of APPRISE_URLS is {}, {}"),
    *("cluster_manager: {} has no get_status()", "an http or https URL, not at a link-local or metadata address"),
    # problems of a reading, which are in the log
    *(
        "two agents are named {}: the second is told as #{}",
        "agent {}: more than {} processes match; so many are watched",
    ),
    *("is not UTF-8", "is nested too deeply", "(line {}, column {})", "is not JSON{}"),
    "says a key twice in one object",
    *("holds {}, which is not JSON", "is {}: a regular file is needed", "has {} bytes: at most {} are read"),
    *("has grown beyond the {} bytes that are read", "… and {} more files that can't be used", "is used in part: {}"),
    "is a symbolic link, which is not followed: a regular file is needed",
    "is not there: Claude Code's folder is needed",
    "{} agents are known, which is as many as ORCHESTRATOR_PUSH_MOST_AGENTS allows: no further one is taken",
    # answers to programs that report of agents
    *("{} must be a text: the name of one of Claude Code's hook events", "the agent's name is empty"),
    "session_id must be a text of 1 to {} characters: the id of Claude Code's session",
    # answers that the dashboard never gets
    *("monitoring started", "monitoring was already running", "monitoring stopped", "monitoring was not running"),
    "not ready; why is told to those who show a token",
    *('Bearer realm="orchestrator-telemetry"', ', error="invalid_token"'),
    "Could not decode to UTF-8",
)
