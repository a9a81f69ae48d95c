export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #f5f6f8; --card: #ffffff; --text: #1b2028; --muted: #5a6472; --line: #dfe3e8; --track: #e8ebef;
  --accent: #2b5fd9;
  --ok: #17784a; --ok-back: #e3f4ea;
  --warning: #8a5300; --warning-back: #fdf0d5;
  --critical: #b3261e; --critical-back: #fce8e6;
  --shadow: 0 1px 2px rgb(20 30 50 / 6%), 0 2px 8px rgb(20 30 50 / 4%);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0e1116; --card: #171b22; --text: #e7eaee; --muted: #98a2af; --line: #2a313b; --track: #262d37;
    --accent: #86abff;
    --ok: #56c88b; --ok-back: #12291e;
    --warning: #e6ad4f; --warning-back: #2e2411;
    --critical: #ff8a80; --critical-back: #371917;
    --shadow: none;
  }
}
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 16px }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } * { transition: none !important; animation: none !important } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; overflow-wrap: anywhere }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; padding: 0 }
ul, ol { list-style: none }
a { color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 6px }
section:focus { outline: none }
section:focus-visible > .heading h2, section:focus-visible > h2 { outline: 3px solid var(--accent); outline-offset: 4px; border-radius: 4px }
[hidden] { display: none !important }
[data-level=ok] { --tone: var(--ok); --tone-back: var(--ok-back) }
[data-level=warning] { --tone: var(--warning); --tone-back: var(--warning-back) }
[data-level=critical] { --tone: var(--critical); --tone-back: var(--critical-back) }
[data-level=waiting] { --tone: var(--muted); --tone-back: var(--track) }

.skip { position: absolute; left: 16px; top: -60px; background: var(--card); padding: 8px 14px; border-radius: 8px; z-index: 1 }
.skip:focus { top: 12px }
.bar { display: flex; align-items: center; gap: 8px 24px; padding: 16px 0; flex-wrap: wrap }
.brand { font-weight: 650; letter-spacing: -.01em }
.brand span { color: var(--muted); font-weight: 450 }
nav { display: flex; gap: 18px; margin-left: auto; font-size: 14px }
nav a { color: var(--muted); text-decoration: none; padding: 4px 0 }
nav a:hover { color: var(--text); text-decoration: underline }
.link { font-size: 13px; color: var(--muted); display: flex; align-items: center; gap: 7px; font-variant-numeric: tabular-nums }
.link::before { content: ''; width: 8px; height: 8px; border-radius: 50%; background: var(--muted) }
.link[data-state=live]::before { background: var(--ok) }
.link[data-state=lost] { color: var(--critical); font-weight: 600 }
.link[data-state=lost]::before { background: var(--critical) }

.verdict { display: flex; gap: 18px; align-items: center; padding: 22px 24px; border-radius: 14px; background: var(--tone-back); transition: background .3s }
.verdict .glyph { flex: none; width: 46px; height: 46px; border-radius: 50%; display: grid; place-items: center; font-size: 22px; font-weight: 700; color: var(--back); background: var(--tone) }
h1 { font-size: 24px; line-height: 1.25; letter-spacing: -.015em; font-weight: 650 }
.verdict p { color: var(--muted); margin-top: 2px }

section { margin-top: 36px }
.heading { display: flex; align-items: baseline; gap: 4px 12px; flex-wrap: wrap; margin-bottom: 14px }
.heading h2 { margin: 0 }
h2 { font-size: 18px; font-weight: 650; letter-spacing: -.01em; margin-bottom: 14px }
.note, .empty { color: var(--muted); font-size: 14px }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 16px; align-items: stretch }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; box-shadow: var(--shadow); min-width: 0; display: flex; flex-direction: column; gap: 12px }
.card:not([data-level=ok]) { border-color: color-mix(in srgb, var(--tone) 45%, var(--line)) }
.card .head { display: flex; align-items: center; justify-content: space-between; gap: 12px }
h3 { font-size: 16px; line-height: 1.3; font-weight: 620 }
.place { margin-top: 2px; font-size: 13px; color: var(--muted); font-family: var(--mono) }
.pill { flex: none; display: inline-flex; align-items: center; gap: 6px; font-size: 13px; font-weight: 600; line-height: 1; padding: 6px 10px; border-radius: 99px; color: var(--tone); background: var(--tone-back); white-space: nowrap }
.pulse { display: flex; align-items: flex-end; gap: 16px }
.latency { flex: none; min-width: 92px; font-size: 26px; line-height: 1; font-weight: 600; letter-spacing: -.02em; font-variant-numeric: tabular-nums }
.latency small { font-size: 13px; font-weight: 450; color: var(--muted); letter-spacing: 0 }
.spark { flex: 1; height: 34px; min-width: 0; overflow: visible }
.spark .line { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke }
.spark .area { fill: var(--accent); opacity: .12 }
.spark .missed { stroke: var(--critical); stroke-width: 2; stroke-linecap: round; vector-effect: non-scaling-stroke }
.spark .base { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 14px; font-size: 13.5px }
dt { color: var(--muted) }
dd { min-width: 0 }
.problem { background: var(--tone-back); border-radius: 8px; padding: 10px 12px; font-size: 13.5px }
.problem strong { display: block; font-weight: 600; color: var(--tone) }
.problem + .problem { margin-top: 6px }

