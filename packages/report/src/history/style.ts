/** Colours have a contrast of 4.5 on the background of either scheme. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1b1b1b;--faint:#5f5f5f;--line:#8a8a8a;--page:#fff;--worse:#b3261e;--better:#146c2e;--mark:#1a56c4}
@media(prefers-color-scheme:dark){:root{--text:#e6e6e6;--faint:#a8a8a8;--line:#8a8a8a;--page:#161616;--worse:#ff9086;--better:#7ddb94;--mark:#8ab4ff}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1em;max-width:70em;color:var(--text);background:var(--page);overflow-wrap:anywhere}
h1{font-size:1.4em}h2{font-size:1.15em;margin:1.5em 0 .5em}small{color:var(--faint)}
label{display:inline-block;padding:.2em .6em .2em .3em;margin-right:.5em;min-height:24px}
.profile{display:none}
figure{margin:0 0 1.5em;padding:.8em 0 0;border-top:1px solid var(--line)}
figure ul{margin:.4em 0;padding-left:1.2em}
.regression{color:var(--worse)}.improvement{color:var(--better)}
.chart{position:relative;margin:.5em 0 2.2em}
.chart svg{display:block;width:100%;height:9em;overflow:visible}
.range{display:flex;justify-content:space-between;font-size:12px;color:var(--faint)}
.tick{position:absolute;top:100%;font:11px ui-monospace,monospace;color:var(--faint);white-space:nowrap;transform:translateX(-50%)}
.tick.first{transform:none}.tick.last{transform:translateX(-100%)}.tick.change{color:var(--text);font-weight:bold}
polyline{fill:none;stroke:currentColor;stroke-width:1.3;vector-effect:non-scaling-stroke}
.level{stroke:var(--mark);stroke-width:2;vector-effect:non-scaling-stroke}
.at{stroke-width:1.5;stroke-dasharray:4 3;vector-effect:non-scaling-stroke}
.at.regression{stroke:var(--worse)}.at.improvement{stroke:var(--better)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{padding:.2em .7em;text-align:left;border-bottom:1px solid color-mix(in srgb,var(--line) 40%,transparent);overflow-wrap:normal}
td:nth-child(1){min-width:16em}td:nth-child(2){min-width:14em}
`;
