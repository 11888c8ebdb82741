// Every text of the page, in the languages it speaks. A new language is one more entry.

const ENGLISH = {
  columns: { name: "Agent", state: "State", since: "For", idle: "Quiet for", restarts: "Restarts", reason: "Why" },
  states: {
    busy: "working", idle: "idle", waiting: "waits for you",
    unresponsive: "unresponsive", stopped: "stopped", unknown: "unknown",
  },
  levels: { info: "Info", warning: "Warning", error: "Error", critical: "Critical" },
  connected: "live",
  connecting: "connecting …",
  lost: (since) => `connection lost ${since} ago – what you see is old`,
  working: (busy, total) => `${busy} of ${total} ${total === 1 ? "agent" : "agents"} working`,
  others: (count, state) => `${count} ${state}`,
  trouble: (name, state, since) => `${name} ${state} ${since} ago`,
  waiting: (name, since) => `${name} has waited for you for ${since}`,
  more: (count) => `${count} more in trouble`,
  noAgents: "No agents here.",
  notYet: "No check has finished yet.",
  sessionGone: (name) => `The session ${name} is gone.`,
  paused: "Monitoring is stopped.",
  stale: (since) => `The last check finished ${since} ago.`,
  blind: (error) => `The cluster can't be seen: ${error}.`,
  alerts: (count) => `Open alerts (${count})`,
  ago: (since) => `${since} ago`,
  units: { s: "s", m: "min", h: "h", d: "d" },
  joint: "; ",
  end: ".",
  number: "en",
};

const JAPANESE = {
  columns: { name: "エージェント", state: "状態", since: "経過", idle: "無活動", restarts: "再起動", reason: "理由" },
  states: {
    busy: "稼働中", idle: "アイドル", waiting: "入力待ち",
    unresponsive: "応答なし", stopped: "停止", unknown: "不明",
  },
  levels: { info: "情報", warning: "警告", error: "エラー", critical: "重大" },
  connected: "接続中",
  connecting: "接続しています…",
  lost: (since) => `${since}前から接続できません。表示は古い内容です`,
  working: (busy, total) => `${total} エージェント中 ${busy} が稼働中`,
  others: (count, state) => `${state} ${count}`,
  trouble: (name, state, since) => `${name} は ${since}前から${state}`,
  waiting: (name, since) => `${name} が ${since}前から入力を待っています`,
  more: (count) => `ほか ${count} 件の問題`,
  noAgents: "エージェントはいません。",
  notYet: "まだ確認が完了していません。",
  sessionGone: (name) => `セッション ${name} がありません。`,
  paused: "監視は停止しています。",
  stale: (since) => `最後の確認は ${since}前です。`,
  blind: (error) => `クラスタの状態を取得できません: ${error}`,
  alerts: (count) => `未解決のアラート（${count}）`,
  ago: (since) => `${since}前`,
  units: { s: "秒", m: "分", h: "時間", d: "日" },
  joint: "、",
  end: "。",
  number: "ja",
};

const LANGUAGES = { en: ENGLISH, ja: JAPANESE };

/** The texts for the first of the browser's languages that we speak, and that language's code. */
export function choose(languages) {
  for (const language of languages) {
    const code = language.toLowerCase().split("-")[0];
    if (code in LANGUAGES) {
      return { code, texts: LANGUAGES[code] };
    }
  }
  return { code: "en", texts: ENGLISH };
}

/** A duration in seconds, in its largest unit: 42 s, 3 min, 5 h, 2 d. */
export function duration(seconds, texts) {
  const whole = Math.max(0, Math.floor(seconds));
  const steps = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const [size, unit] = steps.find(([size]) => whole >= size) ?? [1, "s"];
  return `${Math.floor(whole / size).toLocaleString(texts.number)} ${texts.units[unit]}`;
}