.scale, .life { display: grid; grid-template-columns: minmax(0, 15rem) minmax(0, 1fr) 9.5rem; gap: 4px 20px }
.scale { font-size: 12px; color: var(--muted); padding: 0 18px; margin-bottom: 4px }
.scale .ticks { grid-column: 2; position: relative; height: 18px }
.scale .ticks span { position: absolute; left: var(--at); transform: translateX(-50%); white-space: nowrap }
.scale .ticks span:first-child { transform: none }
.scale .ticks span:last-child { transform: translateX(-100%) }
.lives { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow) }
.life { padding: 12px 18px; align-items: center; border-top: 1px solid var(--line) }
.life:first-child { border-top: 0 }
.who { min-width: 0 }
.who h3 { font-size: 14.5px; overflow: hidden; text-overflow: ellipsis; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical }
.who p { font-size: 12.5px; color: var(--muted) }
.track { position: relative; height: 8px; border-radius: 4px; background: var(--track) }
.track .fill { position: absolute; inset: 0 auto 0 0; width: var(--at); min-width: 8px; border-radius: 4px; background: var(--tone) }
.track .tick { position: absolute; top: -4px; bottom: -4px; left: var(--at); width: 1px; background: var(--line) }
.left { text-align: right; font-size: 14px; font-weight: 600; color: var(--tone); font-variant-numeric: tabular-nums }
.left small { display: block; font-weight: 400; font-size: 12.5px; color: var(--muted) }
.life details, .life .todo { grid-column: 1 / -1 }
.life .todo:empty { display: none }
.life summary { cursor: pointer; font-size: 13px; color: var(--muted); width: max-content }
.life summary:hover { color: var(--text) }
.life details dl { padding: 8px 0 2px }
code { font-family: var(--mono); font-size: .92em }

.log { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow) }
.log:empty { display: none }
.event { display: grid; grid-template-columns: 5.2rem 1.2rem minmax(0, 1fr); gap: 10px; padding: 9px 18px; border-top: 1px solid var(--line); font-size: 14px; align-items: baseline }
.event:first-child { border-top: 0 }
.event time { color: var(--muted); font-size: 13px; font-variant-numeric: tabular-nums }
.event .glyph { color: var(--tone); font-weight: 700; text-align: center }
.event b { font-weight: 600 }
footer { color: var(--muted); font-size: 13px; padding-top: 32px; padding-bottom: 40px }
.noscript { padding: 20px; text-align: center }

@media (max-width: 640px) {
  header, main, footer { padding-left: 14px; padding-right: 14px }
  .bar { padding: 12px 0 }
  nav { order: 3; width: 100%; margin: 0; gap: 20px }
  nav a { padding: 6px 0 }
  .link { margin-left: auto }
  .verdict { padding: 16px; gap: 14px; align-items: flex-start }
  .verdict .glyph { width: 38px; height: 38px; font-size: 18px }
  h1 { font-size: 20px }
  section { margin-top: 28px }
  .scale { display: none }
  .life { grid-template-columns: minmax(0, 1fr) auto; padding: 12px 14px; gap: 8px 12px }
  .track { grid-column: 1 / -1; grid-row: 2 }
  .event { grid-template-columns: 1.2rem minmax(0, 1fr); padding: 9px 14px; gap: 2px 8px }
  .event time { grid-column: 2; grid-row: 2 }
}
@media (forced-colors: active) { .track .fill, .link::before { background: CanvasText } .pill, .problem, .verdict { border: 1px solid } }
`
